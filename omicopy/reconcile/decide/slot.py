"""The rule for what a quota refused: while others of the account are in flight, their end frees a slot."""

from __future__ import annotations

from omicopy.model.lookup import Present, Unasked, Unknown
from omicopy.reconcile.decide.decisions import Fail, Import, Look, LookAgain, Stage, StartExport, Step, Wait
from omicopy.reconcile.state import QuotaMemory, Situation


def await_slot(s: Situation, create: StartExport | Import, memory: QuotaMemory) -> Step:
    """`create` itself, unless a quota refused it a moment ago. Alone, waiting won't help: then the second refusal is
    final. The first may still have counted what a read shows to have ended."""
    if memory.quota_refusal is None:
        return create
    is_export = isinstance(create, StartExport)
    others = s.seen.others_in_flight if is_export else s.seen.imports_in_flight
    stage = Stage.EXPORTING if is_export else Stage.IMPORTING
    if isinstance(others, Unasked):
        return Look.OTHERS if is_export else Look.IMPORTS
    if isinstance(others, Unknown):
        return LookAgain("how many others are in flight can't be read", others.error)
    if others == Present(0):
        if memory.quota_refused_alone > 1:
            return Fail(memory.quota_refusal)
        if memory.quota_refused_alone and s.within_grace(memory.quota_refused_at):
            return LookAgain("what has just ended may still count")
        return create
    if s.now.ticks - memory.quota_refused_at < s.budgets.poll_max.total_seconds():
        return Wait(stage, "the next free slot", "awaited", is_ours=False)
    return create

"""The rule for creates that a quota refused: wait while others of the account are running."""

from __future__ import annotations

from omicopy.model.lookup import Present, Unasked, Unknown
from omicopy.reconcile.decide.decisions import Decision, Fail, Fetch, Import, Retry, Stage, StartExport, Wait
from omicopy.reconcile.state import DecisionInput, QuotaState


def wait_for_slot(s: DecisionInput, create: StartExport | Import, memory: QuotaState) -> Decision:
    """Returns `create`, or a wait or failure if a quota refused it.

    If nothing else is running, waiting doesn't help, and the second refusal is final. The first may have counted work
    that a read shows to be finished.
    """
    if memory.quota_refusal is None:
        return create
    is_export = isinstance(create, StartExport)
    others = s.seen.others_in_flight if is_export else s.seen.imports_in_flight
    stage = Stage.EXPORTING if is_export else Stage.IMPORTING
    if isinstance(others, Unasked):
        return Fetch.OTHERS if is_export else Fetch.IMPORTS
    if isinstance(others, Unknown):
        return Retry("how many others are in flight can't be read", others.error)
    if others == Present(0):
        if memory.quota_refused_alone > 1:
            return Fail(memory.quota_refusal)
        if memory.quota_refused_alone and s.within_grace(memory.quota_refused_at):
            return Retry("what has just ended may still count")
        return create
    if s.now.ticks - memory.quota_refused_at < s.budgets.poll_max.total_seconds():
        return Wait(stage, "the next free slot", "awaited", is_ours=False)
    return create

"""Carrying requests out from the first look to the clean-up: what the commands and the public functions call."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from omicopy.cloud.clients import Clients
from omicopy.copying.cleanup import clean_up
from omicopy.copying.clock import Clock
from omicopy.copying.events import Listener, Warned
from omicopy.copying.journal import Journal
from omicopy.copying.locks import Locks
from omicopy.copying.loop import Loop
from omicopy.copying.pilot import Mode
from omicopy.model.report import CopyResult, Status
from omicopy.model.request import Budgets, CopyRequest, Origin

_THERE = (Status.COPIED, Status.PRESENT)


def state_folder() -> Path:
    """Where this machine keeps the journal of its creates."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "omicopy"


@dataclass(frozen=True, slots=True)
class Orders:
    """How requests are carried out: how long each thing may take, how far to go, and where the state is kept."""

    budgets: Budgets = field(default_factory=Budgets)
    mode: Mode = field(default_factory=Mode)
    lock_wait: timedelta = timedelta(0)
    state: Path = field(default_factory=state_folder)


def carry_out(
    clients: Clients, requests: Sequence[CopyRequest], orders: Orders, listener: Listener, clock: Clock | None = None
) -> list[CopyResult]:
    """One result a request, in their order. Raises nothing but Interrupted."""
    clock = clock or Clock()
    journal = Journal(orders.state / "journal", listener)
    locks = Locks(orders.state / "locks", listener)
    loop = Loop(clients, journal, locks, listener, orders.budgets, orders.mode, clock, orders.lock_wait)
    results = loop.run(requests)
    done = _served(results)
    if done and not orders.mode.dry_run:
        clean_up(clients, done, lambda text: listener(Warned(text)), clock.wall())
    return results


def _served(results: Sequence[CopyResult]) -> list[CopyRequest]:
    """The requests whose export is to be cleaned up, and is needed by no copy of this run any more."""
    by_export: dict[object, list[tuple[CopyRequest, Status]]] = defaultdict(list)
    for result in results:
        request = result.request
        if isinstance(request, CopyRequest) and isinstance(request.source, Origin):
            party = request.source.party
            by_export[party.account_id, party.region, request.source.export].append((request, result.status))
    return [
        request
        for group in by_export.values()
        if all(status in _THERE and request.cleanup for request, status in group)
        for request, _ in group
    ]

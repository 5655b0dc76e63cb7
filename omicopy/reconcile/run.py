"""Carrying requests out from the first look to the clean-up: what the commands and the public functions call."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from omicopy.cloud.clients import Clients
from omicopy.cloud.profiles.home import home_folder
from omicopy.deletion.exports import INTERRUPTED, Cleaned, Rules, clean_up
from omicopy.deletion.importers import Importers
from omicopy.errors import Interrupted, named
from omicopy.model.clock import Clock
from omicopy.model.events import Finished, Listener, Noted, Warned
from omicopy.model.request import Budgets, CopyRequest, Origin, Party
from omicopy.model.result import CleanedUp, CopyResult, Status
from omicopy.model.units import ANY_DURATION, say_duration
from omicopy.reconcile.apply import Mode
from omicopy.reconcile.loop import Loop
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks

_NOT_CLEANED = CleanedUp(left=INTERRUPTED.why)


def state_folder() -> Path:
    """Where this machine keeps the journal of its creates.

    Raises CONFIGURATION where that takes a home folder and there is none.

    XDG says that a relative path is to be ignored: it would lead somewhere else in each folder, past the journal.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = home_folder("XDG_STATE_HOME to an absolute path") / ".local" / "state"
    return base / "omicopy"


@dataclass(frozen=True, slots=True)
class Orders:
    """How requests are carried out: how long each thing may take, how far to go, and where the state is kept."""

    budgets: Budgets = field(default_factory=Budgets)
    mode: Mode = field(default_factory=Mode)
    lock_wait: timedelta = timedelta(0)
    state: Path = field(default_factory=state_folder)

    def __post_init__(self) -> None:
        with named("lock_wait"):
            ANY_DURATION.read(self.lock_wait)

    def begun(self) -> Orders:
        """The same, whose deadline counts from now on, unless it counts from a moment before."""
        if self.mode.began is not None:
            return self
        return replace(self, mode=replace(self.mode, began=time.monotonic()))


def carry_out(
    clients: Clients,
    requests: Sequence[CopyRequest],
    orders: Orders,
    listener: Listener,
    is_needed: Callable[[CopyRequest], bool] = lambda _: False,
    clock: Clock | None = None,
    known: Sequence[CopyResult] = (),
) -> list[CopyResult]:
    """One result a request, in their order, then those that were `known` before. Raises nothing but Interrupted, which
    then tells how every copy stands.

    `is_needed` says of a request whether its export is needed by others than these requests: then it is not cleaned up.
    """
    clock = clock or Clock()
    journal = Journal(orders.state / "journal", listener)
    locks = Locks(orders.state / "locks", listener)
    loop = Loop(clients, journal, locks, listener, orders.budgets, orders.mode, clock, orders.lock_wait)
    with accounted_for(requests, known):
        try:
            results = loop.run(requests)
            done = [] if orders.mode.dry_run else _served(results, is_needed)
            if done:
                listener(Finished([*results, *known]))
                results = _cleaned(clients, results, done, orders, listener, journal, clock)
        except Interrupted as interruption:
            if not interruption.results:
                loop.account_for(interruption)
            interruption.results += known if interruption.results else ()
            raise
    return [*results, *known]


@contextmanager
def accounted_for(requests: Sequence[CopyRequest], known: Sequence[CopyResult] = ()) -> Iterator[None]:
    """An interruption in here tells how every copy stands: where nobody has told it yet, nothing was begun."""
    try:
        yield
    except Interrupted as interruption:
        if not interruption.results:
            untouched = [CopyResult(request, Status.NOT_BEGUN, False, 0.0) for request in requests]
            interruption.results = [*untouched, *known]
        raise


def _cleaned(
    clients: Clients,
    results: Sequence[CopyResult],
    done: Sequence[CopyRequest],
    orders: Orders,
    listener: Listener,
    journal: Journal,
    clock: Clock,
) -> list[CopyResult]:
    """The results, each with what became of its export."""
    grace = orders.budgets.grace.total_seconds()

    def settle() -> None:
        listener(
            Noted(f"Deleting the exported objects in {say_duration(orders.budgets.grace)}, unless they turn out needed")
        )
        clock.sleep(grace)

    locks = Locks(orders.state / "locks", listener)
    importers = Importers(clients, journal, locks, _parties(results), orders.budgets.grace, clock.wall)
    rules = Rules(
        clock.wall(),
        settle,
        importers.keep,
        has_time=lambda: orders.mode.ends - clock.ticks() > grace,
    )
    cleaned: list[Cleaned] = []
    try:
        clean_up(clients, done, lambda text: listener(Warned(text)), rules, cleaned)
    except Interrupted as interruption:
        interruption.results = list(_with_cleanup(results, done, cleaned))
        raise
    return list(_with_cleanup(results, done, cleaned))


def _parties(results: Sequence[CopyResult]) -> set[Party]:
    """The accounts that take part, as far as they are known."""
    requests = [result.request for result in results]
    sources = [request.source.party for request in requests if isinstance(request.source, Origin)]
    return {*sources, *(request.destination.party for request in requests if request.destination)}


def _with_cleanup(
    results: Sequence[CopyResult], done: Sequence[CopyRequest], cleaned: Sequence[Cleaned]
) -> Iterator[CopyResult]:
    """The results, with the clean-up of those whose export was to be cleaned up; it was interrupted for the others."""
    chosen = {id(request) for request in done}
    outcomes = {one.export: one.told for one in cleaned}
    for result in results:
        source = result.request.source
        if id(result.request) in chosen and isinstance(source, Origin):
            yield replace(result, cleanup=outcomes.get(source.export, _NOT_CLEANED))
        else:
            yield result


def _served(results: Sequence[CopyResult], is_needed: Callable[[CopyRequest], bool]) -> list[CopyRequest]:
    """The requests whose export is to be cleaned up, and is needed by nobody any more as far as is known."""
    by_export: dict[object, list[tuple[CopyRequest, bool]]] = defaultdict(list)
    for result in results:
        request = result.request
        if isinstance(request, CopyRequest) and isinstance(request.source, Origin):
            party = request.source.party
            by_export[party.account_id, party.region, request.source.export].append((request, result.is_done))
    return [
        request
        for group in by_export.values()
        if all(is_done and request.cleanup and not is_needed(request) for request, is_done in group)
        for request, _ in group
    ]

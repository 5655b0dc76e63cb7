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
from omicopy.deletion.cleaner import INTERRUPTED, CleanupOptions, CleanupOutcome
from omicopy.deletion.exports import clean_up
from omicopy.deletion.importers import ActiveImports
from omicopy.errors import Interrupted, named
from omicopy.model.clock import Clock
from omicopy.model.events import AllFinished, InfoMessage, Listener, WarningMessage
from omicopy.model.request import AccountRef, Budgets, CopyRequest, Source
from omicopy.model.result import CleanupSummary, CopyResult, Status
from omicopy.model.units import ANY_DURATION, format_duration
from omicopy.reconcile.apply import RunMode
from omicopy.reconcile.loop import Loop
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks

_NOT_CLEANED = CleanupSummary(left=INTERRUPTED.why)


def state_folder() -> Path:
    """The folder of this machine's journal and locks. Raises CONFIGURATION if it needs a home folder and there is none.

    A relative XDG_STATE_HOME is ignored, as XDG requires: it would be another folder for each working directory.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = home_folder("XDG_STATE_HOME to an absolute path") / ".local" / "state"
    return base / "omicopy"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Time limits, mode and state folder of a run."""

    budgets: Budgets = field(default_factory=Budgets)
    mode: RunMode = field(default_factory=RunMode)
    lock_wait: timedelta = timedelta(0)
    state: Path = field(default_factory=state_folder)

    def __post_init__(self) -> None:
        with named("lock_wait"):
            ANY_DURATION.read(self.lock_wait)

    def begun(self) -> RunOptions:
        """The same options with the deadline counting from now, unless it already counts."""
        if self.mode.began is not None:
            return self
        return replace(self, mode=replace(self.mode, began=time.monotonic()))


def run_requests(
    clients: Clients,
    requests: Sequence[CopyRequest],
    options: RunOptions,
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
    journal = Journal(options.state / "journal", listener)
    locks = Locks(options.state / "locks", listener)
    loop = Loop(clients, journal, locks, listener, options.budgets, options.mode, clock, options.lock_wait)
    with with_interrupted_results(requests, known):
        try:
            results = loop.run(requests)
            done = [] if options.mode.dry_run else _cleanup_candidates(results, is_needed)
            if done:
                listener(AllFinished([*results, *known]))
                results = _cleaned(clients, results, done, options, listener, journal, clock)
        except Interrupted as interruption:
            if not interruption.results:
                loop.record_results(interruption)
            interruption.results += known if interruption.results else ()
            raise
    return [*results, *known]


@contextmanager
def with_interrupted_results(requests: Sequence[CopyRequest], known: Sequence[CopyResult] = ()) -> Iterator[None]:
    """Adds the results to an interruption: all copies as not begun, unless it already has results."""
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
    options: RunOptions,
    listener: Listener,
    journal: Journal,
    clock: Clock,
) -> list[CopyResult]:
    """The results with the outcome of their clean-up."""
    grace = options.budgets.grace.total_seconds()

    def wait_for_grace() -> None:
        pause = format_duration(options.budgets.grace)
        listener(InfoMessage(f"Deleting the exported objects in {pause}, unless they are needed then"))
        clock.sleep(grace)

    locks = Locks(options.state / "locks", listener)
    importers = ActiveImports(clients, journal, locks, _accounts_of(results), options.budgets.grace, clock.wall)
    cleanup = CleanupOptions(
        clock.wall(),
        wait_for_grace,
        importers.reasons_to_keep,
        has_time=lambda: options.mode.ends - clock.ticks() > grace,
    )
    cleaned: list[CleanupOutcome] = []
    try:
        clean_up(clients, done, lambda text: listener(WarningMessage(text)), cleanup, cleaned)
    except Interrupted as interruption:
        interruption.results = list(_with_cleanup(results, done, cleaned))
        raise
    return list(_with_cleanup(results, done, cleaned))


def _accounts_of(results: Sequence[CopyResult]) -> set[AccountRef]:
    """All known accounts of the results."""
    requests = [result.request for result in results]
    sources = [request.source.account for request in requests if isinstance(request.source, Source)]
    return {*sources, *(request.target.account for request in requests if request.target)}


def _with_cleanup(
    results: Sequence[CopyResult], done: Sequence[CopyRequest], cleaned: Sequence[CleanupOutcome]
) -> Iterator[CopyResult]:
    """The results with the clean-up of their exports, or that it was interrupted."""
    chosen = {id(request) for request in done}
    outcomes = {one.export: one.summary for one in cleaned}
    for result in results:
        source = result.request.source
        if id(result.request) in chosen and isinstance(source, Source):
            yield replace(result, cleanup=outcomes.get(source.export, _NOT_CLEANED))
        else:
            yield result


def _cleanup_candidates(results: Sequence[CopyResult], is_needed: Callable[[CopyRequest], bool]) -> list[CopyRequest]:
    """The requests whose export is to be cleaned up and that no known copy needs."""
    by_export: dict[object, list[tuple[CopyRequest, bool]]] = defaultdict(list)
    for result in results:
        request = result.request
        if isinstance(request, CopyRequest) and isinstance(request.source, Source):
            account = request.source.account
            by_export[account.account_id, account.region, request.source.export].append((request, result.is_done))
    return [
        request
        for group in by_export.values()
        if all(is_done and request.cleanup and not is_needed(request) for request, is_done in group)
        for request, _ in group
    ]

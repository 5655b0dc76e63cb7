"""The loop: reads for all copies at once, decides for each, applies one step to each, waits. No output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.clock import Clock, Timestamp
from omicopy.model.events import Listener
from omicopy.model.request import Budgets, CopyRequest, Source
from omicopy.model.result import CopyResult
from omicopy.model.units import format_duration
from omicopy.reconcile.apply import Applier, RunMode
from omicopy.reconcile.concurrency import ConcurrencyLimiter, LearnedLimits
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import Decision, Done, Fetch, Resign, Retry, StartExport
from omicopy.reconcile.decide.image import decide
from omicopy.reconcile.garbage import gc_frozen
from omicopy.reconcile.observe import Observer
from omicopy.reconcile.polling import poll_interval
from omicopy.reconcile.results import current_result
from omicopy.reconcile.state import ExportState
from omicopy.reconcile.writes import Writer
from omicopy.state.journal import Journal, export_entry, image_entry
from omicopy.state.locks import Lock, Locks

_TOUCHES_EXPORT = (StartExport, Resign)
"""Steps that only one of the copies of an export may take. After it, what the others saw is outdated."""


@dataclass(slots=True)
class Loop:
    """Processes any number of requests. Raises only Interrupted: every failure is a result (R3).

    `lock_wait` is how long a copy waits for another run on this machine that works on the same copy.
    """

    clients: Clients
    journal: Journal
    locks: Locks
    listener: Listener
    budgets: Budgets
    mode: RunMode = field(default_factory=RunMode)
    clock: Clock = field(default_factory=Clock)
    lock_wait: timedelta = timedelta(0)
    _began: float = 0.0
    _moved_at: float = 0.0
    _quotas: LearnedLimits = field(default_factory=lambda: LearnedLimits(60.0))
    _all: list[CopyState] = field(default_factory=list)

    def run(self, requests: Sequence[CopyRequest]) -> list[CopyResult]:
        """One result per request, in order."""
        self._began = self._moved_at = self.clock.ticks()
        self._quotas = LearnedLimits(self.budgets.poll_max.total_seconds())
        copies = self._all = self._copy_states(requests)
        observer = Observer(self.clients, self.listener)
        writer = Writer(self.clients, self.journal, self.clock, self.listener)
        applier = Applier(writer, self.journal, self.listener, self.mode, self.clock, self._began)
        try:
            with gc_frozen():
                while open_copies := self._open(copies, applier):
                    if self._tick(self._with_lock(open_copies, applier), observer, applier):
                        self._moved_at = self.clock.ticks()
                    self._sleep(self._open(copies, applier))
        except Interrupted as interruption:
            self.record_results(interruption)
            raise
        finally:
            self.locks.end()
        return [copy_state.result for copy_state in copies if copy_state.result is not None]

    def record_results(self, interruption: Interrupted) -> None:
        """Stores the state of every copy in the interruption, and what the service continues to do."""
        seconds = self.clock.ticks() - self._began
        interruption.results = [current_result(copy_state, seconds) for copy_state in self._all]
        running = (copy_state.still_running() for copy_state in self._all)
        interruption.still_running = list(dict.fromkeys(text for text in running if text))

    def _copy_states(self, requests: Sequence[CopyRequest]) -> list[CopyState]:
        exports: dict[object, ExportState] = {}
        copies = []
        for request in requests:
            source = request.source
            key: object = object()
            if isinstance(source, Source):
                key = (source.account.account_id, source.account.region, source.export)
            export = exports.setdefault(key, ExportState())
            copy_state = CopyState(request, export, self._began, request.budgets or self.budgets)
            copy_state.export.waiting += 1
            if isinstance(source, Source):
                export.format = export.format or source.format
                self._recall_journal(export, source)
            copies.append(copy_state)
        return copies

    def _recall_journal(self, export: ExportState, source: Source) -> None:
        """An open journal entry puts the export in doubt: an earlier run may have started it."""
        if not self.journal.has_news(export_entry(source)):
            return
        is_open, task_id = self.journal.find(export_entry(source), repair=not self.mode.dry_run)
        if is_open:
            export.task_id, export.doubt_since = task_id, self.clock.ticks()

    def _with_lock(self, copies: Sequence[CopyState], applier: Applier) -> list[CopyState]:
        """The copies that no other run on this machine works on."""
        free = []
        for copy_state in copies:
            target = copy_state.request.target
            if target is None or copy_state.lock is not None or self.mode.dry_run:
                free.append(copy_state)
                continue
            copy_state.lock = self.locks.take(image_entry(copy_state.request, target))
            if copy_state.lock is None:
                copy_state.stage_since = self.clock.ticks()  # its own budgets begin when it does
                applier.handle_lock(copy_state, self.lock_wait)
                continue
            is_open, image_id = self.journal.find(image_entry(copy_state.request, target))
            if is_open:
                copy_state.image.created_id, copy_state.image.doubt_since = image_id, self.clock.ticks()
                copy_state.image.journaled = frozenset([image_id] if image_id else [])
            free.append(copy_state)
        return free

    def _tick(self, copies: Sequence[CopyState], observer: Observer, applier: Applier) -> bool:
        """One round for all copies. True if any progressed, so that the next round should come soon."""
        now = self.clock.now()
        moved = False
        written: set[int] = set()
        with self._export_locks(copies) as held:
            steps = self._decide_all(copies, observer, now)
            slots = ConcurrencyLimiter(steps, self.mode.parallel, self._quotas, now.ticks)
            for copy_state in copies:
                self._record_found(copy_state, applier)
                step, export = steps[copy_state], id(copy_state.export)
                if export in written and not isinstance(step, Done):
                    continue  # what it saw of the export is older than our last write
                touches = isinstance(step, _TOUCHES_EXPORT) and not self.mode.dry_run
                if touches and export not in held:
                    copy_state.export.wants_lock = True
                    step = Retry("another run on this machine may be doing the same right now")
                if isinstance(step, Fetch) or (slots.is_full(copy_state, step) and not self.mode.dry_run):
                    applier.queue_copy(copy_state, now)
                    continue
                slots.take(copy_state, step)
                moves = applier.apply(copy_state, step, now)
                slots.learn(copy_state, step)
                if moves:
                    moved = True
                    if touches and export in held:
                        written.add(export)
                        copy_state.export.wants_lock = False
        return moved

    def _record_found(self, copy_state: CopyState, applier: Applier) -> None:
        """Journals and tags what a read shows to be ours after its answer was lost."""
        image, target = copy_state.image, copy_state.request.target
        if target and image.made_here and image.created_id and image.created_id not in image.journaled:
            image.journaled |= {image.created_id}
            self.journal.answered(image_entry(copy_state.request, target), image.created_id)
        applier.tag_found_export(copy_state)

    @contextlib.contextmanager
    def _export_locks(self, copies: Sequence[CopyState]) -> Iterator[set[int]]:
        """Holds the locks of exports that may be started, from the read to the answer: two runs then share one
        export."""
        held: dict[int, Lock] = {}
        for copy_state in copies:
            source, export = copy_state.request.source, id(copy_state.export)
            is_free = not copy_state.export.is_followed or copy_state.export.wants_lock
            if isinstance(source, Source) and is_free and export not in held and not self.mode.dry_run:
                lock = self.locks.take(export_entry(source))
                if lock is not None:
                    held[export] = lock
                    self._recall_journal(copy_state.export, source)
        try:
            yield set(held)
        finally:
            for lock in held.values():
                lock.release()

    def _decide_all(self, copies: Sequence[CopyState], observer: Observer, now: Timestamp) -> dict[CopyState, Decision]:
        """Reads what the decisions need, and nothing else."""
        situations = {copy_state: copy_state.start_tick(now) for copy_state in copies}
        steps: dict[CopyState, Decision] = {copy_state: decide(given) for copy_state, given in situations.items()}
        while fetches := self._pending_fetches(steps, now):
            for what, group in fetches.items():
                for copy_state in observer.fetch(what, group, now):
                    steps[copy_state] = decide(situations[copy_state])
        return steps

    def _pending_fetches(self, steps: Mapping[CopyState, Decision], now: Timestamp) -> dict[Fetch, list[CopyState]]:
        """What the decisions need to read, and for which copies. Copies that remain wait for a slot."""
        fetches: dict[Fetch, list[CopyState]] = {}
        for copy_state, step in steps.items():
            if isinstance(step, Fetch):
                fetches.setdefault(step, []).append(copy_state)
        # First the images: a copy that reads them may need the tasks too, and one read then serves both.
        if Fetch.IMAGES in fetches and Fetch.TASKS in fetches:
            return {Fetch.IMAGES: fetches[Fetch.IMAGES]}
        if Fetch.BUCKET not in fetches or self.mode.dry_run:
            return fetches
        if len(fetches) > 1:  # what is under way is known before anybody's turn comes
            return {what: group for what, group in fetches.items() if what is not Fetch.BUCKET}
        admitted = ConcurrencyLimiter(steps, self.mode.parallel, self._quotas, now.ticks).admit(steps)
        return {Fetch.BUCKET: admitted} if admitted else {}

    def _open(self, copies: Sequence[CopyState], applier: Applier) -> list[CopyState]:
        """The copies without a result. Ends copies that are out of time, or all after a failure with --fail-fast."""
        failure = _first_failure(copies) if self.mode.fail_fast else None
        for copy_state in copies:
            error = self._out_of_deadline(copy_state) or failure
            if copy_state.result is None and error is not None:
                applier.abandon(copy_state, error)
        return [copy_state for copy_state in copies if copy_state.result is None]

    def _out_of_deadline(self, copy_state: CopyState) -> OmicopyError | None:
        if self.mode.deadline is None or self._time_left(self.mode.deadline) > 0:
            return None
        last = copy_state.last_progress
        busy = f"it was {last[0]} ({last[1]})" if last else "nothing was read for it yet"
        message = f"--deadline {format_duration(self.mode.deadline)} is over; {busy}"
        hint = "Nothing is lost: the service continues. Run the same command again to continue."
        return OmicopyError(ErrorCode.OUT_OF_TIME, message, hint)

    def _time_left(self, deadline: timedelta) -> float:
        began = self._began if self.mode.began is None else self.mode.began
        return round(deadline.total_seconds() - (self.clock.ticks() - began), 6)

    def _sleep(self, copies: Sequence[CopyState]) -> None:
        """Waits for the next tick, at most until a time limit ends."""
        if not copies:
            return
        ticks = self.clock.ticks()
        soonest = min(copy_state.time_left(ticks) for copy_state in copies)
        if self.mode.deadline is not None:
            soonest = min(soonest, self._time_left(self.mode.deadline))
        lefts = [copy_state.left for copy_state in copies if copy_state.left is not None]
        estimated = min(lefts) if len(lefts) == len(copies) else None
        self.clock.sleep(max(0.0, min(poll_interval(ticks - self._moved_at, estimated, self.budgets), soonest)))


def _first_failure(copies: Sequence[CopyState]) -> OmicopyError | None:
    for copy_state in copies:
        if copy_state.result and copy_state.result.error and not copy_state.request.best_effort:
            message = f"Given up because {copy_state.request.label} failed (--fail-fast)"
            hint = "Fix the cause, then run the same command again to continue."
            return OmicopyError(ErrorCode.FAILED, message, hint)
    return None

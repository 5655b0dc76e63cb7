"""Applies one decision to one copy: writes, reports progress, records the result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.clock import Clock, Timestamp
from omicopy.model.events import CopyFinished, CopyProgress, Listener, WarningMessage
from omicopy.model.export import Phase
from omicopy.model.image import Image
from omicopy.model.lookup import Present
from omicopy.model.own_tags import EXPORT_TAG
from omicopy.model.request import Source
from omicopy.model.result import Status
from omicopy.model.units import ANY_DURATION, format_duration
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import (
    Decision,
    Done,
    Fail,
    Fetch,
    Import,
    Retry,
    Stage,
    StartExport,
    TagAndShare,
    Wait,
    Write,
)
from omicopy.reconcile.postponed import Postponed
from omicopy.reconcile.results import Outcome, abandoned_outcome, describe_wait, describe_write, planned, result_of
from omicopy.reconcile.writes import Writer
from omicopy.state.journal import Journal, export_entry, image_entry

MIN_ATTEMPTS = 5
"""A refused write is sent at least this often before its copy fails, however long that takes."""


@dataclass(frozen=True, slots=True)
class RunMode:
    """How far a run goes. `dry_run` writes nothing; `wait` False ends the run once the service is working.

    `deadline` is for the whole run and counts from `began` (monotonic seconds); None counts from the call of the public
    function. `fail_fast` ends the run with the first failure. `parallel` limits the exports and imports that run at
    once in any account, whatever the requests say.
    """

    wait: bool = True
    dry_run: bool = False
    deadline: timedelta | None = None
    fail_fast: bool = False
    parallel: int | None = None
    began: float | None = None

    @property
    def ends(self) -> float:
        """The moment of the deadline; infinity without a deadline or a start."""
        if self.deadline is None or self.began is None:
            return math.inf
        return self.began + self.deadline.total_seconds()

    def __post_init__(self) -> None:
        if self.deadline is not None:
            with named("deadline"):
                ANY_DURATION.read(self.deadline)
        if self.parallel is not None and self.parallel < 1:
            raise OmicopyError(ErrorCode.USAGE, f"parallel: {self.parallel} is too small", "Give 1 or more.")


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies decisions. Raises only Interrupted: a failure is the copy's result (R3)."""

    writer: Writer
    journal: Journal
    listener: Listener
    mode: RunMode
    clock: Clock
    began: float

    def apply(self, copy_state: CopyState, step: Decision, now: Timestamp) -> bool:
        """Carries out a decision. True if the copy progressed, so that it may soon progress again."""
        match step:
            case Wait():
                self._wait(copy_state, step, now)
            case Done(status, image):
                self._finish(copy_state, Outcome(status, image=image))
            case Fail(error, image):
                self._finish(copy_state, Outcome(Status.FAILED, image=image, error=error))
            case Retry():
                return self._retry(copy_state, step, now)
            case Fetch():
                pass
            case _:
                return self._write(copy_state, step, now)
        return False

    def handle_lock(self, copy_state: CopyState, lock_wait: timedelta) -> None:
        """Another run on this machine works on the same copy: waits for it, or fails the copy."""
        what = f"another run on this machine is at {copy_state.request.label}"
        if self.clock.ticks() - self.began < lock_wait.total_seconds():
            self._report(copy_state, "locked", what, None)
            return
        hint = f"Let it finish, or wait with --lock-wait (now {format_duration(lock_wait)})."
        error = OmicopyError(ErrorCode.LOCKED, what, hint)
        self._finish(copy_state, Outcome(Status.FAILED, error=error))

    def tag_found_export(self, copy_state: CopyState) -> None:
        """Tags an export that an earlier run started but didn't tag. At most once per run."""
        export, source, tasks = copy_state.export, copy_state.request.source, copy_state.seen.tasks
        if export.is_tagged or export.task_id is None or self.mode.dry_run or not isinstance(source, Source):
            return
        for task in tasks.value if isinstance(tasks, Present) else ():
            if task.task_id == export.task_id:
                export.is_tagged = True
                if EXPORT_TAG not in task.tags and task.phase is not Phase.FAILED:
                    self.writer.tag_export(copy_state.request, task.task_id)

    def queue_copy(self, copy_state: CopyState, now: Timestamp) -> None:
        """The account is at its limit: the copy waits, and its time limits start later."""
        copy_state.clear_failures()
        copy_state.stage_since = now.ticks
        self._report(copy_state, "queued", "until others of its account are done", None)
        if not self.mode.wait:
            message = "Not started: this account has reached its limit of parallel exports or imports"
            hint = "Run the same command again later, raise --parallel, or leave out --no-wait."
            self._finish(copy_state, Outcome(Status.FAILED, error=OmicopyError(ErrorCode.TEMPORARY, message, hint)))

    def abandon(self, copy_state: CopyState, error: OmicopyError) -> None:
        """Ends a copy because the run is out of time or gives up. The service continues its work."""
        self._finish(copy_state, abandoned_outcome(copy_state, error))

    def _wait(self, copy_state: CopyState, step: Wait, now: Timestamp) -> None:
        copy_state.clear_failures()
        copy_state.enter_stage(step.stage, now.ticks)
        copy_state.waits_for_own_work, copy_state.pending_image = step.is_ours, step.image
        copy_state.export.is_followed = step.is_ours  # who waits for a slot is about to start it
        if step.stage is Stage.EXPORTING:
            copy_state.export.estimate.learn(now.ticks, step.progress)
            copy_state.left = copy_state.export.estimate.left(now.ticks)
        self._report(copy_state, step.stage.value, describe_wait(step), step.progress)
        if self.mode.dry_run and not step.is_ours:
            self._finish(copy_state, Outcome(Status.PLANNED))
        elif not self.mode.wait and not step.is_ours:
            self._finish(copy_state, Outcome(Status.FAILED, error=_not_started(step)))
        elif not self.mode.wait or self.mode.dry_run:
            self._finish(copy_state, Outcome(Status.RUNNING, image=step.image))
        elif copy_state.time_left(now.ticks) <= 0:
            self._check_budget(copy_state, now, f"{step.resource} is {step.state}", step.image)

    def _retry(self, copy_state: CopyState, step: Retry, now: Timestamp) -> bool:
        moved = self._report(copy_state, "looking", step.why, None)
        copy_state.export.is_followed = False
        if step.error is None:
            copy_state.clear_failures()
            self._check_budget(copy_state, now, step.why)
        elif step.error.code not in (ErrorCode.TEMPORARY, ErrorCode.OUT_OF_TIME):  # the loop itself minds the deadline
            self._finish(copy_state, Outcome(Status.FAILED, error=step.error))
        else:
            self._handle_temporary(copy_state, step.error, now, is_tried=True)  # a read has been tried many times over
        return moved

    def _write(self, copy_state: CopyState, step: Write, now: Timestamp) -> bool:
        if self.mode.dry_run:
            self._report(copy_state, "planned", describe_write(step)[1], None)
            self._finish(copy_state, planned(step))
            return True
        if isinstance(step, Import):
            copy_state.enter_stage(Stage.IMPORTING, now.ticks)
        self._report(copy_state, *describe_write(step), None)
        try:
            self.writer.write_step(copy_state, step)
        except Postponed as postponed:
            copy_state.refused_writes += 1
            self._handle_temporary(copy_state, postponed.error, now, is_tried=copy_state.refused_writes >= MIN_ATTEMPTS)
            return False
        except OmicopyError as error:
            self._finish(copy_state, Outcome(Status.FAILED, image=getattr(step, "image", None), error=error))
            return True
        copy_state.clear_failures()
        if isinstance(step, TagAndShare) and step.is_last:
            status = Status.COPIED if copy_state.image.made_here else Status.PRESENT
            self._finish(copy_state, Outcome(status, image=step.image))
            return False
        if not self.mode.wait and self._is_confirmed(copy_state, step):
            self._finish(copy_state, Outcome(Status.RUNNING, name=step.name if isinstance(step, Import) else None))
        return True

    @staticmethod
    def _is_confirmed(copy_state: CopyState, step: Write) -> bool:
        """True if a write is known to have happened. A create in doubt is searched for even with --no-wait."""
        if isinstance(step, StartExport):
            return copy_state.export.task_id is not None
        return copy_state.image.created_id is not None if isinstance(step, Import) else True

    def _handle_temporary(self, copy_state: CopyState, error: OmicopyError, now: Timestamp, is_tried: bool) -> None:
        """Keeps a copy with temporary failures for the time of --retry, then fails it. The next run continues."""
        copy_state.failing_since = now.ticks if copy_state.failing_since is None else copy_state.failing_since
        if is_tried and self.clock.ticks() - copy_state.failing_since >= copy_state.budgets.retry.total_seconds():
            self._finish(copy_state, Outcome(Status.FAILED, error=error))
        else:
            self._check_budget(copy_state, now, error.message)

    def _check_budget(self, copy_state: CopyState, now: Timestamp, waits_for: str, image: Image | None = None) -> None:
        if copy_state.time_left(now.ticks) <= 0:
            self._finish(copy_state, abandoned_outcome(copy_state, copy_state.timeout_error(waits_for), image))

    def _report(self, copy_state: CopyState, phase: str, detail: str, progress: int | None) -> bool:
        """Emits an event if something changed. True if the copy entered another phase."""
        news = (phase, detail, progress)
        if copy_state.last_progress == news:
            return False
        moved = copy_state.last_progress is None or copy_state.last_progress[0] != phase
        copy_state.last_progress = news
        seconds = self.clock.ticks() - self.began
        self.listener(CopyProgress(copy_state.request, phase, detail, progress, seconds, copy_state.task_id))
        return moved

    def _finish(self, copy_state: CopyState, outcome: Outcome) -> None:
        copy_state.result = result_of(copy_state, outcome, self.clock.ticks() - self.began)
        if copy_state.result.status in (Status.COPIED, Status.PRESENT) and not self.mode.dry_run:
            self._close_entries(copy_state)
            self._warn_duplicate_export(copy_state)
        if copy_state.lock is not None:
            copy_state.lock.release()
        self.listener(CopyFinished(copy_state.result))

    def _close_entries(self, copy_state: CopyState) -> None:
        """Closes the journal entries of a finished copy."""
        request = copy_state.request
        copy_state.export.waiting -= 1
        # Only when the export was seen complete and no copy still needs it: a copy that already existed proves nothing
        # about an export that another copy's killed run may have started.
        if isinstance(request.source, Source) and copy_state.export.was_seen_complete and not copy_state.export.waiting:
            self.journal.close(export_entry(request.source))
        if request.target:
            self.journal.close(image_entry(request, request.target))

    def _warn_duplicate_export(self, copy_state: CopyState) -> None:
        """Warns about an export that we started while another machine made the copy, if no other copy needs it."""
        export = copy_state.export
        task_id = export.task_id if export.started else None
        if copy_state.image.made_here or copy_state.request.target is None or export.waiting:
            return
        if task_id and task_id not in export.cancelled:
            export.cancelled |= {task_id}
            self.listener(WarningMessage(f"Duplicate export {task_id}: another run made the copy meanwhile"))


def _not_started(step: Wait) -> OmicopyError:
    message = f"Not started: {step.resource} is {step.state}"
    return OmicopyError(ErrorCode.TEMPORARY, message, "Run the same command again later, or without --no-wait.")

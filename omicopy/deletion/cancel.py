"""Cancels omicopy's own exports that wait in the service's queue: reads, sends one request, and reads again until the
result is known (R1, R4).

The service may refuse to cancel a task that has left the queue, which is normal (DOMAIN.md §2). If the answer is lost,
the request isn't repeated: a read shows what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.queries import read_tasks
from omicopy.cloud.retry import RetryVerdict, retry_verdict
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError, shared_exit_code
from omicopy.model.clock import Clock
from omicopy.model.export import ExportTask, Phase
from omicopy.model.own_tags import EXPORT_TAG
from omicopy.model.request import AccountRef
from omicopy.model.units import format_duration
from omicopy.state.journal import Journal, entry_of_export

_CANCELLED = "cancelled"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two reads."""


class CancelOutcome(StrEnum):
    """The result of cancelling one task."""

    CANCELLED = "cancelled"
    PRESENT = "present"
    """The task was already cancelled."""
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(slots=True)
class Cancellation:
    """One task to cancel. `task` is from the last read that returned it."""

    task_id: str
    task: ExportTask | None = None
    is_listed: bool = False
    """True if the last read returned it."""
    outcome: CancelOutcome | None = None
    error: OmicopyError | None = None
    asked_at: float | None = None
    """When (ticks) the request to cancel it was sent."""
    answer: ServiceError | None = None
    """The error of that request: a refusal, or a lost answer."""

    @property
    def state(self) -> str | None:
        """The task's state in the service's words; None if it isn't listed."""
        return self.task.state if self.task and self.is_listed else None

    @property
    def is_changed(self) -> bool:
        """True if this command cancelled it."""
        return self.outcome is CancelOutcome.CANCELLED

    @property
    def is_refused(self) -> bool:
        return self.answer is not None and retry_verdict(self.answer.cause, is_write=True) is RetryVerdict.GIVE_UP

    def finish(self, outcome: CancelOutcome, error: OmicopyError | None = None) -> None:
        self.outcome, self.error = outcome, error

    def fail(self, code: ErrorCode, message: str, hint: str = "") -> None:
        self.finish(CancelOutcome.FAILED, OmicopyError(code, message, hint))


@dataclass(frozen=True, slots=True)
class CancelReport:
    """The results of all tasks of one account."""

    account: AccountRef
    exports: tuple[Cancellation, ...]

    @property
    def exit_code(self) -> int:
        """3 if some tasks were cancelled and others were not."""
        errors = [one.error for one in self.exports if one.error]
        return 3 if 0 < len(errors) < len(self.exports) else shared_exit_code(errors)


def check_task_ids(task_ids: Sequence[str]) -> None:
    """Raises USAGE for a text that can't be the ID of an export task."""
    for task_id in task_ids:
        if not task_id.startswith("image-export-"):
            hint = "Give the ID of an export task (image-export-…); omicopy status lists them."
            raise OmicopyError(ErrorCode.USAGE, f"{task_id!r} is not the ID of an export task", hint)


@dataclass(frozen=True, slots=True)
class Canceller:
    """Cancels exports of one account. `grace` is how long reads may not show a write yet."""

    session: AccountSession
    journal: Journal
    grace: timedelta
    dry_run: bool = False
    clock: Clock = field(default_factory=Clock)

    def cancel(self, task_ids: Sequence[str]) -> CancelReport:
        """Cancels the tasks; returns their results, in order. Each round reads all tasks with one request (R7).

        Raises a ServiceError if the account can't be read before the first request to cancel.
        """
        account = self.session.ref
        all_of_them = [Cancellation(task_id) for task_id in dict.fromkeys(task_ids)]
        began, pause = self.clock.ticks(), _FIRST_PAUSE
        while open_ones := [one for one in all_of_them if one.outcome is None]:
            try:
                listed = self._read(open_ones)
            except ServiceError as error:
                # After a request was sent, its result must be reported, if only as unknown.
                if all(one.asked_at is None for one in all_of_them):
                    raise
                for one in open_ones:
                    one.finish(CancelOutcome.FAILED, error)
                break
            for one in open_ones:
                self._step(one, listed.get(one.task_id), account, began)
            if any(one.outcome is None for one in open_ones):
                self.clock.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        return CancelReport(account, tuple(all_of_them))

    def _read(self, wanted: Iterable[Cancellation]) -> dict[str, ExportTask]:
        # A Region may ignore the filter: the caller looks up its own tasks by ID.
        filters = {"TaskIds": [one.task_id for one in wanted]}
        tasks = read_tasks(self.session, filters, patiently=True)
        return {task.task_id: task for task in tasks}

    def _step(self, one: Cancellation, task: ExportTask | None, account: AccountRef, began: float) -> None:
        one.task, one.is_listed = task or one.task, task is not None
        if one.asked_at is not None:
            self._evaluate(one, task, account)
            return
        if task is None:
            hint = "Check the ID and the profile. A task that was just started may be listed in a moment."
            one.fail(ErrorCode.NOT_FOUND, f"No export task {one.task_id} is listed in {account}", hint)
        elif task.state == _CANCELLED:
            one.finish(CancelOutcome.PRESENT)
        elif not self._is_ours(task, account):
            hint = "To cancel it all the same, call DeleteExportTask with one of OUTSCALE's own tools."
            one.fail(ErrorCode.USAGE, f"{task.task_id} was not started by omicopy, which cancels only its own", hint)
        elif task.phase is not Phase.RUNNING:
            _fail_too_late(one, task)
        elif self.dry_run:
            one.finish(CancelOutcome.PLANNED)
        else:
            self._ask(one, began)

    def _is_ours(self, task: ExportTask, account: AccountRef) -> bool:
        """True if the task's tag or this machine's journal shows that omicopy started it."""
        return EXPORT_TAG in task.tags or self._journaled(task, account)

    def _journaled(self, task: ExportTask, account: AccountRef) -> bool:
        return self.journal.find(entry_of_export(account, task.key), repair=False)[1] == task.task_id

    def _ask(self, one: Cancellation, began: float) -> None:
        """Sends the request once. If it certainly didn't arrive, the next round sends it again while time is left."""
        api, patience = self.session.api, self.session.patience
        try:
            api.write("DeleteExportTask", patience, {"ExportTaskId": one.task_id})
        except ServiceError as error:
            if retry_verdict(error.cause, is_write=True) in (RetryVerdict.RETRY, RetryVerdict.SLOW_DOWN):
                if self.clock.ticks() - began >= self.session.clients.retry.total_seconds():
                    one.finish(CancelOutcome.FAILED, error)
                return
            one.answer = error
        one.asked_at = self.clock.ticks()

    def _evaluate(self, one: Cancellation, task: ExportTask | None, account: AccountRef) -> None:
        """Sets the result, if a read after the request shows it."""
        # A missing task proves success only if the service accepted the request.
        is_gone = task.state == _CANCELLED if task else one.answer is None
        if is_gone:
            one.finish(CancelOutcome.PRESENT if one.is_refused else CancelOutcome.CANCELLED)
            if one.task and self._journaled(one.task, account):
                self.journal.close(entry_of_export(account, one.task.key))
        # A refusal counts only now: the read may have shown that the task is cancelled all the same.
        elif one.is_refused and one.answer:
            one.finish(CancelOutcome.FAILED, _refused(one, one.answer))
        elif task and task.phase in (Phase.COMPLETE, Phase.FAILED):
            _fail_too_late(one, task)
        elif self.clock.ticks() - (one.asked_at or 0.0) >= self.grace.total_seconds():
            one.finish(CancelOutcome.FAILED, self._still_there(one))

    def _still_there(self, one: Cancellation) -> OmicopyError:
        grace, again = format_duration(self.grace), "Run the same command again."
        if one.answer:
            message = (
                f"{one.task_id} is {_format_text(one)} {grace} after the request to cancel it: {one.answer.message}"
            )
            return OmicopyError(ErrorCode.TEMPORARY, message, again)
        message = f"The service accepted to cancel {one.task_id}, but it is still {_format_text(one)} after {grace}"
        return OmicopyError(ErrorCode.OUT_OF_TIME, message, again)


def _fail_too_late(one: Cancellation, task: ExportTask) -> None:
    if task.phase is Phase.COMPLETE:
        message, hint = f"{task.task_id} is {task.state}: there is nothing to cancel", "omicopy status shows it."
        one.fail(ErrorCode.FAILED, message, hint)
    elif task.phase is Phase.FAILED:
        reason = task.comment or "the service gave no reason"
        one.fail(ErrorCode.REMOTE_FAILED, f"{task.task_id} is {task.state} already: {reason}")
    else:
        hint = "Wait until the task is in another state, then run the same command again."
        one.fail(ErrorCode.FAILED, f"It is unknown if a task in the state {task.state!r} can be cancelled", hint)


def _refused(one: Cancellation, refusal: ServiceError) -> OmicopyError:
    if refusal.code is ErrorCode.DENIED:
        return refusal
    hint = "A task that has left the queue can't be stopped. Its export can be used, or cleaned up."
    message = f"{one.task_id} is {_format_text(one)} and can no longer be cancelled: {refusal.message}"
    return OmicopyError(ErrorCode.FAILED, message, hint)


def _format_text(one: Cancellation) -> str:
    return one.state or "no longer listed"

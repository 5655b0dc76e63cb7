"""The result of a copy, and the words for its progress."""

from __future__ import annotations

from dataclasses import dataclass

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.image import Image
from omicopy.model.result import CopyResult, Status
from omicopy.reconcile.copy_state import CopyState
from omicopy.reconcile.decide.decisions import (
    CancelExport,
    Import,
    ReplaceFailed,
    Resign,
    StartExport,
    TagAndShare,
    Wait,
    Write,
)

_NO_EXPORT_NEEDED = (Status.PRESENT, Status.SKIPPED)
"""Copies with these results didn't use an export that another target of the same image needed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Status
    image: Image | None = None
    error: OmicopyError | None = None
    name: str | None = None


def result_of(copy_state: CopyState, outcome: Outcome, seconds: float) -> CopyResult:
    """The result of a finished copy, from its outcome and what was seen."""
    return CopyResult(
        request=copy_state.request,
        status=outcome.status,
        changed=copy_state.image.changed or (copy_state.export.changed and outcome.status not in _NO_EXPORT_NEEDED),
        seconds=seconds,
        image_id=outcome.image.image_id if outcome.image else copy_state.image.created_id,
        image_name=outcome.image.name if outcome.image else outcome.name,
        export_task_id=copy_state.task_id,
        manifest=copy_state.manifest,
        expires_at=copy_state.expires_at,
        error=outcome.error,
    )


def current_result(copy_state: CopyState, seconds: float) -> CopyResult:
    """The state of a copy when its run is interrupted."""
    if copy_state.result is not None:
        return copy_state.result
    return result_of(copy_state, Outcome(_status_now(copy_state), image=copy_state.pending_image), seconds)


def abandoned_outcome(copy_state: CopyState, error: OmicopyError, image: Image | None = None) -> Outcome:
    """The outcome of a copy that is out of time; with another error, that it failed."""
    if error.code is not ErrorCode.OUT_OF_TIME:
        return Outcome(Status.FAILED, image, error)
    if _status_now(copy_state) is Status.NOT_BEGUN:
        hint = "Nothing was started for it. Run the same command again to start it."
        untouched = OmicopyError(error.code, error.message, hint)
        return Outcome(Status.NOT_BEGUN, image, untouched)
    return Outcome(Status.UNFINISHED, image or copy_state.pending_image, error)


def _status_now(copy_state: CopyState) -> Status:
    if copy_state.still_running() is not None:
        return Status.RUNNING
    return Status.UNFINISHED if copy_state.image.changed or copy_state.export.changed else Status.NOT_BEGUN


def describe_wait(step: Wait) -> str:
    return f"{step.resource} {step.state}"


def describe_write(step: Write) -> tuple[str, str]:
    """The phase that a write begins, and what it does."""
    match step:
        case StartExport(new_bucket):
            return "starting", "a new export" + (f", which creates the bucket {new_bucket}" if new_bucket else "")
        case CancelExport(task, followed):
            return "cancelling", f"{task.task_id} in favour of {followed}"
        case Resign(stored):
            return "signing", f"new signatures for {stored.location}"
        case Import(name, stored):
            return "creating", f"image {name!r}" + (f" from {stored.location}" if stored else "")
        case TagAndShare(image, tags, accounts):
            sharing = f"{image.image_id} with {', '.join(accounts)}"
            return ("tagging", image.image_id) if tags else ("sharing", sharing)
        case ReplaceFailed(image):
            return "replacing", f"deleting the failed image {image.image_id}"


def planned(step: Write) -> Outcome:
    """The outcome of a write in a dry run."""
    image = step.image if isinstance(step, TagAndShare | ReplaceFailed) else None
    name = step.name if isinstance(step, Import) else None
    return Outcome(Status.PLANNED, image=image, name=name)

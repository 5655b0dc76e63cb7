"""The errors with which an export fails a copy."""

from __future__ import annotations

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.request import Source


def no_bucket(source: Source, is_planned: bool) -> OmicopyError:
    """The error for a missing bucket. The service would create it, and a mistyped name would cost money."""
    option = "create_bucket: true" if is_planned else "--create-bucket"
    message = f"There is no bucket s3://{source.export.bucket} in {source.account}, and an export would create it"
    hint = f"Check its name. If it is right: {option} lets the service make it."
    return OmicopyError(ErrorCode.NOT_FOUND, message, hint)


def export_failed(task: ExportTask) -> OmicopyError:
    message = f"The export {task.task_id} ended as {task.state}: {task.comment or 'the service gave no reason'}"
    return OmicopyError(ErrorCode.REMOTE_FAILED, message, "Fix the cause, then run the same command again.")


def still_damaged(stored: FoundExport) -> OmicopyError:
    message = f"{stored.location} was exported again and is still damaged: {stored.damage[0]}"
    return OmicopyError(ErrorCode.DAMAGED, message, "Check who else writes to the bucket or deletes from it.")


def still_expired(stored: FoundExport) -> OmicopyError:
    message = f"{stored.location} was re-signed, but its URLs still expire too early or are refused"
    hint = "Lower --min-validity or --import-timeout, and check this machine's clock."
    return OmicopyError(ErrorCode.EXPIRED, message, hint)


def task_vanished(task_id: str | None) -> OmicopyError:
    message = f"{task_id or 'An export'}, started by this run, is not listed any more and left no manifest"
    return OmicopyError(ErrorCode.FAILED, message, "Run the same command again.")

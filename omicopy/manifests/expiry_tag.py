"""Records on an export task when its URLs expire, so that no clean-up deletes objects that are still in use."""

from __future__ import annotations

from datetime import datetime

from omicopy.cloud.queries import read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportTask, Phase, tidy_key
from omicopy.model.image import is_image_id
from omicopy.model.own_tags import URL_EXPIRY_TAG, is_cleaned, is_ours, url_expiry
from omicopy.model.result import rfc3339
from omicopy.model.s3_location import S3Folder, S3Object


def record_url_expiry(session: AccountSession, location: S3Object, until: datetime) -> None:
    """Tags the tasks whose manifest is at `location` with `until`, unless their tag already says a later time.

    Ignores exports that omicopy didn't start, and keys outside export folders. Warns if the tag can't be written: the
    URL is handed out all the same. Raises EXPIRED if a clean-up is deleting the export.
    """
    folder = location.with_key(tidy_key(location.key)).folder
    image_id = folder.path.rstrip("/").rpartition("/")[2]
    if not is_image_id(image_id):
        return
    try:
        listed = read_tasks(session, {"ImageIds": [image_id]})
        tasks = [task for task in listed if _is_own_export_in(task, folder)]
        _write_tag(session, tasks, until)
    except OmicopyError as error:
        session.clients.tell(
            f"The expiry of the URL of {location} was not recorded, so a clean-up may delete its objects too early: "
            f"{error.message}"
        )
        return
    # One task without the tag is enough: the image was exported again after the clean-up.
    if tasks and is_cleaned(tasks):
        message = f"The objects in {folder} are being deleted by a clean-up"
        raise OmicopyError(ErrorCode.EXPIRED, message, "Export the image again: omicopy export …")


def _is_own_export_in(task: ExportTask, folder: S3Folder) -> bool:
    """True if omicopy started the task, and its manifest is in `folder`."""
    return task.key.folder == folder and task.phase is Phase.COMPLETE and is_ours(task)


def _write_tag(session: AccountSession, tasks: list[ExportTask], until: datetime) -> None:
    # A later time on the tag is kept: an earlier URL may still be in use until then.
    shorter = [task.task_id for task in tasks if (known := url_expiry(task)) is None or known < until]
    if shorter:
        tag = {"Key": URL_EXPIRY_TAG, "Value": rfc3339(until)}
        session.api.write_idempotent("CreateTags", session.patience, {"ResourceIds": shorter, "Tags": [tag]})

"""Noting on an export task of ours until when a URL of it may be in use, so that no clean-up takes its objects away."""

from __future__ import annotations

from datetime import datetime

from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import read_tasks
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportTask, Phase, tidy_key
from omicopy.model.image import is_image_id
from omicopy.model.own_tags import URL_EXPIRY_TAG, is_cleaned, is_ours, url_expiry
from omicopy.model.result import rfc3339


def record_url_expiry(clients: Clients, profile: str, bucket: str, key: str, until: datetime) -> None:
    """Writes `until` on the tasks whose manifest lies under `key`, unless they promise as much. Of others' exports, and
    of what lies where no export puts anything, there is nothing to note. A failure is told, and stops nothing."""
    folder = "".join(f"{part}/" for part in tidy_key(key).split("/")[:-1])
    image_id = folder.rstrip("/").rpartition("/")[2]
    if not is_image_id(image_id):
        return
    try:
        listed = read_tasks(clients, profile, {"ImageIds": [image_id]})
        tasks = [task for task in listed if _made(task, bucket, folder)]
        _note(clients, profile, tasks, until)
    except OmicopyError as error:
        clients.tell(f"A clean-up may not know that s3://{bucket}/{key} was handed out: {error.message}")
        return
    if tasks and is_cleaned(tasks):  # beside one that is not, what was cleaned up before was exported anew
        message = f"The objects in s3://{bucket}/{folder} are being deleted by a clean-up"
        raise OmicopyError(ErrorCode.EXPIRED, message, "Export the image once more: omicopy export …")


def _made(task: ExportTask, bucket: str, folder: str) -> bool:
    """Whether the manifest is, or may be, one of this task, and the task one of ours."""
    is_here = (task.key.bucket, task.key.folder) == (bucket, folder)
    return is_here and task.phase is Phase.COMPLETE and is_ours(task)


def _note(clients: Clients, profile: str, tasks: list[ExportTask], until: datetime) -> None:
    shorter = [task.task_id for task in tasks if (known := url_expiry(task)) is None or known < until]
    if shorter:
        tag = {"Key": URL_EXPIRY_TAG, "Value": rfc3339(until)}
        clients.api(profile).write_again("CreateTags", clients.patience, {"ResourceIds": shorter, "Tags": [tag]})

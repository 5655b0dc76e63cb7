"""Reads how an exported image boots from the exporting account: manifests don't contain it."""

from __future__ import annotations

from omicopy.cloud.queries import read_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import OmicopyError
from omicopy.model.boot import Boot
from omicopy.model.image import is_image_id


def read_source_boot(session: AccountSession, source: str) -> Boot:
    """Returns the boot setup of an image or of an export task's image, by ID. Raises nothing.

    Unknown for any other source, for a deleted image, and if the account can't be read. The export works without it.
    """
    try:
        image_ids = [source] if is_image_id(source) else _exported(session, source)
        images = read_images(session, {"ImageIds": image_ids}) if image_ids else []
    except OmicopyError:
        return Boot()
    return next((image.boot for image in images if image.image_id in image_ids), Boot())


def _exported(session: AccountSession, source: str) -> list[str]:
    if not source.startswith("image-export-"):
        return []
    tasks = read_tasks(session, {"TaskIds": [source]})
    return [task.image_id for task in tasks if task.task_id == source]

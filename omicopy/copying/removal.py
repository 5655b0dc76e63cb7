"""Deleting an image of ours, and then the snapshots that only it mapped (DOMAIN.md §2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.failure import ServiceError
from omicopy.errors import ErrorCode
from omicopy.model import answers
from omicopy.model.image import Image


def delete_image(send: Callable[[str, Mapping[str, Any]], object], image_id: str) -> None:
    """That it is gone is no failure: an earlier deletion may have done it, its answer lost. Raises what `send` does."""
    try:
        send("DeleteImage", {"ImageId": image_id})
    except ServiceError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise


def delete_snapshots(clients: Clients, profile: str, image: Image, tell: Callable[[str], None]) -> None:
    """Deletes what only the deleted image mapped. One that has to stay is named to `tell`, and stops nothing."""
    for snapshot_id in dict.fromkeys(volume.snapshot_id for volume in image.volumes):
        if not snapshot_id:
            continue
        try:
            if not _is_mapped_elsewhere(clients, profile, snapshot_id, image.image_id):
                clients.api(profile).write("DeleteSnapshot", clients.patience, {"SnapshotId": snapshot_id})
        except ServiceError as error:
            tell(f"{snapshot_id} of the deleted image {image.image_id} was left behind ({error})")


def _is_mapped_elsewhere(clients: Clients, profile: str, snapshot_id: str, image_id: str) -> bool:
    """Whether another image maps it; the deleted one may still be listed."""
    filters = {"BlockDeviceMappingSnapshotIds": [snapshot_id]}
    images = clients.api(profile).read_all("ReadImages", "Images", clients.patience, filters)
    return any(answers.text(image, "ImageId") != image_id for image in images)

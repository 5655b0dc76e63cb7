"""Deletes an image that omicopy made, then the snapshots that only it used (DOMAIN.md §2).

The snapshots are tagged first, so that `prune` finds them if the deletion is interrupted or refused in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.queries import read_images
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode
from omicopy.model.image import Image
from omicopy.model.own_tags import DELETED_IMAGE_TAG

Send = Callable[[str, Mapping[str, Any]], object]


def tag_snapshots(session: AccountSession, image: Image, send: Send) -> None:
    """Tags the snapshots that only this image uses, so that `prune` can delete them later.

    Ignores a refusal: the image can be deleted without the tags. Raises temporary ServiceErrors, and what `send`
    raises.
    """
    try:
        deletable = _mapped_alone(session, image)
        if deletable:
            tag = {"Key": DELETED_IMAGE_TAG, "Value": image.image_id}
            send("CreateTags", {"ResourceIds": deletable, "Tags": [tag]})
    except ServiceError as error:
        # Keeps the image for now: a later attempt can tag its snapshots, then delete it.
        if error.code is ErrorCode.TEMPORARY:
            raise


def delete_image(send: Send, image_id: str) -> None:
    """Deletes the image. A missing image is no failure: an earlier request, whose answer was lost, may have deleted it.

    Raises what `send` raises.
    """
    _delete(send, "DeleteImage", {"ImageId": image_id})


def delete_snapshots(
    session: AccountSession, image: Image, tell: Callable[[str], None], send: Send | None = None
) -> None:
    """Deletes the snapshots that only the deleted image used. Reports each failure to `tell`, and continues."""

    def once(action: str, parameters: Mapping[str, Any]) -> object:
        return session.api.write(action, session.patience, parameters)

    def left(snapshot_ids: Sequence[str], error: ServiceError) -> None:
        for snapshot_id in snapshot_ids:
            tell(f"{snapshot_id} of the deleted image {image.image_id} was not deleted ({error})")

    try:
        deletable = _mapped_alone(session, image)
    except ServiceError as error:
        left(_snapshot_ids(image), error)
        return
    for snapshot_id in deletable:
        try:
            delete_snapshot(send or once, snapshot_id)
        except ServiceError as error:
            left([snapshot_id], error)


def delete_snapshot(send: Send, snapshot_id: str) -> None:
    """Deletes the snapshot. A missing snapshot is no failure. Raises what `send` raises."""
    _delete(send, "DeleteSnapshot", {"SnapshotId": snapshot_id})


def _delete(send: Send, action: str, parameters: Mapping[str, Any]) -> None:
    try:
        send(action, parameters)
    except ServiceError as error:
        if not error.is_gone:
            raise


def _snapshot_ids(image: Image) -> Sequence[str]:
    return list(dict.fromkeys(volume.snapshot_id for volume in image.volumes if volume.snapshot_id))


def _mapped_alone(session: AccountSession, image: Image) -> list[str]:
    """Returns the image's snapshots that no other image uses."""
    # The image itself may still be listed after its deletion.
    own = _snapshot_ids(image)
    if not own:
        return []
    filters = {"BlockDeviceMappingSnapshotIds": own}
    others = [other for other in read_images(session, filters) if other.image_id != image.image_id]
    mapped = {snapshot_id for other in others for snapshot_id in _snapshot_ids(other)}
    return [snapshot_id for snapshot_id in own if snapshot_id not in mapped]

"""Snapshots: ReadSnapshots, DeleteSnapshot."""

from __future__ import annotations

from datetime import UTC, datetime

from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, exactly, one_of, read_page, tag_filters
from omicopy.sandbox.api.actions.shapes import snapshot_shape
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.region_state import Snapshot


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(ApiErrorKind.BAD_FILTER, f"'{text}' is not a date.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


FILTERS: dict[str, Filter[Snapshot]] = {
    "AccountIds": one_of(lambda snapshot: snapshot.account_id),
    "Descriptions": one_of(lambda snapshot: snapshot.description),
    "FromCreationDate": lambda snapshot, wanted: snapshot.created >= _moment(wanted),
    "PermissionsToCreateVolumeGlobalPermission": exactly(lambda _: False),
    "Progresses": one_of(lambda _: 100),
    "SnapshotIds": one_of(lambda snapshot: snapshot.snapshot_id),
    "States": one_of(lambda _: "completed"),
    "ToCreationDate": lambda snapshot, wanted: snapshot.created <= _moment(wanted),
    "VolumeIds": one_of(lambda snapshot: snapshot.volume_id),
    "VolumeSizes": one_of(lambda snapshot: snapshot.size_gib),
    **tag_filters(lambda snapshot: snapshot.tags),
}
"""AccountAliases, ClientTokens and PermissionsToCreateVolumeAccountIds are refused: nothing in the sandbox has them."""


def read_snapshots(call: ApiCall, request: Request) -> Answer:
    """Returns the caller's snapshots. No snapshot of the sandbox is shared."""
    own = call.own(call.region.snapshots)
    shown, rest = read_page(call, request, own, FILTERS, lambda snapshot: snapshot.snapshot_id)
    return {"Snapshots": [snapshot_shape(snapshot) for snapshot in shown], **rest}


def delete_snapshot(call: ApiCall, request: Request) -> Answer:
    """Deletes a snapshot. Raises ApiError if an image uses it."""
    snapshot_id = request["SnapshotId"]
    with call.region.lock:
        snapshot = call.region.snapshots.get(snapshot_id)
        if snapshot is None or snapshot.account_id != call.account.account_id:
            raise ApiError(ApiErrorKind.NO_SUCH_SNAPSHOT, f"The SnapshotId '{snapshot_id}' doesn't exist.")
        if any(device.snapshot_id == snapshot_id for image in call.region.images.all() for device in image.devices):
            raise ApiError(ApiErrorKind.SNAPSHOT_IN_USE, f"The SnapshotId '{snapshot_id}' is used by an image.")
        call.region.snapshots.drop(snapshot_id)
    return {}

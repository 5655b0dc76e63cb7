"""A copy and its snapshots, compared with their source."""

from __future__ import annotations

from omicopy import __version__
from omicopy.sandbox.model.region_state import Omi
from tests.support.tool import Tool


def shape(image: Omi) -> list[tuple[object, ...]]:
    return [(one.name, one.size_gib, one.volume_type, one.iops, one.delete_on_vm_deletion) for one in image.devices]


def snapshots(image: Omi) -> set[str]:
    return {device.snapshot_id for device in image.devices}


def assert_copied(tool: Tool, source_id: str, copy: Omi, *, whole_shape: bool = True) -> None:
    """The copy is available, has new snapshots of the same sizes, and says where it comes from."""
    source = tool.source.images.get(source_id)
    assert copy.state == "available"
    assert copy.account_id in {account.account_id for account in tool.sandbox.accounts.values()} - {source.account_id}
    parts = 5 if whole_shape else 2
    assert [one[:parts] for one in shape(copy)] == [one[:parts] for one in shape(source)]
    owned = {one.snapshot_id for one in tool.target.snapshots.all() if one.account_id == copy.account_id}
    assert snapshots(copy) <= owned
    assert not snapshots(copy) & snapshots(source)
    assert copy.description.endswith(f"[omicopy eu-west-2 {source_id}]")
    assert dict(copy.tags) == dict(source.tags) | {
        "omicopy:copy": copy.image_id,
        "omicopy:source-image": source_id,
        "omicopy:source-region": "eu-west-2",
        "omicopy:source-account": source.account_id,
        "omicopy:source-name": source.name,
        "omicopy:source-date": source.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "omicopy:version": __version__,
    }

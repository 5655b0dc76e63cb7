"""ReadSnapshots and DeleteSnapshot."""

from __future__ import annotations


def test_a_deleted_image_leaves_its_snapshots(user) -> None:
    """A snapshot can be deleted only when no image uses it."""
    api = user.api("source")
    with user.refused() as refused:
        api.api("DeleteSnapshot", SnapshotId="snap-00000010")
    assert (refused.status, refused.code) == (409, "9094")
    api.api("DeleteImage", ImageId="ami-00000001")
    snapshots = api.api("ReadSnapshots", Filters={"SnapshotIds": ["snap-00000010"]})["Snapshots"]
    assert [snapshot["VolumeSize"] for snapshot in snapshots] == [10]
    api.api("DeleteSnapshot", SnapshotId="snap-00000010")
    assert api.api("ReadSnapshots", Filters={"SnapshotIds": ["snap-00000010"]})["Snapshots"] == []


def test_only_the_owner_sees_a_snapshot(user) -> None:
    owners = {one["AccountId"] for one in user.api("source").api("ReadSnapshots")["Snapshots"]}
    assert owners == {user.sandbox.accounts["source"].account_id}

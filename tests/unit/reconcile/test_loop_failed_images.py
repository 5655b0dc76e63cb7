"""A failed image of an earlier run is replaced; its own snapshots are deleted with it (R4)."""

from __future__ import annotations

import pytest

from omicopy.cloud.errors import Answer, Cause
from omicopy.errors import ErrorCode
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.result import Status
from tests.support.builders import COPY_ID, NAME, RENAMED
from tests.support.loop_runs import COPY, ended, refusing, warnings
from tests.support.virtual_cloud import Cloud, Machine, failing


def failed_before(cloud: Cloud, image_id: str = COPY_ID, name: str = NAME) -> None:
    snapshot = {"DeviceName": "/dev/sda1", "Bsu": {"SnapshotId": f"snap-of-{image_id}"}}
    tags = [{"Key": COPY_TAG, "Value": image_id}]
    cloud.add_image("target", image_id, State="failed", ImageName=name, Tags=tags, BlockDeviceMappings=[snapshot])


def test_r4_our_failed_image_is_replaced_with_its_snapshots(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteImage") == [{"ImageId": COPY_ID}]
    assert cloud.sent("DeleteSnapshot") == [{"SnapshotId": f"snap-of-{COPY_ID}"}]


def test_r4_a_snapshot_that_another_image_maps_is_kept(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    mapping = cloud.images[-1].raw["BlockDeviceMappings"]
    cloud.add_image("target", "ami-0000f001", ImageName="another", Description="", BlockDeviceMappings=mapping)
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteSnapshot") == []


def test_r3_a_snapshot_that_cannot_be_deleted_is_named(machine: Machine, cloud: Cloud) -> None:
    """The copy is made all the same."""
    failed_before(cloud)
    cloud.trouble = failing(cloud.time, Cause.SERVER, "DeleteSnapshot")
    assert machine.run(COPY)[0].status is Status.COPIED
    assert f"snap-of-{COPY_ID}" in warnings(machine)


@pytest.mark.parametrize("lag", [0.0, 40.0])
def test_a_delete_whose_answer_was_lost_is_no_failure(machine: Machine, cloud: Cloud, lag: float) -> None:
    failed_before(cloud)
    cloud.lost["DeleteImage"], cloud.lag = 1, lag
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["DeleteSnapshot"] == (1 if lag else 0)


def test_a_deleted_image_still_listed_is_not_deleted_again(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    cloud.lag = 40.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["DeleteImage"] == 1


def test_a_delete_that_is_refused_ends_the_copy(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    cloud.trouble = refusing("DeleteImage", Answer(403))
    assert ended(machine.run(COPY)) is ErrorCode.DENIED
    assert not cloud.writes["CreateImage"] + cloud.writes["DeleteSnapshot"]


def test_a_second_failed_image_ends_the_copy(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    failed_before(cloud, "ami-000000c2", RENAMED)
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.code, result.seconds < 60) == (ErrorCode.REMOTE_FAILED, True)
    assert cloud.writes["DeleteImage"] == 1


def test_a_failed_import_is_reported_then_replaced_next_run(machine: Machine, cloud: Cloud) -> None:
    def fail_the_first(profile: str, action: str) -> None:
        if len(cloud.images) == 2 and action == "ReadImages" and cloud.images[1].ends == "available":
            cloud.images[1].ends = "failed"
            cloud.images[1].raw["StateComment"] = {"StateCode": "Gone", "StateMessage": "no such URL"}

    cloud.trouble = fail_the_first
    [result] = machine.run(COPY)
    failed = cloud.images[1].raw["ImageId"]
    assert result.error is not None
    assert (result.error.exit_code, result.image_id) == (7, failed)
    assert "Gone: no such URL" in result.error.message
    cloud.trouble = lambda _profile, _action: None
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteImage") == [{"ImageId": failed}]

"""Tags that the service refuses, in virtual time: ours are written first, and the rest one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omicopy.cloud.errors import Answer, Cause, refused, temporary
from omicopy.errors import ErrorCode
from omicopy.model.events import WarningMessage
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import CopyRequest
from omicopy.model.result import Status
from tests.support.builders import A_SOURCE, COPY_ID, SOURCE, SOURCE_ID, copy_request, source_image
from tests.support.virtual_cloud import Cloud, Machine


class Choosy(Cloud):
    """Refuses a key, and everything in the same call; and fails when another is written, for a reason that may pass."""

    def __init__(self, refuses: str = "", fails_at: str = "") -> None:
        super().__init__()
        self.refuses, self.fails_at = refuses, fails_at
        self.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")

    def _CreateTags(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        keys = {tag["Key"] for tag in asked["Tags"]}
        if self.refuses in keys:
            raise refused("CreateTags", profile, Answer(400, "4069", "InvalidParameterValue"))
        if self.fails_at in keys:
            raise temporary(Cause.THROTTLED, "CreateTags", profile, "throttled")
        return super()._CreateTags(profile, asked)


def request() -> CopyRequest:
    """Of an image with two tags of its own."""
    tags = [{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "images"}]
    return replace(copy_request(), source=replace(A_SOURCE, image=source_image(Tags=tags)))


def written(cloud: Cloud) -> list[list[str]]:
    """The keys of each call that tagged an image."""
    calls = [asked for asked in cloud.sent("CreateTags") if asked["ResourceIds"][0].startswith("ami-")]
    return [[tag["Key"] for tag in asked["Tags"]] for asked in calls]


def test_our_tags_are_written_first(tmp_path: Path) -> None:
    """The next run adds the rest after an interruption."""
    cloud = Choosy(fails_at="team")
    [result] = Machine(tmp_path, cloud).run(request())
    assert result.error is not None
    assert result.error.code is ErrorCode.TEMPORARY
    assert COPY_TAG in written(cloud)[0]
    assert {key.startswith("omicopy:") for key in written(cloud)[0]} == {True}
    assert {tuple(keys) for keys in written(cloud)[1:]} == {("env", "team")}
    cloud.requests.clear()
    cloud.fails_at = ""
    [result] = Machine(tmp_path / "elsewhere", cloud).run(request())
    assert result.status is Status.PRESENT
    assert written(cloud) == [["env", "team"]]


def test_a_refused_tag_is_reported_once_per_run(tmp_path: Path) -> None:
    cloud = Choosy(refuses="env", fails_at="team")
    machine = Machine(tmp_path, cloud)
    [result] = machine.run(request())
    assert result.status is Status.FAILED
    assert written(cloud)[:3] == [[*written(cloud)[0]], ["env", "team"], ["env"]]
    assert {tuple(keys) for keys in written(cloud)[3:]} == {("team",)}
    assert (
        len([event for event in machine.events if isinstance(event, WarningMessage) and "'env'" in event.message]) == 1
    )


def test_a_copy_that_vanished_is_not_retried_tag_by_tag(tmp_path: Path) -> None:
    cloud = Choosy()
    cloud.trouble = lambda profile, action: (
        refused(action, profile, Answer(400, "5023", "InvalidResource"))
        if action == "CreateTags" and profile == "target"
        else None
    )
    [result] = Machine(tmp_path, cloud).run(request())
    assert result.error is not None
    assert result.error.code is ErrorCode.NOT_FOUND
    assert len(written(cloud)) == 1


def test_r6_a_refused_tag_hides_no_difference_of_the_copy(tmp_path: Path) -> None:
    cloud = Choosy(refuses="env")
    cloud.add_image("target", COPY_ID, BlockDeviceMappings=[])
    [result] = Machine(tmp_path, cloud).run(request())
    assert result.error is not None
    assert result.error.code is ErrorCode.DIFFERENT
    assert written(cloud)[1:] == [["env", "team"], ["env"], ["team"]]

"""One tag that the service refuses keeps no other off, and ours least of all (R4); the copy counts without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omicopy.cloud.errors import Answer, Cause, refused, temporary
from omicopy.errors import ErrorCode
from omicopy.model.events import WarningMessage
from omicopy.model.own_tags import COPY_TAG, EXPORT_TAG
from omicopy.model.request import CopyRequest
from omicopy.model.result import Status
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.builders import COPY_ID, ORIGIN, SOURCE, SOURCE_ID, copy_request, source_image
from tests.support.tool import LINUX, Tool
from tests.support.virtual_cloud import Cloud, Machine

PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports}
jobs:
  - name: golden
    images: [{name: golden-linux}]
    to: [{profile: target, tags: {"aws:owner": me}}]
"""


def tags_of(tool: Tool) -> dict[str, str]:
    return dict(tool.copies()[0].tags)


def test_a_refused_tag_stops_no_other_tag_and_no_copy(tool: Tool) -> None:
    """Were ours kept off with it, the copy would fail on every run, and could never be cleaned up."""
    tool.from_now_on(refused_tag_keys=("env",))
    ran = tool.copy(LINUX, "--tag", "cost=1", "--share-with", "333333333333", "--cleanup")
    (copy,) = tool.copies()
    assert (ran.copy["status"], ran.copy["error"]) == ("copied", None)
    tags = tags_of(tool)
    assert tags[COPY_TAG] == copy.image_id
    assert (tags["team"], tags["cost"], "env" in tags) == ("images", "1", False)
    assert copy.launch_accounts == ("333333333333",)
    assert tool.keys("") == [], "it was cleaned up"
    (warning,) = [line for line in ran.err.splitlines() if "'env'" in line]
    assert f"{copy.image_id} is there without the tag 'env' (CreateTags in target" in warning
    assert "with --no-copy-tags its tags stay behind" in warning


def test_the_next_run_tries_a_refused_tag_again_only(tool: Tool) -> None:
    tool.from_now_on(refused_tag_keys=("env",))
    tool.copy(LINUX)
    tool.forget()
    again = tool.copy(LINUX)
    assert (again.copy["status"], again.copy["changed"]) == ("present", False)
    assert "without the tag 'env'" in again.err
    assert tool.writes() == ["CreateTags"]
    quiet = tool.copy(LINUX, "--no-copy-tags")
    assert (quiet.copy["status"], "'env'" in quiet.err, tool.writes()) == ("present", False, ["CreateTags"])
    tool.from_now_on(refused_tag_keys=())
    assert tool.copy(LINUX).copy["changed"] is True
    assert tags_of(tool)["env"] == "prod"


def test_a_refused_requested_tag_is_named_with_its_origin(tool: Tool) -> None:
    tool.from_now_on(refused_tag_keys=("aws:owner", "env", "team"))
    ran = tool.copy(LINUX, "--tag", "aws:owner=me", "--tag", "cost=1")
    assert "without the tag 'aws:owner'" in ran.err
    assert "Change it with --tag." in ran.err
    assert tags_of(tool)["cost"] == "1"
    plan = tool.home / "plan.yaml"
    plan.write_text(PLAN)
    parts = tool.elsewhere().run("run", str(plan), "-o", "json").err
    assert "Change it in the plan's tags." in parts
    assert "with copy_tags: false in the plan its tags stay behind" in parts


def test_without_our_copy_tag_a_copy_is_not_done(tool: Tool) -> None:
    """Any other refused tag of ours stops nothing."""
    tool.from_now_on(refused_tag_keys=("omicopy:source-name",))
    ran = tool.copy(LINUX)
    assert ran.copy["status"] == "copied"
    assert "without the tag 'omicopy:source-name'" in ran.err
    assert "could not get the tag 'omicopy:source-name'" in ran.err  # the export
    assert EXPORT_TAG in dict(tool.tasks()[0].tags)
    assert {COPY_TAG, "omicopy:source-date", "env"} <= tags_of(tool).keys()
    tool.again(refused_tag_keys=(COPY_TAG, EXPORT_TAG))
    ran = tool.elsewhere().copy(LINUX, code=1)
    assert "CreateTags in target (us-east-2): HTTP 400, code 4069" in ran.copy["error"]["message"]
    assert "could not be tagged as ours" in ran.err
    assert "env" not in tags_of(tool)


def test_a_missing_right_is_not_retried_tag_by_tag(tool: Tool) -> None:
    denied = tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None, account="target"))
    tool.copy(LINUX, code=12)
    assert tool.sandbox.faults.times_applied(denied) == 1


# --- in virtual time


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
    return replace(copy_request(), source=replace(ORIGIN, image=source_image(Tags=tags)))


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

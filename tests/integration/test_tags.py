"""One tag that the service refuses keeps no other off, and ours least of all (R4); the copy counts without it."""

from __future__ import annotations

from omicopy.model.own_tags import COPY_TAG, EXPORT_TAG
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.tool import LINUX, Tool

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
    tool.change_settings(refused_tag_keys=("env",))
    ran = tool.copy(LINUX, "--tag", "cost=1", "--share-with", "333333333333", "--cleanup")
    (copy,) = tool.copies()
    assert (ran.copy["status"], ran.copy["error"]) == ("copied", None)
    tags = tags_of(tool)
    assert tags[COPY_TAG] == copy.image_id
    assert (tags["team"], tags["cost"], "env" in tags) == ("images", "1", False)
    assert copy.launch_accounts == ("333333333333",)
    assert tool.keys("") == [], "it was cleaned up"
    (warning,) = [line for line in ran.err.splitlines() if "'env'" in line]
    assert f"{copy.image_id} is complete, but without the tag 'env' (CreateTags in target" in warning
    assert "Use --no-copy-tags to copy none of them" in warning


def test_the_next_run_tries_a_refused_tag_again_only(tool: Tool) -> None:
    tool.change_settings(refused_tag_keys=("env",))
    tool.copy(LINUX)
    tool.forget()
    again = tool.copy(LINUX)
    assert (again.copy["status"], again.copy["changed"]) == ("present", False)
    assert "without the tag 'env'" in again.err
    assert tool.writes() == ["CreateTags"]
    quiet = tool.copy(LINUX, "--no-copy-tags")
    assert (quiet.copy["status"], "'env'" in quiet.err, tool.writes()) == ("present", False, ["CreateTags"])
    tool.change_settings(refused_tag_keys=())
    assert tool.copy(LINUX).copy["changed"] is True
    assert tags_of(tool)["env"] == "prod"


def test_a_refused_requested_tag_is_named_with_its_origin(tool: Tool) -> None:
    tool.change_settings(refused_tag_keys=("aws:owner", "env", "team"))
    ran = tool.copy(LINUX, "--tag", "aws:owner=me", "--tag", "cost=1")
    assert "without the tag 'aws:owner'" in ran.err
    assert "Change it with --tag." in ran.err
    assert tags_of(tool)["cost"] == "1"
    plan = tool.home / "plan.yaml"
    plan.write_text(PLAN)
    parts = tool.on_other_machine().run("run", str(plan), "-o", "json").err
    assert "Change it in the plan's tags." in parts
    assert "Use copy_tags: false in the plan to copy none of them" in parts


def test_without_our_copy_tag_a_copy_is_not_done(tool: Tool) -> None:
    """Any other refused tag of ours stops nothing."""
    tool.change_settings(refused_tag_keys=("omicopy:source-name",))
    ran = tool.copy(LINUX)
    assert ran.copy["status"] == "copied"
    assert "without the tag 'omicopy:source-name'" in ran.err
    assert "could not get the tag 'omicopy:source-name'" in ran.err  # the export
    assert EXPORT_TAG in dict(tool.tasks()[0].tags)
    assert {COPY_TAG, "omicopy:source-date", "env"} <= tags_of(tool).keys()
    tool.again(refused_tag_keys=(COPY_TAG, EXPORT_TAG))
    ran = tool.on_other_machine().copy(LINUX, code=1)
    assert "CreateTags in target (us-east-2): HTTP 400, code 4069" in ran.copy["error"]["message"]
    assert "could not be tagged as ours" in ran.err
    assert "env" not in tags_of(tool)


def test_a_missing_right_is_not_retried_tag_by_tag(tool: Tool) -> None:
    denied = tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None, account="target"))
    tool.copy(LINUX, code=12)
    assert tool.sandbox.faults.times_applied(denied) == 1

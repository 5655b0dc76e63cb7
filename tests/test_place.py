"""One place holds one manifest: what two exports to the same bucket and prefix do to each other, and to a copy."""

from __future__ import annotations

from typing import Any

import pytest

from omicopy.sandbox.variants import ManifestKey, Variant
from tests.tool import LINUX, Tool

PLACE = f"s3://omi-exports/{LINUX}/"


@pytest.mark.parametrize("key", [ManifestKey.NO_SUFFIX, ManifestKey.NAMED_AFTER_TASK])
def test_any_export_of_a_place_serves_and_another_format_needs_another_prefix(tool: Tool, key: ManifestKey) -> None:
    tool.again(variant=Variant(manifest_key=key))
    first = tool.copy(LINUX, "--format", "qcow2", "--name", "first").copy
    for ran in (
        tool.copy(LINUX, "--format", "raw", "--name", "second", code=4),
        tool.export(LINUX, "--format", "raw", code=4),
    ):
        assert f"There is no export in raw at {PLACE}: {first['manifest']} is one in qcow2" in ran.err
        assert "Export to another prefix, or ask for no format" in ran.err
    any_format = tool.copy(LINUX, "--name", "second").copy
    assert (any_format["status"], any_format["manifest"]) == ("copied", first["manifest"])
    assert len(tool.tasks()) == 1
    elsewhere = tool.copy(LINUX, "--format", "raw", "--name", "third", "--prefix", "raw").copy
    assert (elsewhere["status"], len(tool.tasks())) == ("copied", 2)
    again = tool.copy(LINUX, "--name", "fourth", OMICOPY_FORMAT="qcow2").copy
    assert again["manifest"] == first["manifest"]


def test_a_running_export_in_another_format_is_named_before_any_write(tool: Tool) -> None:
    tool.hold()
    running = tool.start_export(DiskImageFormat="raw")
    tool.forget()
    ran = tool.copy(LINUX, "--format", "qcow2", code=4)
    assert f"There is no export in qcow2 at {PLACE}: {running}, which is pending/queued, is one in raw" in ran.err
    assert tool.writes() == []
    tool.go()
    assert tool.copy(LINUX).copy["export_task_id"] == running


def test_a_second_export_to_a_place_takes_the_manifest_and_leaves_the_disks(tool: Tool) -> None:
    key = tool.exported(DiskImageFormat="qcow2")
    assert key == f"{LINUX}/manifest"
    assert tool.exported(DiskImageFormat="raw") == key
    disks = tool.keys(".gz")
    assert sorted(disk.rpartition(".gz")[0].rpartition(".")[2] for disk in disks) == ["qcow2", "raw"]
    suffixes = {task.task_id.rpartition("-")[2] for task in tool.tasks()}
    assert {disk.rpartition("/")[2].split("-")[2].partition(".")[0] for disk in disks} == suffixes
    [copy] = [tool.copy(LINUX).copy]
    assert (copy["status"], copy["manifest"]) == ("copied", f"s3://omi-exports/{key}")
    told: list[dict[str, Any]] = tool.run("status", LINUX, "--from", "source", "-o", "json").json["exports"]
    by_format = {entry["format"]: entry["manifest"] for entry in told}
    assert by_format["raw"]["state"] == "alive"
    assert by_format["qcow2"] == {
        "state": "missing",
        "location": None,
        "expires_at": None,
        "reason": "a later export in raw took the place of its manifest",
    }

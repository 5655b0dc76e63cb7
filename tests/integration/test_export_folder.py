"""One place holds one manifest: what two exports to the same bucket and prefix do to each other, and to a copy."""

from __future__ import annotations

from typing import Any

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, ManifestKey, UrlVersion
from tests.support.tool import LINUX, Tool

PLACE = f"s3://omi-exports/{LINUX}/"


@pytest.mark.parametrize("key", [ManifestKey.NO_SUFFIX, ManifestKey.NAMED_AFTER_TASK])
def test_any_export_in_a_folder_is_used(tool: Tool, key: ManifestKey) -> None:
    """Another format needs another prefix."""
    tool.again(behaviour=Behaviour(manifest_key=key))
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


def test_a_running_export_in_another_format_is_refused(tool: Tool) -> None:
    """Before any write; the message names it."""
    tool.hold()
    running = tool.start_export(DiskImageFormat="raw")
    tool.forget()
    ran = tool.copy(LINUX, "--format", "qcow2", code=4)
    assert f"There is no export in qcow2 at {PLACE}: {running}, which is pending/queued, is one in raw" in ran.err
    assert tool.writes() == []
    tool.go()
    assert tool.copy(LINUX).copy["export_task_id"] == running


def test_a_second_export_to_a_folder_replaces_the_manifest(tool: Tool) -> None:
    """The disks of the first one are left."""
    key = tool.exported(DiskImageFormat="qcow2")
    assert key == f"{LINUX}/manifest"
    assert tool.exported(DiskImageFormat="raw") == key
    disks = tool.keys(".gz")
    assert sorted(disk.rpartition(".gz")[0].rpartition(".")[2] for disk in disks) == ["qcow2", "raw"]
    suffixes = {task.task_id.rpartition("-")[2] for task in tool.tasks()}
    assert {disk.rpartition("/")[2].split("-")[2].partition(".")[0] for disk in disks} == suffixes
    [copy] = [tool.copy(LINUX).copy]
    assert (copy["status"], copy["manifest"]) == ("copied", f"s3://omi-exports/{key}")
    parts: list[dict[str, Any]] = tool.run("status", LINUX, "--from", "source", "-o", "json").json["exports"]
    by_format = {entry["format"]: entry["manifest"] for entry in parts}
    assert by_format["raw"]["state"] == "alive"
    assert by_format["qcow2"] == {
        "state": "missing",
        "location": None,
        "expires_at": None,
        "reason": "a later export in raw replaced its manifest",
    }


ODD = "100%#a?b=c+d é&e"


@pytest.mark.parametrize("version", list(UrlVersion))
def test_any_prefix_works_in_every_command(tool: Tool, version: UrlVersion) -> None:
    tool.again(behaviour=Behaviour(url_version=version))
    folder = f"s3://omi-exports/{ODD}/{LINUX}/"
    assert tool.export(LINUX, "--prefix", ODD).out == f"{folder}manifest\n"
    anew = tool.run("resign", folder, "--from", "source").out.strip()
    assert anew.startswith(f"{folder}manifest.resigned-")
    copied = tool.copy(LINUX, "--prefix", ODD, "--cleanup").copy
    assert (copied["status"], copied["manifest"], copied["cleanup"]["deleted_objects"]) == ("copied", anew, 3)
    assert tool.keys("") == []
    tool.export(LINUX, "--prefix", ODD)
    url = tool.url(f"{folder}manifest").out.strip()
    assert tool.import_(url, "--name", "handed-over").copy["status"] == "copied"
    assert tool.url(url.partition("?")[0]).out.partition("?")[0] == url.partition("?")[0]


def test_a_prefix_that_makes_keys_too_long_is_refused_at_once(tool: Tool) -> None:
    for prefix in ("a" * 863, "é" * 431 + "a"):
        for ran in (tool.copy(LINUX, "--prefix", prefix, code=2), tool.export(LINUX, "--prefix", prefix, code=2)):
            assert "has 863 bytes: keys under it could exceed 915" in ran.err
    assert tool.sandbox.request_log.requests() == []
    longest = "/".join(["a" * 99] * 8) + "/" + "b" * 62
    tool.export(LINUX, "--prefix", longest)
    new = tool.run("resign", f"s3://omi-exports/{longest}/{LINUX}/", "--from", "source").out.strip()
    assert len(new.removeprefix("s3://omi-exports/").encode()) == 915


def test_a_clean_up_names_disks_of_an_earlier_export(tool: Tool) -> None:
    tool.copy(LINUX)
    tool.delete(f"{LINUX}/manifest")
    (disk,) = tool.keys(".gz")
    ran = tool.copy(LINUX, "--name", "second", "--re-export", "--format", "raw", "--cleanup")
    left = f"1 disk ({len(tool.get(disk))} B) that no manifest names"
    assert ran.copy["cleanup"] == {"deleted_objects": 2, "left": left, "error": None}
    assert f"Not deleted in {PLACE}: {left}" in ran.err
    assert tool.keys("") == [disk]
    again = tool.copy(LINUX, "--name", "second", "--cleanup")
    assert again.copy["cleanup"] == {"deleted_objects": 0, "left": left, "error": None}
    tool.delete(disk)
    assert "Not deleted" not in tool.copy(LINUX, "--name", "second", "--cleanup").err

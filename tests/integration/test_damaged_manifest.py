"""A manifest that can't be read is a damaged one (8), however it was cut and is named; all else is signed."""

from __future__ import annotations

import gzip

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, ManifestKey
from tests.support.tool import LINUX, Tool


def exported(tool: Tool, key: ManifestKey) -> str:
    tool.again(behaviour=Behaviour(manifest_key=key))
    return tool.exported()


@pytest.mark.parametrize("named", [ManifestKey.NO_SUFFIX, ManifestKey.NAMED_AFTER_TASK])
def test_every_command_reports_a_damaged_manifest_as_such(tool, named: ManifestKey) -> None:
    key = exported(tool, named)
    whole, location = tool.get(key), f"s3://omi-exports/{key}"
    for raw in (b"", whole[:9], whole[:-3], gzip.compress(whole), b"\xff" + whole):
        tool.put(key, raw)
        commands = [
            ["url", location, "--from", "source"],
            ["url", f"s3://omi-exports/{LINUX}/", "--from", "source"],
            ["url", tool.tasks()[0].task_id, "--from", "source"],
            ["url", LINUX, "--from", "source"],
            ["url", tool.sign(key), "--from", "source"],
            ["resign", location, "--from", "source"],
            ["inspect", location, "--from", "source"],
        ]
        for ran in tool.together([lambda words=words: tool.run(*words, code=8) for words in commands]):
            assert "is damaged" in ran.err
            assert "not JSON" in ran.err or "not valid UTF-8" in ran.err
            assert ran.out == ""
    assert tool.copy("golden-linux", code=8).copy["error"]["code"] == "damaged"
    tool.put(key, b"\xef\xbb\xbf" + whole)  # a mark that Windows writes damages nothing
    assert tool.url(location).out.startswith("http")


def test_an_object_that_is_no_manifest_is_signed_by_its_key(tool) -> None:
    things = {
        "site/manifest.json": b'{"name": "a web page\'s own", "icons": []}',
        "disk.raw": bytes(2_000_000),
        "notes.txt": b"{ not JSON",
        "empty.json": b"",
        f"{LINUX}/snap-1.qcow2.gz": b"\x1f\x8b",
    }
    for key, content in things.items():
        tool.put(key, content)
    for ran in tool.together([lambda key=key: tool.url(f"s3://omi-exports/{key}", "-o", "json") for key in things]):
        assert ran.json["manifest"] is None
    tool.put("loose/manifest", b"not JSON")
    refused = tool.url("s3://omi-exports/loose/manifest", code=8)
    assert "--no-check" in refused.err
    assert tool.url("s3://omi-exports/loose/manifest", "--no-check").out.startswith("http")


def test_a_folder_whose_manifest_is_too_large_has_a_damaged_one(tool) -> None:
    key = exported(tool, ManifestKey.NO_SUFFIX)
    tool.put(key, tool.get(key) + b" " * 1024 * 1024)
    assert "too many for a manifest" in tool.url(f"s3://omi-exports/{LINUX}/", code=8).err

"""URLs of any object, to read and to upload."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest
import requests

from tests.support import children
from tests.support.children import PATIENCE
from tests.support.tool import LINUX


def sh(command: str, folder: Path) -> None:
    children.run(["sh", "-c", command], cwd=folder, check=True, env={"PATH": os.environ["PATH"]})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_an_upload_url_is_for_one_key_and_one_content_type(tool) -> None:
    place = "s3://omi-exports/from outside/disk's.img"
    ran = tool.url(place, "--method", "put", "--content-type", "text/plain", "--show-command", "--expires", "90")
    (url,) = ran.out.splitlines()
    (command,) = [line for line in ran.err.splitlines() if line.startswith("curl ")]
    assert shlex.split(command)[-1] == url
    assert "one file of at most 5 GiB" in ran.err
    pipe, kind = iter([b"from a pipe"]), {"Content-Type": "text/plain"}
    assert requests.put(url, data=pipe, headers=kind, timeout=PATIENCE).status_code == 411
    folder = tool.home / "upload"
    folder.mkdir()
    (folder / "disk's.img").write_bytes(b"content")
    sh(command, folder)
    assert tool.get("from outside/disk's.img") == b"content"
    assert requests.put(url, data=b"x", headers={"Content-Type": "text/html"}, timeout=PATIENCE).status_code == 403
    get = tool.url(place, "--show-command")
    (command,) = [line for line in get.err.splitlines() if line.startswith("curl ")]
    (folder / "disk's.img").unlink()
    sh(command, folder)
    assert (folder / "disk's.img").read_bytes() == b"content"
    assert "replaces it" in tool.url(place, "--method", "put").err


def test_a_too_long_key_is_reported_before_any_request(tool) -> None:
    """Object storage takes 915 bytes. Whoever uploads is told; what the tool would write itself is refused."""
    folder = f"{'é/' * 285}{'é' * 3}"
    ran = tool.url(f"s3://omi-exports/{folder}/{'x' * 53}", "--method", "put", "-q")
    assert ran.err == ""
    ran = tool.url(f"s3://omi-exports/{folder}/{'x' * 54}", "--method", "put", "-q")
    assert "more than 915 bytes" in ran.err
    assert requests.put(ran.out.strip(), data=b"x", timeout=PATIENCE).status_code == 400
    tool.forget()
    resigned = tool.run("resign", f"s3://omi-exports/{folder}/{'m' * 40}", "--from", "source", code=2)
    built = tool.run("manifest", "build", f"s3://omi-exports/{folder}", "--name", "n" * 60, "--from", "source", code=2)
    for one in (resigned, built):
        assert "and 915 are allowed" in one.err
        assert one.out == ""
    assert len(tool.sandbox.request_log) == 0


def test_an_impossible_upload_is_refused(tool) -> None:
    cases = {
        ("s3://omi-exports/x", "--method", "post"): (2, "no pre-signed POST"),
        ("s3://omi-exports/x", "--method", "patch"): (2, "no method 'patch'"),
        ("s3://omi-exports/x", "--content-type", "text/plain"): (2, "--method put"),
        ("s3://omi-exports/x", "--method", "put", "--content-type", "text/plain\nX: y"): (2, "content type"),
        ("s3://omi-exports/x", "--method", "put", "--expires", "604801"): (2, "--expires"),
        ("s3://omi-exports/x/", "--method", "put"): (2, "is a folder, not an object"),
        ("s3://omi-exports/a/..", "--method", "put"): (2, "No URL can point"),
        ("s3://omi-exports/x", "--method", "put", "--expires", "1.5s"): (2, "whole seconds"),
        (LINUX, "--method", "put"): (2, "is not the s3:// location of an object"),
        ("s3://no-such-bucket/x", "--method", "put"): (4, "NoSuchBucket"),
        ("s3://omi-exports/\udcff", "--method", "put"): (2, "can't contain"),
    }
    ran = tool.together([lambda a=a, c=c: tool.url(*a, code=c) for a, (c, _) in cases.items()])
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert message in one.err
        assert one.out == ""

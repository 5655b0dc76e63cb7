"""Manifests and objects of others: none leads anywhere else, and none is handed out unchecked."""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit

import requests

from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.support import children
from tests.support.children import PATIENCE
from tests.support.handing_over import aged, object_key
from tests.support.tool import LINUX


def test_a_planted_manifest_leads_to_no_other_host(tool) -> None:
    key = object_key(aged(tool, age=0))
    forged = tool.manifest(key)
    url = forged["Image"]["Snapshots"][0]["PreSignedUrl"]
    path = urlsplit(url).path
    forged["Image"]["Snapshots"][0]["PreSignedUrl"] = (
        f"http://127.0.0.1:9{path}?AWSAccessKeyId=x&Signature=y&Expires=99999999999"
    )
    tool.put(f"{LINUX}/upload.bin", forged)
    tool.put(f"{LINUX}/upload.json", forged)
    assert urlsplit(tool.url(f"s3://omi-exports/{LINUX}/").out.strip()).path == f"/omi-exports/{key}"
    assert tool.copy("golden-linux").copy["manifest"] == f"s3://omi-exports/{key}"
    anew = tool.url(f"s3://omi-exports/{LINUX}/upload.json").out.strip()
    assert ".resigned-" in anew
    inside = requests.get(anew, timeout=PATIENCE).json()["Image"]["Snapshots"][0]["PreSignedUrl"]
    assert urlsplit(inside).netloc == urlsplit(tool.sandbox.oos_urls["eu-west-2"]).netloc


def test_a_manifest_that_points_outside_is_not_handed_out(tool) -> None:
    """Even if its URLs work."""
    key = object_key(aged(tool, age=0))
    tool.put("elsewhere/alive.json", tool.get(key))
    ran = tool.url("s3://omi-exports/elsewhere/alive.json", code=8)
    assert "Image.Snapshots[0].PreSignedUrl is outside the export" in ran.err
    forged = ("resign", "s3://omi-exports/elsewhere/alive.json", "--from", "source", "--allow-key-prefix")
    for whole_bucket in ("", "/", "//"):
        assert "the whole bucket" in tool.run(*forged, whole_bucket, code=2).err
    assert ".resigned-" in tool.run(*forged, LINUX).out


def test_only_a_manifests_url_is_checked_inside(tool) -> None:
    tool.put("private.txt", b"not for everybody")
    url = tool.sign("private.txt").partition("?")[0]
    for more in ((), ("--no-check",)):
        ran = tool.url(url, *more, code=2)
        assert "instead of a URL: s3://omi-exports/private.txt" in ran.err
        assert ran.out == ""


def test_a_manifest_too_large_to_be_read_is_not_written(tool) -> None:
    key = object_key(aged(tool))
    document = tool.manifest(key)
    document["Image"]["More"] = [[]] * 200_000
    tool.put(key, json.dumps(document, separators=(",", ":")).encode())
    anew = tool.run("resign", f"s3://omi-exports/{key}", "--from", "source").out
    assert len(tool.get(object_key(anew))) < 1024 * 1024
    url = document["Image"]["Snapshots"][0]["PreSignedUrl"]
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = url.partition("?")[0]  # the new one will be longer
    document["Image"]["More"] = ""
    room = 1024 * 1024 - len(json.dumps(document, separators=(",", ":")))
    document["Image"]["More"] = "x" * room
    tool.put(key, json.dumps(document, separators=(",", ":")).encode())
    tool.forget()
    tool.run("resign", f"s3://omi-exports/{key}", "--from", "source", code=8)
    assert tool.writes() == []


def test_object_names_that_are_hashes_are_not_redacted(tool) -> None:
    tool.put(f"hex/{'ab' * 32}.qcow2.gz", make_disk("qcow2", GIB, "hex"))
    ran = tool.run("manifest", "build", "s3://omi-exports/hex", "--name", "hex", "--from", "source", "-o", "json")
    assert ran.json["volumes"][0]["key"] == f"hex/{'ab' * 32}.qcow2.gz"


def test_a_file_with_an_images_id_as_name_is_a_file(tool) -> None:
    key = object_key(aged(tool))
    file = tool.home / "ami-00000001.manifest.json"
    file.write_bytes(tool.get(key))
    done = children.run(
        [sys.executable, "-m", "omicopy", "inspect", file.name],
        cwd=tool.home,
        env=tool.env | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert "golden-linux" in done.stdout

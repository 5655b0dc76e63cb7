"""`resign`: a new manifest beside the expired one, and nothing else."""

from __future__ import annotations

import json
import re

from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.handing_over import THREE_MONTHS, aged, in_days, object_key
from tests.support.tool import LINUX, THREE


def test_resign_writes_a_new_manifest_beside_the_expired_one(tool) -> None:
    """Nothing else changes."""
    location = aged(tool, THREE, age=THREE_MONTHS)
    key = object_key(location)
    document = tool.manifest(key)
    document = {"Unknown": [1, {"b": 0.5, "a": None}], **document, "Last": "stays last"}
    document["Image"]["Snapshots"][1]["Note"] = "kept"
    tool.put(key, document)
    before = tool.get(key)
    tool.forget()
    ran = tool.run("resign", location, "--from", "source")
    assert re.fullmatch(rf"s3://omi-exports/{THREE}/manifest\.resigned-\d{{8}}T\d{{6}}Z\.json\n", ran.out)
    assert tool.writes() == ["PutObject"]
    assert tool.get(key) == before
    anew = json.loads(tool.get(object_key(ran.out)), object_pairs_hook=list)
    old = json.loads(before, object_pairs_hook=list)
    assert without_urls(anew) == without_urls(old)
    assert tool.import_(tool.url(ran.out.strip(), "--no-resign").out.strip()).copy["status"] == "copied"


def without_urls(pairs: object) -> object:
    """JSON as lists of pairs, so that the order counts."""
    if isinstance(pairs, tuple) and pairs[0] == "PreSignedUrl":
        return "URL"
    return [without_urls(item) for item in pairs] if isinstance(pairs, list | tuple) else pairs


def test_two_resigns_in_a_second_make_two_manifests(tool) -> None:
    location = aged(tool)
    first, second = tool.together([lambda: tool.run("resign", location, "--from", "source")] * 2)
    third = tool.run("resign", first.out.strip(), "--from", "source", "--expires", "1h", "-o", "json").json
    assert third["manifest"].count(".resigned-") == 1
    assert third["manifest"] not in (first.out.strip(), second.out.strip())
    assert third["effective_expires_at"] < in_days(0.05)
    chosen = tool.url(LINUX, "-o", "json").json
    assert chosen["manifest"] in (first.out.strip(), second.out.strip())
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == 1


def test_a_manifest_that_cannot_be_re_signed_names_the_entry(tool) -> None:
    location = aged(tool, THREE)
    key = object_key(location)
    tool.put("elsewhere/disk.qcow2.gz", b"not for everybody")
    forged = tool.manifest(key)
    url = forged["Image"]["Snapshots"][1]["PreSignedUrl"]
    forged["Image"]["Snapshots"][1] |= {
        "PreSignedUrl": re.sub(rf"{THREE}/[^?]*", "elsewhere/disk.qcow2.gz", url),
        "CompressedSize": 17,
    }
    tool.put(f"{THREE}/forged.json", forged)
    sized = tool.manifest(key)
    sized["Image"]["Snapshots"][2]["CompressedSize"] += 1
    tool.put(f"{THREE}/sized.json", sized)
    cases = {
        f"s3://omi-exports/{THREE}/forged.json": (8, "Image.Snapshots[1].PreSignedUrl is outside the export"),
        f"s3://omi-exports/{THREE}/sized.json": (8, "Image.Snapshots[2].PreSignedUrl"),
        "s3://omi-exports/elsewhere/disk.qcow2.gz": (8, "not JSON"),
        "s3://omi-exports/none.json": (4, "no object"),
        "golden-linux": (2, "is not a location, an ID or a URL"),
    }
    tool.forget()
    ran = tool.together(
        [lambda s=s, c=c: tool.run("resign", s, "--from", "source", code=c) for s, (c, _) in cases.items()]
    )
    for one, (_, message) in zip(ran, cases.values(), strict=True):
        assert message in one.err
        assert one.out == ""
    assert tool.writes() == []
    widened = ("resign", f"s3://omi-exports/{THREE}/forged.json", "--from", "source", "--allow-key-prefix", "elsewhere")
    assert ".resigned-" in tool.run(*widened).out
    for gone in tool.keys(".gz"):
        tool.delete(gone)
    assert "is gone" in tool.run("resign", location, "--from", "source", code=8).err


def test_a_key_without_write_permission_is_reported(tool) -> None:
    location = aged(tool)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "PutObject", account="source", times=None))
    assert tool.run("resign", location, "--from", "source", code=12).out == ""
    assert "right to write" in tool.url(location, code=10).err

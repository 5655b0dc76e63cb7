"""`manifest build`: disks that lie in a bucket without a manifest get one, and are as good as an export."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from functools import partial

import requests

from omicopy.cloud.presign import presign
from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.model.s3_location import S3Object
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.support.children import PATIENCE
from tests.support.tool import LINUX, Ran, Tool

LOOSE = "s3://omi-exports/loose"
SMALL, LARGE = make_disk("qcow2", 4 * GIB, "small"), make_disk("qcow2", 20 * GIB, "large")


def build(tool: Tool, *args: str, at: str = LOOSE, name: str = "golden", code: int = 0) -> Ran:
    return tool.run("manifest", "build", at, "--from", "source", "--name", name, *args, code=code)


def test_a_disk_uploaded_through_a_url_becomes_an_image(tool) -> None:
    account = resolve_profile("source", tool.env, tool.home)
    put = presign(account, S3Object("omi-exports", "loose/from them/disk é.qcow2.gz"), method="PUT").url
    assert requests.put(put, data=LARGE, timeout=PATIENCE).status_code == 200
    ran = build(tool, "--description", "of theirs", "--product-type", "0002", at=LOOSE + "/")
    assert ran.out == f"{LOOSE}/golden.manifest.json\n"
    assert "from them/disk é.qcow2.gz, 20 GiB" in ran.err
    url = tool.url(ran.out.strip()).out.strip()
    assert "/golden.manifest.json?" in url, "nothing had to be signed anew"
    tool.import_(url)
    (copy,) = tool.copies()
    assert (copy.name, copy.state, copy.product_codes) == ("golden", "available", ("0002",))
    assert copy.description.startswith("of theirs [omicopy manifest ")
    assert [(device.name, device.size_gib) for device in copy.devices] == [("/dev/sda1", 20)]


def test_several_disks_need_devices_and_become_one_image(tool) -> None:
    for key, disk in {
        "a.qcow2.gz": LARGE,
        "b b.qcow2.gz": SMALL,
        "more/c.raw.gz": make_disk("raw", 3 * GIB, "c"),
    }.items():
        tool.put(f"loose/{key}", disk)
    tool.put("loose-other/d.qcow2.gz", SMALL)
    refused = build(tool, code=2)
    assert (refused.out, tool.keys(".json")) == ("", [])
    assert "s3://omi-exports/loose/ contains 3 disks: a.qcow2.gz (20 GiB), b b.qcow2.gz (4 GiB)" in refused.err
    typed = [line.strip() for line in refused.err.splitlines() if line.strip().startswith("--volume")]
    assert typed == [
        "--volume DEVICE=a.qcow2.gz",
        "--volume DEVICE='b b.qcow2.gz'",
        "--volume DEVICE=more/c.raw.gz,size=SIZE",
    ]
    volumes = [
        "/dev/xvdc=loose/more/c.raw.gz,size=3GiB",
        "/dev/sdb=a.qcow2.gz,type=io1,iops=500",
        "/dev/sda1=b b.qcow2.gz",
    ]
    words = [word for volume in volumes for word in ("--volume", volume)]
    ran = build(tool, *words, "-o", "json")
    assert set(ran.json) == {"schema", "manifest", "changed", "expires_at", "volumes"}
    assert (ran.json["schema"], ran.json["changed"]) == ("omicopy/1", True)
    assert ran.json["volumes"][0] == {
        "device": "/dev/sda1",
        "key": "loose/b b.qcow2.gz",
        "size_bytes": 4 * GIB,
        "compressed_bytes": len(SMALL),
    }
    ends = datetime.fromisoformat(ran.json["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6.9) < ends <= timedelta(days=7)
    tool.import_(tool.url(ran.json["manifest"]).out.strip())
    sizes = [(one.name, one.size_gib, one.volume_type, one.iops) for one in tool.copies()[0].devices]
    assert sizes == [
        ("/dev/sda1", 4, "standard", None),
        ("/dev/sdb", 20, "io1", 500),
        ("/dev/xvdc", 3, "standard", None),
    ]


def test_a_manifest_is_written_once_and_overwrites_nothing(tool) -> None:
    tool.put("loose/disk.qcow2.gz", SMALL)
    shown = build(tool, "--dry-run", "-o", "json")
    assert (shown.json["changed"], tool.keys(".json")) == (False, [])
    first = build(tool)
    assert first.out.strip() == shown.json["manifest"]
    written = tool.get("loose/golden.manifest.json")
    tool.put("loose/taken.manifest.json", b"{}")
    tool.put("loose/huge.manifest.json", bytes(1024 * 1024 + 1))
    tool.forget()
    commands = [
        partial(build, tool, "-o", "jsonl"),
        partial(build, tool, "--volume", "/dev/sda1=loose/disk.qcow2.gz", "-q"),
        partial(build, tool, "--description", "other", code=4),
        partial(build, tool, name="taken", code=4),
        partial(build, tool, name="huge", code=4),
    ]
    again, quiet, other, *taken = tool.together(commands)
    assert (again.json["changed"], again.out.count("\n")) == (False, 1)
    assert "is there already" in again.err
    assert (quiet.out, quiet.err) == (first.out, "")
    assert "differs from the requested manifest in: description" in other.err
    assert all("is no manifest" in one.err for one in taken)
    assert tool.writes() == []
    assert tool.get("loose/golden.manifest.json") == written
    tool.put("loose/disk.qcow2.gz", LARGE)
    assert "in: volumes" in build(tool, code=4).err


def test_a_manifest_with_expired_urls_is_the_same_one(tool) -> None:
    """The command url re-signs it."""
    tool.put("loose/disk.qcow2.gz", SMALL)
    location = build(tool).out.strip()
    document = tool.manifest("loose/golden.manifest.json")
    document["Image"]["Snapshots"][0]["PreSignedUrl"] = tool.sign("loose/disk.qcow2.gz", seconds=1)
    tool.put("loose/golden.manifest.json", document)
    assert build(tool).out.strip() == location
    url = tool.url(location).out.strip()
    assert ".resigned-" in url
    again = build(tool)
    assert again.out.strip() == location
    assert "Warning" not in again.err


def test_a_disks_flaws_are_reported_before_any_write(tool) -> None:
    plain = gzip.decompress(SMALL)
    tool.put("raw/disk.raw.gz", make_disk("raw", GIB, "r"))
    tool.put("plain/disk", b"no header" + bytes(512))
    tool.put("backed/disk.qcow2", plain[:8] + b"\0\0\0\0\0\0\0\1" + plain[16:])
    tool.put("empty/disk.qcow2.gz", b"")
    tool.put("loose/disk.qcow2.gz", SMALL)
    tool.put("loose/sub//disk.qcow2.gz", SMALL)
    root = partial("/dev/sda1={}".format)
    cases = {
        ("raw", ""): (2, "--volume /dev/sda1=disk.raw.gz,size=SIZE"),
        ("plain", ""): (4, "none of its 1 objects starts"),
        ("plain", root("disk")): (2, "--volume /dev/sda1=disk,size=SIZE"),
        ("backed", ""): (8, "s3://omi-exports/backed/disk.qcow2 contains only the differences"),
        ("empty", root("disk.qcow2.gz")): (8, "is empty"),
        ("loose", root("disk.qcow2.gz,size=5GiB")): (
            2,
            f"of {4 * GIB} bytes, according to its header, not of {5 * GIB}",
        ),
        ("loose", root("sub//disk.qcow2.gz")): (4, "It contains: disk.qcow2.gz"),
        ("loose", root("raw/disk.raw.gz")): (4, "there is no object 'raw/disk.raw.gz' under s3://omi-exports/loose/"),
        ("loose", "/dev/sdb=disk.qcow2.gz"): (2, "No volume has the device /dev/sda1"),
        ("nothing", ""): (4, "s3://omi-exports/nothing/ contains no disk"),
        ("../up", ""): (2, "not a usable prefix"),
    }
    tool.forget()
    commands = [
        partial(build, tool, *(("--volume", volume) if volume else ()), at=f"s3://omi-exports/{place}", code=code)
        for (place, volume), (code, _) in cases.items()
    ]
    for ran, (_, message) in zip(tool.together(commands), cases.values(), strict=True):
        assert message in ran.err
        assert ran.out == ""
    assert tool.writes() == []


def test_a_disk_that_the_service_may_refuse_is_a_warning(tool) -> None:
    tool.put("loose/disk.qcow2", gzip.decompress(make_disk("qcow2", GIB + 512, "odd")))
    tool.put("loose/export.json", {"Version": 1})
    tool.put("loose/bad\nname.qcow2.gz", SMALL)
    ran = build(tool, "-q")
    assert ran.err.splitlines() == [
        "Warning: loose/disk.qcow2 (/dev/sda1) is not compressed with gzip, as exports are. "
        "It is not documented if the service accepts it.",
        f"Warning: loose/disk.qcow2 (/dev/sda1) is {GIB + 512} bytes large. "
        "The service's volumes have a size in whole GiB.",
    ]
    tool.delete(ran.out.strip().removeprefix("s3://omi-exports/"))
    twice = build(tool, "--volume", "/dev/sda1=disk.qcow2", "--volume", "/dev/sdb=disk.qcow2", name="twice")
    assert "(/dev/sdb) is the same object as the one for /dev/sda1" in twice.err


def test_a_disk_with_a_manifest_gets_no_other_one(tool) -> None:
    tool.exported()
    tool.forget()
    (disk,) = tool.keys(".gz")
    for more in ((), ("--volume", f"/dev/sda1={disk}")):
        ran = build(tool, *more, at=f"s3://omi-exports/{LINUX}", code=4)
        assert f"s3://omi-exports/{LINUX}/manifest already is a manifest of the same disks" in ran.err
    assert tool.writes() == []


def test_no_prefix_means_the_whole_bucket(tool) -> None:
    tool.put("deep/down/disk.qcow2.gz", SMALL)
    assert "Give the folder that contains the disks" in build(tool, at="s3://omi-exports", name="a b (c)", code=2).err
    tool.delete("deep/down/disk.qcow2.gz")
    tool.put("disk.qcow2.gz", SMALL)
    ran = build(tool, at="s3://omi-exports", name="a b (c)")
    assert ran.out == "s3://omi-exports/a-b--c-.manifest.json\n"
    snapshot = tool.manifest("a-b--c-.manifest.json")["Image"]["Snapshots"][0]
    assert (snapshot["Filename"], snapshot["Iops"]) == ("disk.qcow2.gz", None)
    assert requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).content == SMALL
    tool.url(ran.out.strip())


def test_r9_no_manifest_with_a_failing_url_is_written(tool) -> None:
    tool.put("loose/disk.qcow2.gz", SMALL)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account="source", after=1))
    ran = build(tool, code=12)
    assert (ran.out, tool.keys(".json")) == ("", [])
    assert "The store refuses a URL of an object" in ran.err


def test_only_the_start_of_a_disk_is_read(tool) -> None:
    tool.put("loose/disk.qcow2.gz", gzip.compress(gzip.decompress(SMALL) + bytes(1 << 20), compresslevel=0))
    tool.forget()
    build(tool)
    assert [one.answer_bytes for one in tool.sandbox.request_log.requests("GetObject")] == [64 * 1024, 1]


def test_a_prefix_with_too_many_objects_is_refused(tool) -> None:
    tool.together([partial(tool.put, f"loose/{number}", b"x") for number in range(101)])
    tool.forget()
    assert "contains 101 objects, too many" in build(tool, code=2).err
    assert tool.count("GetObject") == 0
    assert (
        json.loads(build(tool, "--volume", "/dev/sda1=7,size=1GiB", "-o", "json", "--dry-run").out)["changed"] is False
    )

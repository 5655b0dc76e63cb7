"""What the first bytes of an object say of a disk, and how sizes, volumes and a new manifest are written."""

from __future__ import annotations

import gzip
import json
import struct
import tracemalloc
import zlib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_disks.disk_header import HEAD_BYTES, DiskHead, read_head
from omicopy.manifests.from_disks.draft import (
    DraftVolume,
    ImageWords,
    differences,
    draft_manifest,
    in_order,
    manifest_file_name,
)
from omicopy.manifests.from_disks.volume_spec import VolumeSpec, check_volumes, parse_volume
from omicopy.model.choices import DiskFormat
from omicopy.model.manifest import parse_manifest
from omicopy.model.units import GIB, format_size, parse_size
from omicopy.sandbox.storage.disk_images import make_disk

zipped = partial(gzip.compress, mtime=0)  # the same bytes in every process

QCOW2 = make_disk("qcow2", 10 * GIB, "snap-1")
URL = "https://oos.eu-west-2.outscale.com/omi-exports/a/b.qcow2.gz?X-Amz-Signature=0"


def header(version: int = 3, size: int = GIB, backing: int = 0, encryption: int = 0, features: int = 0) -> bytes:
    start = struct.pack(">4sIQIIQI", b"QFI\xfb", version, backing, 8 if backing else 0, 16, size, encryption)
    return (start.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(104, b"\0")


# --- disks


@pytest.mark.parametrize("size", [1, GIB, 10 * GIB, 2**63 - 1])
@pytest.mark.parametrize("version", [2, 3])
def test_the_size_is_in_a_qcow2_header_gzipped_or_not(version: int, size: int) -> None:
    plain = header(version, size)[: 72 if version == 2 else None]
    assert read_head(plain) == DiskHead(DiskFormat.QCOW2, size)
    assert read_head(zipped(plain)) == DiskHead(DiskFormat.QCOW2, size, compressed=True)


def test_the_start_of_a_long_stream_is_enough() -> None:
    noise = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") for n in range(50_000))
    start = zipped(header() + noise)[:HEAD_BYTES]
    assert len(start) == HEAD_BYTES
    assert read_head(start) == DiskHead(DiskFormat.QCOW2, GIB, compressed=True)
    assert read_head(QCOW2).size_bytes == 10 * GIB


@pytest.mark.parametrize(
    ("disk", "problem"),
    [
        (b"", "is empty"),
        (header(backing=104), "backing file"),
        (header(encryption=1), "encrypted"),
        (header(features=1 << 2), "in another file"),
        (header(features=1 << 1), "corrupt"),
        (header(size=0), "0 bytes"),
        (header(size=2**63), "bytes large"),
        (header(version=1), "version 1"),
        (header(version=4), "version 4"),
        (header()[:80], "ends within"),
        (header(version=2)[:71], "ends within"),
        (b"QFI\xfb", "ends within"),
        (zipped(header()[:80]), "ends within"),
        (zipped(header(version=2, backing=104)), "backing file"),
        (b"\x1f\x8b" + b"x" * 100, "gzip stream"),
    ],
)
def test_a_disk_that_needs_another_file_is_refused_with_why(disk: bytes, problem: str) -> None:
    head = read_head(disk)
    assert problem in head.problem
    assert head.size_bytes is None


@pytest.mark.parametrize(
    ("disk", "compressed"), [(bytes(512), False), (make_disk("raw", GIB, "r"), True), (zipped(b""), True)]
)
def test_a_file_without_a_header_is_unknown_not_an_error(disk: bytes, compressed: bool) -> None:
    assert read_head(disk) == DiskHead(compressed=compressed)


@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda rest: b"QFI\xfb" + rest)
    | st.binary(max_size=300).map(lambda rest: b"QFI\xfb\0\0\0\3" + rest)
    | st.binary(max_size=300).map(lambda rest: b"\x1f\x8b\x08" + rest)
    | st.binary(max_size=300).map(lambda rest: zipped(b"QFI\xfb\0\0\0\2" + rest))
    | st.tuples(st.just(QCOW2), st.integers(0, len(QCOW2) - 1), st.integers(0, 255)).map(
        lambda made: made[0][: made[1]] + bytes([made[2]]) + made[0][made[1] + 1 :]
    )
)
def test_any_bytes_are_a_disk_or_unknown_and_never_an_exception(start: bytes) -> None:
    head = read_head(start)
    assert head.problem.isprintable()
    if head.size_bytes is not None:
        assert head.format is DiskFormat.QCOW2
        assert 0 < head.size_bytes < 2**63
        assert not head.problem


def test_a_gzip_bomb_stays_small() -> None:
    bomb = zipped(bytes(64 * 1024 * 1024))[:HEAD_BYTES]
    tracemalloc.start()
    assert read_head(bomb) == DiskHead(compressed=True)
    assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    tracemalloc.stop()


# --- sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GiB", 10 * GIB), ("512mib", GIB // 2), ("1 KiB", 1024), (" 7 ", 7), ("7B", 7), ("2TiB", 2048 * GIB)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size).replace(" ", "")) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5GiB", "10GB", "GiB", "9" * 19 + "TiB", "9" * 30, "١GiB", "1_0"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_size(text)
    assert caught.value.code is ErrorCode.USAGE


# --- volumes


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("/dev/sda1=disk.gz", VolumeSpec("/dev/sda1", "disk.gz")),
        ("/dev/sdb=a/b c,d=e.gz", VolumeSpec("/dev/sdb", "a/b c,d=e.gz")),
        ("/dev/xvdca=d,iops=500,type=io1,size=1GiB", VolumeSpec("/dev/xvdca", "d", GIB, "io1", 500)),
        ("/dev/sdb=d,type=gp2", VolumeSpec("/dev/sdb", "d", None, "gp2")),
    ],
)
def test_a_volume_is_read(text: str, volume: VolumeSpec) -> None:
    assert parse_volume(text) == volume


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no device"),
        ("disk.gz", "no device"),
        ("/dev/sda=disk", "no device"),
        ("/dev/sda1", "no object"),
        ("/dev/sda1=,size=1GiB", "no object"),
        ("/dev/sda1=d,size=big", "no size"),
        ("/dev/sda1=d,size=1,size=2", "twice"),
        ("/dev/sda1=d,type=fast", "no type"),
        ("/dev/sda1=d,type=io1", "iops=N"),
        ("/dev/sda1=d,iops=5", "iops=N"),
        ("/dev/sda1=d,type=io1,iops=0", "no number"),
    ],
)
def test_anything_else_is_no_volume_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(OmicopyError, match=reason) as caught:
        parse_volume(text)
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("devices", "reason"), [(["/dev/sdb"], "No volume is /dev/sda1"), (["/dev/sda1", "/dev/sda1"], "both /dev/sda1")]
)
def test_one_volume_is_the_root_and_no_device_has_two(devices: list[str], reason: str) -> None:
    with pytest.raises(OmicopyError, match=reason):
        check_volumes([VolumeSpec(device, "d") for device in devices])


# --- the draft


def test_a_draft_is_the_manifest_that_is_documented() -> None:
    volumes = in_order(
        [DraftVolume("/dev/sdb", "a/c.gz", GIB, 9, "io1", 100), DraftVolume("/dev/sda1", "a/b.gz", 7, 8)]
    )
    raw = draft_manifest(ImageWords("golden", "of\nmine", product_types=("0002",)), volumes, [URL, URL])
    document = json.loads(raw)
    assert document["Version"] == 1
    assert document["Image"].pop("Snapshots")[1] == {
        "Device": "/dev/sdb",
        "Filename": "c.gz",
        "PreSignedUrl": URL,
        "Size": GIB,
        "CompressedSize": 9,
        "VolumeType": "io1",
        "Iops": 100,
        "DeleteOnTermination": True,
    }
    assert document["Image"] == {
        "Name": "golden",
        "Description": "of\nmine",
        "Architecture": "x86_64",
        "Type": "machine",
        "ProductTypes": ["0002"],
        "Public": False,
    }
    assert [snapshot.device for snapshot in parse_manifest(raw).snapshots] == ["/dev/sda1", "/dev/sdb"]


def test_the_differences_of_two_manifests_are_listed() -> None:
    volume = DraftVolume("/dev/sda1", "a/b.gz", GIB, 8)
    one = parse_manifest(draft_manifest(ImageWords("one"), [volume], [URL]))
    other = parse_manifest(
        draft_manifest(ImageWords("two", "x", "i386", ("0002",)), [volume], [URL.replace("b.", "c.")])
    )
    assert differences(one, one) == []
    assert differences(one, other) == ["name", "description", "architecture", "product types", "volumes"]


@pytest.mark.parametrize(
    "words",
    [
        {"name": "x"},
        {"name": "a;b"},
        {"architecture": "arm"},
        {"product_types": ("1",)},
        {"product_types": ("0001\n",)},
    ],
)
def test_a_name_that_no_image_may_have_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(OmicopyError) as caught:
        ImageWords(**{"name": "golden"} | words)
    assert caught.value.code is ErrorCode.USAGE


def test_a_name_becomes_a_file_name() -> None:
    assert manifest_file_name("golden (linux)/2026.1_a-b") == "golden--linux--2026.1_a-b.manifest.json"

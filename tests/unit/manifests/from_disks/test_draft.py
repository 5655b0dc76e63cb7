"""A new manifest for disks: its text and its name."""

from __future__ import annotations

import json

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_disks.draft import (
    DraftVolume,
    ImageMetadata,
    differences,
    draft_manifest,
    in_order,
    manifest_file_name,
)
from omicopy.model.manifest import parse_manifest
from omicopy.model.units import GIB, format_size, parse_size

URL = "https://oos.eu-west-2.outscale.com/omi-exports/a/b.qcow2.gz?X-Amz-Signature=0"


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


def test_a_draft_is_the_manifest_that_is_documented() -> None:
    volumes = in_order(
        [DraftVolume("/dev/sdb", "a/c.gz", GIB, 9, "io1", 100), DraftVolume("/dev/sda1", "a/b.gz", 7, 8)]
    )
    raw = draft_manifest(ImageMetadata("golden", "of\nmine", product_types=("0002",)), volumes, [URL, URL])
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
    one = parse_manifest(draft_manifest(ImageMetadata("one"), [volume], [URL]))
    other = parse_manifest(
        draft_manifest(ImageMetadata("two", "x", "i386", ("0002",)), [volume], [URL.replace("b.", "c.")])
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
        ImageMetadata(**{"name": "golden"} | words)
    assert caught.value.code is ErrorCode.USAGE


def test_a_name_becomes_a_file_name() -> None:
    assert manifest_file_name("golden (linux)/2026.1_a-b") == "golden--linux--2026.1_a-b.manifest.json"

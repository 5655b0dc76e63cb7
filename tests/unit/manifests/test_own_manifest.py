"""A manifest of ours that is damaged, and objects that are none."""

from __future__ import annotations

import gzip
import json

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.own_manifest import has_to_be_manifest, is_manifest_key, read_trusted_manifest
from omicopy.model.s3_location import S3Object
from tests.support.builders import KEY, SOURCE_ID, raw_manifest

WHOLE = json.dumps(raw_manifest(), indent=1).encode()
IN_EXPORT = [
    f"{SOURCE_ID}/manifest",
    f"nightly/{SOURCE_ID}/manifest.json",
    f"nightly/{SOURCE_ID}/{SOURCE_ID}.manifest.json",
    f"{SOURCE_ID}/image-export-12345678.json",
    f"{SOURCE_ID}/manifest.resigned-20260101T000000Z.json",
    f"a//{SOURCE_ID}//x.json",
]
CALLED_SO = [
    "loose/manifest",
    "loose/theirs.manifest.json",
    "loose/theirs.manifest.resigned-20260101T000000Z.json",
    "manifest",
]
OTHERS = [
    "loose/disk.qcow2.gz",
    "notes.txt",
    "loose/config.json",
    f"{SOURCE_ID}/snap-1.qcow2.gz",
    "manifest/x",
    "manifesto",
]


@pytest.mark.parametrize("key", IN_EXPORT + CALLED_SO)
def test_a_manifest_cut_at_any_byte_is_damaged(key: str) -> None:
    assert is_manifest_key(key)
    for end in range(len(WHOLE)):
        assert has_to_be_manifest(key, WHOLE[:end])
        with pytest.raises(OmicopyError) as caught:
            read_trusted_manifest(WHOLE[:end], S3Object(KEY.bucket, key))
        assert caught.value.code is ErrorCode.DAMAGED
    assert has_to_be_manifest(key, WHOLE)


BROKEN = {
    "empty": (b"", "line 1, column 1: not JSON, it is cut off"),
    "cut in the middle": (WHOLE[: len(WHOLE) // 2], "not JSON, it is cut off"),
    "cut after a value": (WHOLE[: WHOLE.index(b",")], "line 2, column 14: not JSON, it is cut off"),
    "garbage in front": (b"\x00\x01\xfe" + WHOLE, "byte 3: not valid UTF-8"),
    "text in front": (b"HTTP/1.1 200 OK\r\n\r\n" + WHOLE, "line 1, column 1: not JSON"),
    "packed": (gzip.compress(WHOLE), "it looks like a gzip file"),
    "another encoding": (WHOLE.decode().encode("utf-16"), "byte 1: not valid UTF-8"),
    "twice": (WHOLE + WHOLE, "not JSON"),
    "nulls": (b"\x00" * 512, "line 1, column 1: not JSON"),
    "a page": (b"<html>Welcome</html>", "line 1, column 1: not JSON"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_message_says_where_a_manifest_is_broken(broken: str) -> None:
    raw, message = BROKEN[broken]
    for key in IN_EXPORT + CALLED_SO:
        assert has_to_be_manifest(key, raw)
    with pytest.raises(OmicopyError) as caught:
        read_trusted_manifest(raw, S3Object(KEY.bucket, IN_EXPORT[0]))
    assert message in caught.value.message


@pytest.mark.parametrize("raw", [b"{}", b"null", b"[]", b'{"Version": 1}', b'{"Image": {}}', b'"text"'])
def test_other_json_in_an_exports_folder_is_a_damaged_manifest(raw: bytes) -> None:
    for key in IN_EXPORT:
        assert has_to_be_manifest(key, raw)
    for key in CALLED_SO + OTHERS:
        assert not has_to_be_manifest(key, raw)


@pytest.mark.parametrize("key", OTHERS)
def test_an_object_of_another_name_is_known_by_its_content(key: str) -> None:
    assert not is_manifest_key(key)
    for raw in (b"", b"text", b"QFI\xfb\x00", gzip.compress(WHOLE), b"{", WHOLE[:20]):
        assert not has_to_be_manifest(key, raw)
    for raw in (WHOLE, b"\xef\xbb\xbf" + WHOLE, WHOLE[:-1], WHOLE[:-20]):
        assert has_to_be_manifest(key, raw)

"""`s3://…` taken apart and put together again."""

from __future__ import annotations

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Folder, S3Object, parse_s3_bucket, parse_s3_folder, parse_s3_object


@pytest.mark.parametrize(
    ("location", "key", "folder", "is_folder"),
    [
        ("s3://bucket/a/b.json", "a/b.json", "a/", False),
        ("s3://bucket/b.json", "b.json", "", False),
        ("s3://bucket/a//b", "a//b", "a//", False),
        ("s3://bucket/a/", "a/", "a/", True),
        ("s3://bucket/", "", "", True),
    ],
)
def test_an_object_is_read_and_written_alike(location: str, key: str, folder: str, is_folder: bool) -> None:
    read = parse_s3_object(location)
    assert (read, str(read)) == (S3Object("bucket", key), location)
    assert (read.folder, read.is_folder) == (S3Folder("bucket", folder), is_folder)
    assert read.with_key("other") == S3Object("bucket", "other")


@pytest.mark.parametrize("location", ["bucket/key", "s3://bucket", "s3:///key", "s3://bucket/../key", "s3://bucket/\n"])
def test_what_names_no_object_is_refused(location: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_s3_object(location)
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://omi-exports", ""),
        ("s3://omi-exports/", ""),
        ("s3://omi-exports/a/b", "a/b/"),
        ("s3://omi-exports//a/", "a/"),
    ],
)
def test_slashes_around_a_prefix_do_not_count(location: str, path: str) -> None:
    assert parse_s3_folder(location) == S3Folder("omi-exports", path)


@pytest.mark.parametrize("location", ["omi-exports", "s3://omi-exports/a", "s3://UPPER"])
def test_a_bucket_alone_is_named_alone(location: str) -> None:
    assert parse_s3_bucket("s3://omi-exports") == "omi-exports"
    with pytest.raises(OmicopyError) as caught:
        parse_s3_bucket(location)
    assert caught.value.code is ErrorCode.USAGE

"""The proxy passes requests on unchanged, and corrects some answers of SeaweedFS."""

from __future__ import annotations

import httpx

from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from tests.sandbox.s3 import Connect, code_of, get_url, refused
from tests.support.children import PATIENCE


def test_keys_with_odd_characters_pass_unchanged(connect: Connect) -> None:
    s3 = connect()
    for key in ("a/b c+ü~'(1)*&=?#%25.txt", "a/%2F/b", "ami-1/é//x"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        assert httpx.get(get_url(s3, key), timeout=PATIENCE).text == key


def test_the_condition_of_a_write_is_ignored(connect: Connect) -> None:
    s3 = connect()
    for body, condition in ((b"1", {"IfNoneMatch": "*"}), (b"2", {"IfNoneMatch": "*"}), (b"3", {"IfMatch": '"0"'})):
        etag = s3.put_object(Bucket=BUCKET, Key="a b/c", Body=body, **condition)["ETag"]
        there = s3.get_object(Bucket=BUCKET, Key="a b/c")
        assert (there["Body"].read(), there["ETag"]) == (body, etag)
    forger = connect(secret_key="wrong")
    wrong = refused(forger.put_object, Bucket=BUCKET, Key="a b/c", Body=b"4", IfNoneMatch="*")
    assert wrong[1] == "SignatureDoesNotMatch"


def test_a_missing_bucket_is_reported_and_not_made(connect: Connect) -> None:
    s3 = connect()
    missing = (404, "NoSuchBucket")
    assert refused(s3.put_object, Bucket="no-such-bucket", Key="key", Body=b"text")[:2] == missing
    assert refused(s3.list_objects_v2, Bucket="no-such-bucket")[:2] == missing
    assert refused(s3.head_bucket, Bucket="no-such-bucket")[0] == 404
    assert code_of(httpx.get(get_url(s3, "key", bucket="no-such-bucket"), timeout=PATIENCE)) == "NoSuchBucket"
    assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_page_with_an_unknown_token_is_empty(connect: Connect) -> None:
    s3 = connect()
    for key in ("a/1", "a/2", "b & <c>/é", "d"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"text")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1})
    assert [found["Key"] for page in pages for found in page.get("Contents", [])] == [
        "a/1",
        "a/2",
        "b & <c>/é",
        "d",
    ]
    garbage = s3.list_objects_v2(Bucket=BUCKET, ContinuationToken="garbage")
    assert (garbage.get("Contents", []), garbage["IsTruncated"]) == ([], False)

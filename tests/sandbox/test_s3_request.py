"""What an S3 request says about itself: its action and its access key."""

from __future__ import annotations

from typing import Any

import pytest

from omicopy.sandbox.storage.s3_request import S3Request


@pytest.mark.parametrize(
    ("method", "path", "query", "action"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("GET", "/bucket", "list-type=2&prefix=a%2Fb", "ListObjects"),
        ("GET", "/bucket/", "prefix=acl", "ListObjects"),
        ("HEAD", "/bucket", "", "HeadBucket"),
        ("PUT", "/bucket", "", "CreateBucket"),
        ("GET", "/bucket", "cors", "GetBucketCors"),
        ("PUT", "/bucket", "cors=", "PutBucketCors"),
        ("DELETE", "/bucket", "cors", "DeleteBucketCors"),
        ("GET", "/bucket", "location", "GetBucketLocation"),
        ("POST", "/bucket", "delete", "DeleteObjects"),
        ("POST", "/bucket", "", "PostObject"),
        ("GET", "/bucket/a/b", "X-Amz-Signature=1", "GetObject"),
        ("HEAD", "/bucket/a/b", "", "HeadObject"),
        ("PUT", "/bucket/a/b", "", "PutObject"),
        ("DELETE", "/bucket/a/b", "", "DeleteObject"),
        ("GET", "/bucket/a/b", "tagging", "GetObjectTagging"),
        ("POST", "/bucket/a/b", "uploads", "CreateMultipartUpload"),
        ("PUT", "/bucket/a/b", "partNumber=1&uploadId=2", "UploadPart"),
        ("POST", "/bucket/a/b", "uploadId=2", "CompleteMultipartUpload"),
        ("DELETE", "/bucket/a/b", "uploadId=2", "AbortMultipartUpload"),
        ("OPTIONS", "/bucket/a/b", "", "Preflight"),
        ("PATCH", "/bucket/a/b", "", "Unknown"),
    ],
)
def test_the_action_has_s3_s_name(method: str, path: str, query: str, action: str) -> None:
    assert S3Request.of(scope(method, path, query)).action == action


@pytest.mark.parametrize(
    ("query", "authorization", "access_key"),
    [
        ("", "AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-2/s3/aws4_request, SignedHeaders=host", "KEY"),
        ("", "AWS KEY:signature=", "KEY"),
        ("X-Amz-Credential=KEY%2F20260101%2Feu-west-2%2Fs3%2Faws4_request", "", "KEY"),
        ("AWSAccessKeyId=KEY&Signature=x", "", "KEY"),
        ("", "", None),
        ("", "Bearer KEY", None),
    ],
)
def test_the_access_key_is_found_in_four_places(query: str, authorization: str, access_key: str | None) -> None:
    assert S3Request.of(scope("GET", "/bucket/key", query, authorization)).access_key == access_key


def scope(method: str, path: str, query: str, authorization: str = "") -> dict[str, Any]:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return {"method": method, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}

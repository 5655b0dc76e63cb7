"""Steps that the tests of object storage share."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from tests.support.children import PATIENCE

WEEK = 604_800
PREFLIGHT = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}
"""The headers with which a browser asks before it uploads."""
Connect = Callable[..., Any]


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    """Expects a refusal, and returns its status, code and message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def code_of(answer: httpx.Response) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


def get_url(s3: Any, key: str, seconds: int = 60, bucket: str = BUCKET) -> str:
    return str(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds))


def put_url(s3: Any, key: str) -> str:
    return str(s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}))


def keys_of(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def md5_of(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def allow_uploads_from(s3: Any, origin: str) -> None:
    """Sets a CORS rule with the sum that Scality asks for, without the checksum that boto3's own call always adds."""
    rule = f"<AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    url = s3.generate_presigned_url("get_bucket_cors", Params={"Bucket": BUCKET}, HttpMethod="PUT")
    content = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>"
    headers = {"Content-MD5": md5_of(content.encode())}
    httpx.put(url, content=content, headers=headers, timeout=PATIENCE).raise_for_status()


class RawConnection(http.client.HTTPConnection):
    """A connection to a URL's host, for requests that no client sends by itself."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.netloc, timeout=PATIENCE)
        self.target = f"{parts.path}?{parts.query}"

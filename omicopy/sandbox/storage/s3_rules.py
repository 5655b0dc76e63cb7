"""Refuses requests that SeaweedFS would accept and OUTSCALE's object storage (Scality's CloudServer) does not."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import datetime

from omicopy.sandbox.storage.s3_request import S3Request
from omicopy.sandbox.storage.s3_responses import S3Refusal
from omicopy.sandbox.storage.url_times import refused_times

LONGEST_KEY = 915
LARGEST_UPLOAD = 5 * 1024**3
NEEDS_MD5 = ("PutBucketCors", "DeleteObjects")
"""The requests that must name the MD5 of their body."""

_CHECKSUM = S3Refusal(400, "BadRequest", "trailing checksum is not supported")
_LONG_KEY = S3Refusal(
    400, "KeyTooLong", f"Object key is too long. Maximum number of bytes allowed in keys is {LONGEST_KEY}."
)
_NO_LENGTH = S3Refusal(411, "MissingContentLength", "", has_body=False)
_BAD_MD5 = S3Refusal(400, "InvalidDigest", "", has_body=False)
_TOO_LARGE = S3Refusal(
    400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.", ends_connection=True
)
_OTHER_MD5 = S3Refusal(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
_UNSIGNED_HEADER = S3Refusal(403, "AccessDenied", "Access Denied")
# SeaweedFS would answer with a folder, which S3 does not have
_FOLDER = S3Refusal(404, "NoSuchKey", "The specified key does not exist.")
_FORM = S3Refusal(501, "NotImplemented", "A form upload (pre-signed POST) is not implemented.")


def refused(request: S3Request, region: str, now: datetime) -> S3Refusal | None:
    """Returns why a request is refused before its body is read, or None."""
    return (
        _refused_sizes(request)
        or (_CHECKSUM if request.has_checksum else None)
        or _refused_region(request, region)
        or refused_times(request, now)
        or (_UNSIGNED_HEADER if request.unsigned_headers else None)
        or _refused_kind(request)
    )


def refused_body(request: S3Request, body: bytes) -> S3Refusal | None:
    """Returns why a request of `NEEDS_MD5` is refused because of its body, or None. A missing sum is a wrong one."""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    content_md5 = request.headers.get("content-md5", "")
    return None if content_md5 == base64.b64encode(digest).decode() else _OTHER_MD5


def _refused_sizes(request: S3Request) -> S3Refusal | None:
    if len(request.key.encode(errors="surrogateescape")) > LONGEST_KEY:
        return _LONG_KEY
    if request.action != "PutObject":
        return None
    if "content-md5" in request.headers and not _is_md5(request.headers["content-md5"]):
        return _BAD_MD5
    if request.length is None and "x-amz-decoded-content-length" not in request.headers:
        return _NO_LENGTH
    return _TOO_LARGE if (request.length or 0) > LARGEST_UPLOAD else None


def _is_md5(content_md5: str) -> bool:
    try:
        return len(base64.b64decode(content_md5, validate=True)) == hashlib.md5(usedforsecurity=False).digest_size
    except binascii.Error:
        return False


def _refused_region(request: S3Request, region: str) -> S3Refusal | None:
    if request.signed_region in (None, region):
        return None
    message = f"the region '{request.signed_region}' is wrong; expecting '{region}'"
    if request.is_signed_in_query:
        start = "Error parsing the X-Amz-Credential parameter"
        return S3Refusal(400, "AuthorizationQueryParametersError", f"{start}; {message}")
    return S3Refusal(400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; {message}")


def _refused_kind(request: S3Request) -> S3Refusal | None:
    if request.action in ("GetObject", "HeadObject") and request.key.endswith("/"):
        return _FOLDER
    return _FORM if request.is_form_upload else None

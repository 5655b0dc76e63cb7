"""Requests that OUTSCALE's object storage refuses: checksums, sums, sizes, Regions, forms."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from tests.sandbox.s3 import PREFLIGHT, Connect, RawConnection, code_of, get_url, keys_of, md5_of, put_url, refused
from tests.support.children import PATIENCE

NOT_SUPPORTED = (400, "BadRequest", "trailing checksum is not supported")
"""DOMAIN.md §4: the checksums that SDKs add since 2025 are refused."""


def test_boto3_with_default_checksums_is_refused(connect: Connect) -> None:
    default = connect(request_checksum_calculation="when_supported", response_checksum_validation="when_supported")
    assert refused(default.put_object, Bucket=BUCKET, Key="key", Body=b"text") == NOT_SUPPORTED
    assert refused(default.get_object, Bucket=BUCKET, Key="key") == NOT_SUPPORTED


def test_boto3_with_checksums_when_required_is_served(connect: Connect) -> None:
    s3 = connect()
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
    assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"text"


def test_boto3_delete_objects_is_refused(connect: Connect) -> None:
    objects = {"Objects": [{"Key": "key"}]}
    assert refused(connect().delete_objects, Bucket=BUCKET, Delete=objects) == NOT_SUPPORTED


def test_boto3_put_bucket_cors_is_refused(connect: Connect) -> None:
    rules = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]}
    assert refused(connect().put_bucket_cors, Bucket=BUCKET, CORSConfiguration=rules) == NOT_SUPPORTED


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(b"text").to_bytes(4)).decode()},
        {"x-amz-sdk-checksum-algorithm": "CRC32"},
        {"x-amz-trailer": "x-amz-checksum-crc32"},
        {"trailer": "x-amz-checksum-crc32"},
        {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_every_kind_of_checksum_is_refused(connect: Connect, headers: Mapping[str, str]) -> None:
    url = connect().generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "key"})
    answer = httpx.put(url, content=b"text", headers=headers, timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (400, "BadRequest")


def test_a_refused_upload_leaves_its_connection_usable(connect: Connect) -> None:
    default = connect(request_checksum_calculation="when_supported", read_timeout=PATIENCE)
    large = io.BytesIO(bytes(3_000_000))
    assert refused(default.put_object, Bucket=BUCKET, Key="key", Body=large) == NOT_SUPPORTED
    assert default.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (
            "put_bucket_cors",
            {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]}},
        ),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "key"}]}}),
    ],
)
def test_content_md5_must_be_there_and_right(connect: Connect, call: str, more: Mapping[str, Any]) -> None:
    """DOMAIN.md §4: for CORS rules and for the deletion of several objects."""

    def set_sum(shown: str | None, request: Any) -> None:
        for name in [name for name in request.headers if "checksum" in name.lower()]:
            del request.headers[name]
        del request.headers["Content-MD5"]
        if shown is not None:
            request.headers["Content-MD5"] = shown or md5_of(request.data)

    connect().put_object(Bucket=BUCKET, Key="key", Body=b"text")
    for shown in (None, md5_of(b"else"), "no sum"):
        s3 = connect()
        s3.meta.events.register("before-sign.s3", lambda request, shown=shown, **_: set_sum(shown, request))
        assert refused(getattr(s3, call), Bucket=BUCKET, **more)[:2] == (400, "BadDigest")
    s3.meta.events.register("before-sign.s3", lambda request, **_: set_sum("", request))
    getattr(s3, call)(Bucket=BUCKET, **more)
    rules = httpx.options(get_url(s3, "key"), headers=PREFLIGHT, timeout=PATIENCE)
    done = {"put_bucket_cors": "access-control-allow-origin" in rules.headers, "delete_objects": not keys_of(s3)}
    assert done == {name: name == call for name in done}


def test_content_md5_of_an_upload_is_checked(connect: Connect) -> None:
    s3 = connect()
    assert refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text", ContentMD5="no sum")[0] == 400
    assert refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text", ContentMD5=md5_of(b"else"))[1] == "BadDigest"
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text", ContentMD5=md5_of(b"text"))


def test_an_upload_without_length_is_refused(connect: Connect) -> None:
    answer = httpx.put(put_url(connect(), "key"), content=iter([b"te", b"xt"]), timeout=PATIENCE)
    assert (answer.status_code, answer.content) == (411, b"")
    assert keys_of(connect()) == []


def test_an_upload_may_expect_100_continue(connect: Connect) -> None:
    s3 = connect()
    connection = RawConnection(put_url(s3, "key"))
    connection.request("PUT", connection.target, b"more", {"Expect": "100-continue"})
    assert connection.getresponse().status == 200
    connection.close()
    assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"more"


@pytest.mark.parametrize(("more", "expected"), [(0, None), (1, (400, "EntityTooLarge"))])
def test_an_upload_has_at_most_five_gib(connect: Connect, more: int, expected: tuple[int, str] | None) -> None:
    """Of the allowed one nothing is sent: it is not refused, for the store waits for it."""
    connection = RawConnection(put_url(connect(), "key"))
    connection.putrequest("PUT", connection.target)
    connection.putheader("Content-Length", str(5 * 1024**3 + more))
    connection.endheaders()
    if expected:
        answer = connection.getresponse()
        body = answer.read().decode()
        assert (answer.status, body.partition("<Code>")[2].partition("</Code>")[0]) == expected
    connection.close()


@pytest.mark.parametrize("letter", ["k", "é"])
def test_a_key_has_915_bytes_at_the_most(connect: Connect, letter: str) -> None:
    s3 = connect()
    longest = f"folders/{'12345678/' * 100}".ljust(915 - len(letter.encode()), "/x"[1]) + letter
    s3.put_object(Bucket=BUCKET, Key=longest, Body=b"text")
    assert keys_of(s3) == [longest]
    for call in (s3.get_object, s3.put_object):
        assert refused(call, Bucket=BUCKET, Key="x" + longest)[:2] == (400, "KeyTooLong")


def test_an_unsigned_amazon_header_is_refused(connect: Connect) -> None:
    answer = httpx.put(put_url(connect(), "key"), content=b"text", headers={"x-amz-meta-a": "b"}, timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")


def test_a_signature_for_another_region_is_refused(connect: Connect) -> None:
    elsewhere = connect(region="us-east-2")
    status, code, message = refused(elsewhere.list_objects_v2, Bucket=BUCKET)
    assert (status, code) == (400, "AuthorizationHeaderMalformed")
    assert "'us-east-2' is wrong; expecting 'eu-west-2'" in message


def test_a_url_for_another_region_is_refused(connect: Connect) -> None:
    answer = httpx.get(get_url(connect(region="us-east-2"), "key"), timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (400, "AuthorizationQueryParametersError")


def test_a_form_upload_is_refused(connect: Connect) -> None:
    form = connect().generate_presigned_post(BUCKET, "key")
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"text"}, timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (501, "NotImplemented")

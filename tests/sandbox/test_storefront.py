"""Object storage as OUTSCALE's: what boto3 and pre-signed URLs may do, and what is refused and how."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.auth
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign, presign_v2
from omicopy.sandbox.storage.s3_request import S3Request
from tests.support.children import PATIENCE

WEEK = 604_800
WHEN_REQUIRED = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}

Connect = Callable[..., Any]


@pytest.fixture
def connect(sandbox: Sandbox) -> Connect:
    """Makes a boto3 client for a profile; `settings` change what OUTSCALE's documentation recommends."""

    def connect(profile: str = "source", region: str = "", secret_key: str = "", **settings: Any) -> Any:
        account = sandbox.accounts[profile]
        recommended = {"signature_version": "s3v4", "retries": {"total_max_attempts": 1}, **WHEN_REQUIRED}
        return boto3.client(
            "s3",
            endpoint_url=sandbox.oos_urls[account.region],
            region_name=region or account.region,
            aws_access_key_id=account.access_key,
            aws_secret_access_key=secret_key or account.secret_key,
            config=Config(s3={"addressing_style": "path"}, **(recommended | settings)),
        )

    return connect


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    """The status, the code and the message that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


def code_of(answer: httpx.Response) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


def get_url(s3: Any, key: str, seconds: int = 60, bucket: str = BUCKET) -> str:
    return str(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds))


def md5_of(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def put_url(s3: Any, key: str) -> str:
    return str(s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key}))


def keys_of(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


class Asking(http.client.HTTPConnection):
    """A connection to a URL's host, for what no client sends by itself."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        super().__init__(parts.netloc, timeout=PATIENCE)
        self.target = f"{parts.path}?{parts.query}"


ASKING = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}
"""What a browser asks before it uploads."""


def allow_uploads_from(s3: Any, origin: str) -> None:
    """A CORS rule with the sum that Scality asks for, and without the one that boto3's own call always adds."""
    rule = f"<AllowedOrigin>{origin}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>"
    url = s3.generate_presigned_url("get_bucket_cors", Params={"Bucket": BUCKET}, HttpMethod="PUT")
    content = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>"
    headers = {"Content-MD5": md5_of(content.encode())}
    httpx.put(url, content=content, headers=headers, timeout=PATIENCE).raise_for_status()


class TestChecksums:
    """DOMAIN.md §4: what SDKs add by themselves since 2025 is refused."""

    NOT_SUPPORTED = (400, "BadRequest", "trailing checksum is not supported")

    def test_a_boto3_client_as_it_comes_is_refused(self, connect: Connect) -> None:
        default = connect(request_checksum_calculation="when_supported", response_checksum_validation="when_supported")
        assert refused(default.put_object, Bucket=BUCKET, Key="key", Body=b"text") == self.NOT_SUPPORTED
        assert refused(default.get_object, Bucket=BUCKET, Key="key") == self.NOT_SUPPORTED

    def test_a_client_that_sends_them_when_required_is_served(self, connect: Connect) -> None:
        s3 = connect()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"text"

    def test_deleting_several_objects_at_once_needs_one_and_is_refused(self, connect: Connect) -> None:
        objects = {"Objects": [{"Key": "key"}]}
        assert refused(connect().delete_objects, Bucket=BUCKET, Delete=objects) == self.NOT_SUPPORTED

    def test_so_does_boto3s_own_way_to_set_a_cors_rule(self, connect: Connect) -> None:
        rules = {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["*"]}]}
        assert refused(connect().put_bucket_cors, Bucket=BUCKET, CORSConfiguration=rules) == self.NOT_SUPPORTED

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
    def test_every_way_to_send_one_is_refused(self, connect: Connect, headers: Mapping[str, str]) -> None:
        url = connect().generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "key"})
        answer = httpx.put(url, content=b"text", headers=headers, timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == (400, "BadRequest")

    def test_a_refused_upload_leaves_its_connection_usable(self, connect: Connect) -> None:
        default = connect(request_checksum_calculation="when_supported", read_timeout=PATIENCE)
        large = io.BytesIO(bytes(3_000_000))
        assert refused(default.put_object, Bucket=BUCKET, Key="key", Body=large) == self.NOT_SUPPORTED
        assert default.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


class TestSums:
    """DOMAIN.md §4: Content-MD5 has to be there and right for CORS rules and for the deletion of several objects."""

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
    def test_only_the_right_one_is_taken(self, connect: Connect, call: str, more: Mapping[str, Any]) -> None:
        def say(said: str | None, request: Any) -> None:
            for name in [name for name in request.headers if "checksum" in name.lower()]:
                del request.headers[name]
            del request.headers["Content-MD5"]
            if said is not None:
                request.headers["Content-MD5"] = said or md5_of(request.data)

        connect().put_object(Bucket=BUCKET, Key="key", Body=b"text")
        for said in (None, md5_of(b"else"), "no sum"):
            s3 = connect()
            s3.meta.events.register("before-sign.s3", lambda request, said=said, **_: say(said, request))
            assert refused(getattr(s3, call), Bucket=BUCKET, **more)[:2] == (400, "BadDigest")
        s3.meta.events.register("before-sign.s3", lambda request, **_: say("", request))
        getattr(s3, call)(Bucket=BUCKET, **more)
        rules = httpx.options(get_url(s3, "key"), headers=ASKING, timeout=PATIENCE)
        done = {"put_bucket_cors": "access-control-allow-origin" in rules.headers, "delete_objects": not keys_of(s3)}
        assert done == {name: name == call for name in done}

    def test_an_upload_may_say_one_and_then_it_counts(self, connect: Connect) -> None:
        s3 = connect()
        assert refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text", ContentMD5="no sum")[0] == 400
        assert (
            refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text", ContentMD5=md5_of(b"else"))[1] == "BadDigest"
        )
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text", ContentMD5=md5_of(b"text"))


class TestUploads:
    def test_a_pipe_is_refused_for_it_has_no_length(self, connect: Connect) -> None:
        answer = httpx.put(put_url(connect(), "key"), content=iter([b"te", b"xt"]), timeout=PATIENCE)
        assert (answer.status_code, answer.content) == (411, b"")
        assert keys_of(connect()) == []

    def test_one_may_ask_before_it_sends(self, connect: Connect) -> None:
        s3 = connect()
        asking = Asking(put_url(s3, "key"))
        asking.request("PUT", asking.target, b"more", {"Expect": "100-continue"})
        assert asking.getresponse().status == 200
        asking.close()
        assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"more"

    @pytest.mark.parametrize(("more", "expected"), [(0, None), (1, (400, "EntityTooLarge"))])
    def test_five_gib_are_the_most(self, connect: Connect, more: int, expected: tuple[int, str] | None) -> None:
        """Of the allowed one nothing is sent: it is not refused, for the store waits for it."""
        asking = Asking(put_url(connect(), "key"))
        asking.putrequest("PUT", asking.target)
        asking.putheader("Content-Length", str(5 * 1024**3 + more))
        asking.endheaders()
        if expected:
            answer = asking.getresponse()
            body = answer.read().decode()
            assert (answer.status, body.partition("<Code>")[2].partition("</Code>")[0]) == expected
        asking.close()

    def test_conditions_are_ignored_and_the_object_is_replaced(self, connect: Connect) -> None:
        s3 = connect()
        for body, condition in ((b"1", {"IfNoneMatch": "*"}), (b"2", {"IfNoneMatch": "*"}), (b"3", {"IfMatch": '"0"'})):
            etag = s3.put_object(Bucket=BUCKET, Key="a b/c", Body=body, **condition)["ETag"]
            there = s3.get_object(Bucket=BUCKET, Key="a b/c")
            assert (there["Body"].read(), there["ETag"]) == (body, etag)
        forger = connect(secret_key="wrong")
        wrong = refused(forger.put_object, Bucket=BUCKET, Key="a b/c", Body=b"4", IfNoneMatch="*")
        assert wrong[1] == "SignatureDoesNotMatch"

    @pytest.mark.parametrize("letter", ["k", "é"])
    def test_a_key_has_915_bytes_at_the_most(self, connect: Connect, letter: str) -> None:
        s3 = connect()
        longest = f"folders/{'12345678/' * 100}".ljust(915 - len(letter.encode()), "/x"[1]) + letter
        s3.put_object(Bucket=BUCKET, Key=longest, Body=b"text")
        assert keys_of(s3) == [longest]
        for call in (s3.get_object, s3.put_object):
            assert refused(call, Bucket=BUCKET, Key="x" + longest)[:2] == (400, "KeyTooLong")

    def test_an_amazon_header_that_is_not_signed_is_refused(self, connect: Connect) -> None:
        answer = httpx.put(put_url(connect(), "key"), content=b"text", headers={"x-amz-meta-a": "b"}, timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")


class TestSignatures:
    def test_another_regions_signature_is_refused(self, connect: Connect) -> None:
        elsewhere = connect(region="us-east-2")
        status, code, message = refused(elsewhere.list_objects_v2, Bucket=BUCKET)
        assert (status, code) == (400, "AuthorizationHeaderMalformed")
        assert "'us-east-2' is wrong; expecting 'eu-west-2'" in message

    def test_another_regions_url_is_refused(self, connect: Connect) -> None:
        answer = httpx.get(get_url(connect(region="us-east-2"), "key"), timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == (400, "AuthorizationQueryParametersError")

    def test_a_wrong_key_is_refused(self, connect: Connect) -> None:
        stranger = connect(secret_key="wrong")
        assert refused(stranger.list_objects_v2, Bucket=BUCKET)[:2] == (403, "SignatureDoesNotMatch")
        assert code_of(httpx.get(get_url(stranger, "key"), timeout=PATIENCE)) == "SignatureDoesNotMatch"

    def test_a_key_of_the_other_region_is_unknown(self, sandbox: Sandbox, connect: Connect) -> None:
        target = sandbox.accounts["target"]
        theirs = get_url(connect("target", region="eu-west-2"), "key")
        here = theirs.replace(sandbox.oos_urls[target.region], sandbox.oos_urls["eu-west-2"])
        assert code_of(httpx.get(here, timeout=PATIENCE)) == "InvalidAccessKeyId"

    @pytest.mark.parametrize("kind", ["s3v4", "s3"])
    @pytest.mark.parametrize(
        ("off", "code"), [(-16, "RequestTimeTooSkewed"), (-14, ""), (14, ""), (16, "RequestTimeTooSkewed")]
    )
    def test_a_header_signed_by_a_wrong_clock_is_refused(
        self, connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str, off: int, code: str
    ) -> None:
        moment = datetime.now(UTC) + timedelta(minutes=off)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
        monkeypatch.setattr(botocore.auth, "formatdate", lambda **_: format_datetime(moment, usegmt=True))
        s3 = connect(signature_version=kind)
        if code:
            assert refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text")[:2] == (403, code)
        else:
            s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")

    def test_no_signature_is_refused(self, sandbox: Sandbox) -> None:
        assert httpx.get(f"{sandbox.oos_urls['eu-west-2']}/{BUCKET}", timeout=PATIENCE).status_code == 403

    def test_keys_with_odd_characters_survive_the_front(self, connect: Connect) -> None:
        s3 = connect()
        for key in ("a/b c+ü~'(1)*&=?#%25.txt", "a/%2F/b", "ami-1/é//x"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
            assert httpx.get(get_url(s3, key), timeout=PATIENCE).text == key


class TestUrls:
    def test_a_url_is_good_until_it_expires(self, connect: Connect) -> None:
        s3, old = connect(), connect(signature_version="s3")
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        short = [get_url(client, "key", seconds=1) for client in (s3, old)]
        assert [httpx.get(get_url(client, "key"), timeout=PATIENCE).text for client in (s3, old)] == ["text", "text"]
        time.sleep(2.1)
        expired = [httpx.get(url, timeout=PATIENCE) for url in short]
        assert [answer.status_code for answer in expired] == [403, 403]
        assert all("Request has expired" in answer.text for answer in expired)
        assert "AWSAccessKeyId" in short[1]

    def test_a_week_is_the_longest(self, connect: Connect) -> None:
        s3 = connect()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        assert httpx.get(get_url(s3, "key", WEEK), timeout=PATIENCE).text == "text"
        longer = httpx.get(get_url(s3, "key", WEEK + 1), timeout=PATIENCE)
        assert (longer.status_code, code_of(longer)) == (400, "InvalidArgument")

    @pytest.mark.parametrize(
        ("sign", "seconds", "ago", "expected"),
        [
            (presign, 3600, 1800, (200, "")),
            (presign, 60, 70, (403, "RequestTimeTooSkewed")),
            (presign, 3600, -600, (200, "")),
            (presign, 3600, -7200, (403, "RequestTimeTooSkewed")),
            (presign, WEEK + 1, 0, (400, "InvalidArgument")),
            (presign, 0, 0, (400, "InvalidArgument")),
            (presign, -1, 0, (400, "InvalidArgument")),
            (presign_v2, WEEK - 60, 0, (200, "")),
            (presign_v2, WEEK + 7200, 0, (403, "AccessDenied")),
            (presign_v2, WEEK + 7200, 7200, (200, "")),
            (presign_v2, -1, 0, (403, "RequestTimeTooSkewed")),
        ],
    )
    def test_its_times_are_judged_as_scality_does(
        self, sandbox: Sandbox, connect: Connect, sign: Any, seconds: int, ago: int, expected: tuple[int, str]
    ) -> None:
        connect().put_object(Bucket=BUCKET, Key="key", Body=b"text")
        account = sandbox.accounts["source"]
        signer = SigningKey(account.access_key, account.secret_key, account.region)
        place, signed = f"{sandbox.oos_urls[account.region]}/{BUCKET}/key", datetime.now(UTC) - timedelta(seconds=ago)
        answer = httpx.get(sign(signer, "GET", place, seconds, signed), timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == expected

    @pytest.mark.parametrize(
        "change", [("/key?", "/other?"), ("Expires=60", "Expires=600"), ("Signature=", "Signature=0")]
    )
    def test_a_url_that_was_tampered_with_is_refused(self, connect: Connect, change: tuple[str, str]) -> None:
        s3 = connect()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        answer = httpx.get(get_url(s3, "key").replace(*change), timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")

    def test_a_url_to_read_answers_no_head_but_a_range(self, connect: Connect) -> None:
        s3 = connect()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        url = get_url(s3, "key")
        assert httpx.head(url, timeout=PATIENCE).status_code == 403
        one_byte = httpx.get(url, headers={"Range": "bytes=0-0"}, timeout=PATIENCE)
        assert (one_byte.status_code, one_byte.text, one_byte.headers["content-range"]) == (206, "t", "bytes 0-0/4")

    def test_an_empty_object_has_no_first_byte(self, connect: Connect) -> None:
        s3 = connect()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"")
        assert httpx.get(get_url(s3, "key"), headers={"Range": "bytes=0-0"}, timeout=PATIENCE).status_code == 416

    def test_a_url_to_upload_takes_the_content_type_it_was_signed_for(self, connect: Connect) -> None:
        s3 = connect()
        wanted = {"Bucket": BUCKET, "Key": "key", "ContentType": "text/plain"}
        url = s3.generate_presigned_url("put_object", Params=wanted)
        assert (
            httpx.put(url, content=b"text", headers={"Content-Type": "text/html"}, timeout=PATIENCE).status_code == 403
        )
        assert httpx.put(url, content=b"text", timeout=PATIENCE).status_code == 403
        assert (
            httpx.put(url, content=b"text", headers={"Content-Type": "text/plain"}, timeout=PATIENCE).status_code == 200
        )
        assert s3.head_object(Bucket=BUCKET, Key="key")["ContentType"] == "text/plain"

    def test_form_uploads_are_not_there(self, connect: Connect) -> None:
        form = connect().generate_presigned_post(BUCKET, "key")
        answer = httpx.post(form["url"], data=form["fields"], files={"file": b"text"}, timeout=PATIENCE)
        assert (answer.status_code, code_of(answer)) == (501, "NotImplemented")


class TestRights:
    def test_an_account_reaches_its_own_buckets_only(self, connect: Connect) -> None:
        owner, other = connect("source"), connect("source-other")
        owner.put_object(Bucket=BUCKET, Key="key", Body=b"text")
        assert [bucket["Name"] for bucket in other.list_buckets()["Buckets"]] == ["other-exports"]
        denied = (403, "AccessDenied")
        assert refused(other.get_object, Bucket=BUCKET, Key="key")[:2] == denied
        assert refused(other.put_object, Bucket=BUCKET, Key="key", Body=b"")[:2] == denied
        assert refused(other.delete_object, Bucket=BUCKET, Key="key")[:2] == denied
        assert refused(other.list_objects_v2, Bucket=BUCKET)[:2] == denied
        assert httpx.get(get_url(other, "key"), timeout=PATIENCE).status_code == 403

    def test_a_missing_bucket_is_missing_and_is_not_made(self, connect: Connect) -> None:
        s3 = connect()
        missing = (404, "NoSuchBucket")
        assert refused(s3.put_object, Bucket="no-such-bucket", Key="key", Body=b"text")[:2] == missing
        assert refused(s3.list_objects_v2, Bucket="no-such-bucket")[:2] == missing
        assert refused(s3.head_bucket, Bucket="no-such-bucket")[0] == 404
        assert code_of(httpx.get(get_url(s3, "key", bucket="no-such-bucket"), timeout=PATIENCE)) == "NoSuchBucket"
        assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    def test_a_page_that_was_never_there_is_empty(self, connect: Connect) -> None:
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

    def test_a_missing_object_is_missing(self, connect: Connect) -> None:
        assert refused(connect().get_object, Bucket=BUCKET, Key="key")[:2] == (404, "NoSuchKey")

    def test_an_owner_lets_a_browser_in(self, connect: Connect) -> None:
        s3 = connect()
        allow_uploads_from(s3, "https://example.com")
        url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "key"})
        answer = httpx.options(url, headers=ASKING, timeout=PATIENCE)
        assert answer.headers["access-control-allow-origin"] == "https://example.com"


class TestEmptying:
    def test_a_reset_brings_back_empty_buckets_without_rules(self, sandbox: Sandbox, connect: Connect) -> None:
        s3 = connect()
        for number in range(30):
            s3.put_object(Bucket=BUCKET, Key=f"folder {number}/é&<key>", Body=b"text")
        s3.create_multipart_upload(Bucket=BUCKET, Key="unfinished & <odd>")
        allow_uploads_from(s3, "*")
        sandbox.reset()
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
        assert refused(s3.get_bucket_cors, Bucket=BUCKET)[1] == "NoSuchCORSConfiguration"

    def test_a_bucket_that_its_owner_deleted_comes_back(self, sandbox: Sandbox, connect: Connect) -> None:
        s3 = connect()
        s3.delete_bucket(Bucket=BUCKET)
        assert refused(s3.list_objects_v2, Bucket=BUCKET)[1] == "NoSuchBucket"
        sandbox.reset()
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")


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
def test_requests_are_called_by_s3s_own_names(method: str, path: str, query: str, action: str) -> None:
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
def test_a_request_names_its_access_key_in_one_of_four_ways(
    query: str, authorization: str, access_key: str | None
) -> None:
    assert S3Request.of(scope("GET", "/bucket/key", query, authorization)).access_key == access_key


def scope(method: str, path: str, query: str, authorization: str = "") -> dict[str, Any]:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return {"method": method, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}


def test_an_eim_user_s_key_is_unknown_to_object_storage(sandbox: Sandbox, connect) -> None:
    s3 = connect("source-eim")
    assert refused(s3.get_object, Bucket=BUCKET, Key="key")[:2] == (403, "InvalidAccessKeyId")
    assert refused(s3.list_objects_v2, Bucket=BUCKET)[:2] == (403, "InvalidAccessKeyId")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "key"})
    answer = httpx.get(url, timeout=PATIENCE)
    assert (answer.status_code, "<Code>InvalidAccessKeyId</Code>" in answer.text) == (403, True)

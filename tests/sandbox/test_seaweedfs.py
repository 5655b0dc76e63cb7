"""What SeaweedFS itself answers as OUTSCALE does: rights, wrong keys, pre-signed URLs, CORS."""

from __future__ import annotations

import httpx
import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from tests.sandbox.s3 import PREFLIGHT, Connect, allow_uploads_from, code_of, get_url, refused
from tests.support.children import PATIENCE


def test_an_account_reaches_its_own_buckets_only(connect: Connect) -> None:
    owner, other = connect("source"), connect("source-other")
    owner.put_object(Bucket=BUCKET, Key="key", Body=b"text")
    assert [bucket["Name"] for bucket in other.list_buckets()["Buckets"]] == ["other-exports"]
    denied = (403, "AccessDenied")
    assert refused(other.get_object, Bucket=BUCKET, Key="key")[:2] == denied
    assert refused(other.put_object, Bucket=BUCKET, Key="key", Body=b"")[:2] == denied
    assert refused(other.delete_object, Bucket=BUCKET, Key="key")[:2] == denied
    assert refused(other.list_objects_v2, Bucket=BUCKET)[:2] == denied
    assert httpx.get(get_url(other, "key"), timeout=PATIENCE).status_code == 403


def test_a_wrong_key_is_refused(connect: Connect) -> None:
    stranger = connect(secret_key="wrong")
    assert refused(stranger.list_objects_v2, Bucket=BUCKET)[:2] == (403, "SignatureDoesNotMatch")
    assert code_of(httpx.get(get_url(stranger, "key"), timeout=PATIENCE)) == "SignatureDoesNotMatch"


def test_a_key_of_another_region_is_unknown(sandbox: Sandbox, connect: Connect) -> None:
    target = sandbox.accounts["target"]
    theirs = get_url(connect("target", region="eu-west-2"), "key")
    here = theirs.replace(sandbox.oos_urls[target.region], sandbox.oos_urls["eu-west-2"])
    assert code_of(httpx.get(here, timeout=PATIENCE)) == "InvalidAccessKeyId"


def test_an_eim_user_s_key_is_unknown_to_object_storage(sandbox: Sandbox, connect) -> None:
    s3 = connect("source-eim")
    assert refused(s3.get_object, Bucket=BUCKET, Key="key")[:2] == (403, "InvalidAccessKeyId")
    assert refused(s3.list_objects_v2, Bucket=BUCKET)[:2] == (403, "InvalidAccessKeyId")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "key"})
    answer = httpx.get(url, timeout=PATIENCE)
    assert (answer.status_code, "<Code>InvalidAccessKeyId</Code>" in answer.text) == (403, True)


def test_no_signature_is_refused(sandbox: Sandbox) -> None:
    assert httpx.get(f"{sandbox.oos_urls['eu-west-2']}/{BUCKET}", timeout=PATIENCE).status_code == 403


@pytest.mark.parametrize("change", [("/key?", "/other?"), ("Expires=60", "Expires=600"), ("Signature=", "Signature=0")])
def test_a_url_that_was_tampered_with_is_refused(connect: Connect, change: tuple[str, str]) -> None:
    s3 = connect()
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
    answer = httpx.get(get_url(s3, "key").replace(*change), timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == (403, "SignatureDoesNotMatch")


def test_a_url_to_read_allows_a_range_but_no_head(connect: Connect) -> None:
    s3 = connect()
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
    url = get_url(s3, "key")
    assert httpx.head(url, timeout=PATIENCE).status_code == 403
    one_byte = httpx.get(url, headers={"Range": "bytes=0-0"}, timeout=PATIENCE)
    assert (one_byte.status_code, one_byte.text, one_byte.headers["content-range"]) == (206, "t", "bytes 0-0/4")


def test_an_empty_object_has_no_first_byte(connect: Connect) -> None:
    s3 = connect()
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"")
    assert httpx.get(get_url(s3, "key"), headers={"Range": "bytes=0-0"}, timeout=PATIENCE).status_code == 416


def test_a_url_to_upload_needs_its_content_type(connect: Connect) -> None:
    s3 = connect()
    wanted = {"Bucket": BUCKET, "Key": "key", "ContentType": "text/plain"}
    url = s3.generate_presigned_url("put_object", Params=wanted)
    assert httpx.put(url, content=b"text", headers={"Content-Type": "text/html"}, timeout=PATIENCE).status_code == 403
    assert httpx.put(url, content=b"text", timeout=PATIENCE).status_code == 403
    assert httpx.put(url, content=b"text", headers={"Content-Type": "text/plain"}, timeout=PATIENCE).status_code == 200
    assert s3.head_object(Bucket=BUCKET, Key="key")["ContentType"] == "text/plain"


def test_a_missing_object_is_reported(connect: Connect) -> None:
    assert refused(connect().get_object, Bucket=BUCKET, Key="key")[:2] == (404, "NoSuchKey")


def test_a_cors_rule_admits_a_browser(connect: Connect) -> None:
    s3 = connect()
    allow_uploads_from(s3, "https://example.com")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "key"})
    answer = httpx.options(url, headers=PREFLIGHT, timeout=PATIENCE)
    assert answer.headers["access-control-allow-origin"] == "https://example.com"

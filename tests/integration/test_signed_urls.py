"""Our pre-signed URLs before a store that verifies them, in curl, and beside those that other tools sign."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import httpx
import pytest
from hypothesis import given, strategies as st

from omicopy.cloud.presign import presign as presign_object
from omicopy.cloud.profiles.profile import Account, resolve_profile
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import Signature, parse_presigned
from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage import presign as another
from tests.support import children, hostile
from tests.support.children import PATIENCE
from tests.support.tool import EXPORT_BUCKET, LINUX, Tool, s3_client

KEY = "some folder/disk+1~%41.qcow2.gz"
BODY = b"the very bytes"
HOUR = timedelta(hours=1)
OFFLINE = hostile.account("https://oos.eu-west-2.outscale.com")
WEEK_SECONDS = 604_800
ODD_KEYS = ["a b", "a+b", "~x/~", "100%", "%41", "%2e%2e/x", "ünïcode/日本", "a?b#c&d=e", "a'b(c)*!", ".json"]


@pytest.fixture
def source(sandbox: Sandbox) -> Account:
    """The account that owns the bucket, found as the tool finds it; one object lies there."""
    account = resolve_profile("source", sandbox.env, sandbox.home)
    upload(account, KEY)
    return account


def presign(account: Account, bucket: str, key: str, *options: Any) -> str:
    """The text of the URL, as others than we use it."""
    return presign_object(account, S3Object(bucket, key), *options).url


def upload(account: Account, key: str) -> None:
    assert (
        httpx.put(presign(account, EXPORT_BUCKET, key, HOUR, "PUT"), content=BODY, timeout=PATIENCE).status_code == 200
    )


def client(account: Account) -> Any:
    """boto3's own."""
    return s3_client(account.oos_endpoint, account.access_key, account.secret_key, account.region)


def status(url: str, method: str = "GET", **headers: str) -> int:
    return httpx.request(method, url, headers=headers, timeout=PATIENCE).status_code


# --- a URL to GET with


def test_a_url_gives_the_exact_bytes_without_a_key(source: Account) -> None:
    answer = httpx.get(presign(source, EXPORT_BUCKET, KEY, HOUR), timeout=PATIENCE)
    assert (answer.status_code, answer.content) == (200, BODY)


def another_digit(url: str, after: str, skip: int = 0) -> str:
    """The URL with one other character, `skip` behind the text `after`; what is a date stays one of the same day."""
    place = url.index(after) + len(after) + skip
    return url[:place] + str((int(url[place], 16) + 1) % 10) + url[place + 1 :]


TAMPERINGS: dict[str, Callable[[str], str]] = {
    "another key": lambda url: url.replace("disk", "risk"),
    "another bucket": lambda url: url.replace(EXPORT_BUCKET, "other-exports"),
    "another date": lambda url: another_digit(url, "X-Amz-Date=", len("20250102T03040")),
    "another expiry": lambda url: url.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601"),
    "another access key": lambda url: url.replace("Credential=", "Credential=X"),
    "another signature": lambda url: another_digit(url, "X-Amz-Signature="),
    "a signature cut short": lambda url: url[:-1],
    "one parameter more": lambda url: url + "&versionId=1",
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_changed_url_is_refused(source: Account, tamper: Callable[[str], str]) -> None:
    url = presign(source, EXPORT_BUCKET, KEY, HOUR)
    assert tamper(url) != url
    assert status(tamper(url)) == 403


def test_a_url_without_signature_or_of_another_region_fails(source: Account) -> None:
    assert status(presign(source, EXPORT_BUCKET, KEY, HOUR).partition("&X-Amz-Signature")[0]) == 400
    assert status(presign(replace(source, region="us-east-2"), EXPORT_BUCKET, KEY, HOUR)) == 400


def test_a_url_is_for_one_host_and_one_method(source: Account) -> None:
    url = presign(source, EXPORT_BUCKET, KEY, HOUR)
    assert status(url, Host="oos.example") == 403
    assert [status(url, method) for method in ("HEAD", "PUT", "DELETE")] == [403, 403, 403]
    assert httpx.get(url, timeout=PATIENCE).content == BODY


def test_a_url_is_refused_after_its_expiry(source: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def signed(ago: timedelta) -> str:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.now(UTC) - ago)
        return presign(source, EXPORT_BUCKET, KEY, HOUR)

    assert status(signed(HOUR - timedelta(seconds=30))) == 200
    assert status(signed(HOUR + timedelta(seconds=2))) == 403


def test_a_key_without_rights_or_unknown_is_refused(sandbox: Sandbox, source: Account) -> None:
    neighbour, target = (resolve_profile(name, sandbox.env, sandbox.home) for name in ("source-other", "target"))
    stranger = replace(source, storage_key=target.storage_key)
    forger = replace(source, storage_key=replace(source.require_storage_key(), secret_key=neighbour.secret_key))
    for account in (neighbour, stranger, forger):
        assert status(presign(account, EXPORT_BUCKET, KEY, HOUR)) == 403


def test_more_than_seven_days_are_refused_as_by_the_store(source: Account) -> None:
    with pytest.raises(OmicopyError) as caught:
        presign(source, EXPORT_BUCKET, KEY, timedelta(seconds=WEEK_SECONDS + 1))
    assert caught.value.code is ErrorCode.USAGE
    signer = SigningKey(source.access_key, source.secret_key, source.region)
    url = f"{source.oos_endpoint}/{EXPORT_BUCKET}/{KEY}"
    assert status(another.presign(signer, "GET", url, WEEK_SECONDS + 1)) == 400
    assert status(presign(source, EXPORT_BUCKET, KEY, timedelta(seconds=WEEK_SECONDS))) == 200


@pytest.mark.parametrize("key", ODD_KEYS)
def test_unusual_keys_are_written_and_read_exactly(source: Account, key: str) -> None:
    upload(source, key)
    assert httpx.get(presign(source, EXPORT_BUCKET, key, HOUR), timeout=PATIENCE).content == BODY
    assert key in [item["Key"] for item in client(source).list_objects_v2(Bucket=EXPORT_BUCKET)["Contents"]]


# --- a URL to PUT with, and curl


curl_is_there = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def curl(tmp_path: Path) -> Callable[..., int]:
    """Sends a file as the service's page does; the status that comes back. Nothing of the user's has any influence."""
    file = tmp_path / "upload.txt"
    file.write_bytes(BODY)

    def curl(url: str, *headers: str, request: str = "PUT") -> int:
        sent = ["--upload-file", str(file)] if request != "GET" else []
        message = [word for header in headers for word in ("-H", header)]
        words = ["curl", "-q", "-s", "-o", os.devnull, "-w", "%{http_code}", "--noproxy", "*", "--request", request]
        done = children.run([*words, *sent, *message, url])
        return int(done.stdout)

    return curl


@curl_is_there
def test_curl_uploads_with_the_signed_content_type_only(source: Account, curl: Callable[..., int]) -> None:
    url = presign(source, EXPORT_BUCKET, "there", HOUR, "PUT", "text/x-plain; charset=utf-8")
    get = presign(source, EXPORT_BUCKET, "there", HOUR)
    assert curl(url, "Content-Type: text/html") == 403
    assert curl(url, "Content-Type: text/x-plain") == 403
    assert curl(url) == 403
    assert status(get) == 404
    assert curl(url, "Content-Type: text/x-plain; charset=utf-8") == 200
    answer = httpx.get(get, timeout=PATIENCE)
    assert (answer.content, answer.headers["Content-Type"]) == (BODY, "text/x-plain; charset=utf-8")


@curl_is_there
def test_curl_uploads_without_a_content_type_if_none_is_signed(source: Account, curl: Callable[..., int]) -> None:
    assert curl(presign(source, EXPORT_BUCKET, "there", HOUR, "PUT")) == 200
    assert httpx.get(presign(source, EXPORT_BUCKET, "there", HOUR), timeout=PATIENCE).content == BODY


@curl_is_there
def test_an_upload_url_is_for_one_key_only(source: Account, curl: Callable[..., int]) -> None:
    url = presign(source, EXPORT_BUCKET, "there", HOUR, "PUT")
    assert curl(url.replace("/there?", "/elsewhere?")) == 403
    assert curl(url, request="POST") == 405
    assert curl(url) == 200
    assert curl(url, request="GET") == 403
    assert status(url, "DELETE") == 403
    assert status(presign(source, EXPORT_BUCKET, "elsewhere", HOUR)) == 404


@curl_is_there
def test_r10_a_shell_needs_no_quotes_for_the_url_in_a_variable(tool: Tool, tmp_path: Path) -> None:
    tool.exported()
    script = """
        set -eu
        url="$(omicopy url "$1" --from source | tee lines)"
        test "$(wc -l <lines)" = 1
        curl -q --noproxy '*' --fail --silent "$url"
    """
    words = ["sh", "-c", script, "sh", LINUX]
    done = children.run(words, env=tool.env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.encode() == tool.get(f"{LINUX}/manifest")


# --- URLs of other hands


def test_sigv2_urls_of_s3cmd_and_aws_are_read_exactly(sandbox: Sandbox, source: Account) -> None:
    (sandbox.home / "no-region").write_text("[default]\n")
    keys = {"AWS_ACCESS_KEY_ID": source.access_key, "AWS_SECRET_ACCESS_KEY": source.secret_key}
    env = sandbox.env | keys | {"AWS_CONFIG_FILE": str(sandbox.home / "no-region")}
    location, end = f"s3://{EXPORT_BUCKET}/{KEY}", datetime.now(UTC).replace(microsecond=0) + HOUR
    by_s3cmd = ["s3cmd", "signurl", location, f"{end.timestamp():.0f}"]
    by_aws = ["aws", "s3", "presign", location, "--expires-in", "3600", "--endpoint-url", source.oos_endpoint]

    def printed(command: list[str]) -> str:
        done = children.run(command, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with ThreadPoolExecutor() as threads:
        read = [parse_presigned(url) for url in threads.map(printed, [by_s3cmd, by_aws])]
    assert [(url.bucket, url.key) for url in read] == [(EXPORT_BUCKET, KEY)] * 2
    assert [(url.scheme, url.signature) for url in read] == [("http", Signature.SIGV2)] * 2
    assert [httpx.get(url.url, timeout=PATIENCE).content for url in read] == [BODY, BODY]
    assert read[0].expires_at == end
    assert read[1].expires_at is not None
    assert end <= read[1].expires_at <= datetime.now(UTC) + HOUR
    assert f"&Expires={read[1].expires_at.timestamp():.0f}" in read[1].url


@pytest.mark.parametrize("content_type", [None, "text/plain"])
def test_our_signatures_equal_boto3s(monkeypatch: pytest.MonkeyPatch, content_type: str | None) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC))
    more = {"ContentType": content_type} if content_type else {}
    for key in (KEY, "a//b", "a\\b", *ODD_KEYS):
        for method, call in {"GET": "get_object", "PUT": "put_object"}.items():
            message = more if method == "PUT" else {}
            theirs = client(OFFLINE).generate_presigned_url(
                call, {"Bucket": EXPORT_BUCKET, "Key": key, **message}, 3600
            )
            assert presign(OFFLINE, EXPORT_BUCKET, key, HOUR, method, message.get("ContentType")) == theirs


# --- for any object

BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", fullmatch=True)
PRINTABLE = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
PRINTABLE_KEYS = st.text(PRINTABLE, min_size=1, max_size=60) | st.lists(
    st.sampled_from([*ODD_KEYS, "..", ".", "", "?X-Amz-Signature=x", "&Signature=x", "#", ":", "@", "%0A"]), min_size=1
).map("/".join).filter(bool)
LIVES = st.integers(1, WEEK_SECONDS).map(lambda seconds: timedelta(seconds=seconds))
REGIONS = st.from_regex(r"[a-z]{2,9}-[a-z]{2,9}-[0-9]", fullmatch=True)


@given(BUCKETS, PRINTABLE_KEYS, LIVES, REGIONS, st.sampled_from(["GET", "PUT"]))
def test_a_signed_url_is_read_back(bucket: str, key: str, life: timedelta, region: str, method: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    read = presign_object(replace(OFFLINE, region=region), S3Object(bucket, key), life, method)
    assert (read.bucket, read.key, read.signature, read.signed_for) == (bucket, key, Signature.SIGV4, region)
    assert read.host == urlsplit(OFFLINE.oos_endpoint).netloc
    assert read.expires_at is not None
    assert before <= read.expires_at - life <= datetime.now(UTC)
    shown, signature = read.redacted().partition("?")[2], read.url.rpartition("=")[2]
    assert len(signature) == 64
    assert signature not in read.redacted()
    assert OFFLINE.access_key not in shown  # a key of an object may say anything
    assert OFFLINE.secret_key not in read.url.partition("?")[2]

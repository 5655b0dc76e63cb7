"""The times of a signature: expired, too long, wrong clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import botocore.auth
import httpx
import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign, presign_v2
from tests.sandbox.s3 import WEEK, Connect, code_of, get_url, refused
from tests.support.children import PATIENCE


@pytest.mark.parametrize("kind", ["s3v4", "s3"])
@pytest.mark.parametrize(
    ("off", "code"), [(-16, "RequestTimeTooSkewed"), (-14, ""), (14, ""), (16, "RequestTimeTooSkewed")]
)
def test_a_header_with_a_wrong_date_is_refused(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str, off: int, code: str
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=off)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    monkeypatch.setattr(botocore.auth, "formatdate", lambda **_: format_datetime(moment, usegmt=True))
    s3 = connect(signature_version=kind)
    if code:
        assert refused(s3.put_object, Bucket=BUCKET, Key="key", Body=b"text")[:2] == (403, code)
    else:
        s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")


def test_a_url_works_until_it_expires(connect: Connect) -> None:
    s3, old = connect(), connect(signature_version="s3")
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")
    short = [get_url(client, "key", seconds=1) for client in (s3, old)]
    assert [httpx.get(get_url(client, "key"), timeout=PATIENCE).text for client in (s3, old)] == ["text", "text"]
    time.sleep(2.1)
    expired = [httpx.get(url, timeout=PATIENCE) for url in short]
    assert [answer.status_code for answer in expired] == [403, 403]
    assert all("Request has expired" in answer.text for answer in expired)
    assert "AWSAccessKeyId" in short[1]


def test_a_url_is_valid_for_a_week_at_most(connect: Connect) -> None:
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
def test_the_times_of_a_url_are_checked_as_scality_does(
    sandbox: Sandbox, connect: Connect, sign: Any, seconds: int, ago: int, expected: tuple[int, str]
) -> None:
    connect().put_object(Bucket=BUCKET, Key="key", Body=b"text")
    account = sandbox.accounts["source"]
    signer = SigningKey(account.access_key, account.secret_key, account.region)
    place, signed = f"{sandbox.oos_urls[account.region]}/{BUCKET}/key", datetime.now(UTC) - timedelta(seconds=ago)
    answer = httpx.get(sign(signer, "GET", place, seconds, signed), timeout=PATIENCE)
    assert (answer.status_code, code_of(answer)) == expected

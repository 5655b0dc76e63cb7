"""Why a store refuses a URL: its code, its clock, and the URL's own dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from omicopy.cloud.errors import Answer, refused
from omicopy.cloud.url_reader import error_code, read_refusal
from omicopy.errors import ErrorCode
from omicopy.model.urls.presigned_url import PresignedUrl, parse_presigned
from omicopy.model.urls.refusal import Reason, explain_refusal, flaw
from omicopy.sandbox.storage.presign import presign, presign_v2
from tests.support.builders import NOON
from tests.support.refusing import DAY, HOUR, SIGNER, WEEK, body

PLACE = "https://oos.eu-west-2.outscale.com/omi-exports/ami-1/manifest"


def v4(life: int = HOUR, ago: int = 0) -> PresignedUrl:
    return parse_presigned(presign(SIGNER, "GET", PLACE, life, NOON - timedelta(seconds=ago)))


def v2(life: int = HOUR) -> PresignedUrl:
    return parse_presigned(presign_v2(SIGNER, "GET", PLACE, life, NOON))


PLAIN = parse_presigned(PLACE)
SKEWED, DENIED, ARGUMENT = "RequestTimeTooSkewed", "AccessDenied", "InvalidArgument"
TABLE = [
    (v4(), "SignatureDoesNotMatch", Reason.ALTERED, "was altered or cut"),
    (v4(HOUR, 2 * HOUR), "SignatureDoesNotMatch", Reason.ALTERED, "altered"),
    (v4(), "InvalidAccessKeyId", Reason.KEY_GONE, "no longer exists"),
    (v2(), "InvalidAccessKeyId", Reason.KEY_GONE, "no longer exists"),
    (v4(HOUR, 2 * HOUR), SKEWED, Reason.EXPIRED, "it expired at 2026-01-15 11:00:00Z"),
    (v2(-60), SKEWED, Reason.EXPIRED, "it expired at 2026-01-15 11:59:00Z"),
    (v4(HOUR, 2 * HOUR), DENIED, Reason.EXPIRED, "it expired at"),
    (v4(HOUR, 2 * HOUR), "", Reason.EXPIRED, "it expired at"),
    (v4(HOUR, -2 * HOUR), SKEWED, Reason.SIGNED_AHEAD, "its signing time 2026-01-15 14:00:00Z"),
    (v4(HOUR, -60), SKEWED, Reason.SIGNED_AHEAD, "its signing time 2026-01-15 12:01:00Z"),
    (v4(), SKEWED, Reason.EXPIRED, "or was signed for a later time"),
    (v4(WEEK + DAY), ARGUMENT, Reason.TOO_LONG, "it is signed for 8d, and no store accepts"),
    (v4(WEEK + 1), ARGUMENT, Reason.TOO_LONG, "no store accepts more than 7d"),
    (v4(30 * DAY), "AuthorizationQueryParametersError", Reason.TOO_LONG, "signed for 30d"),
    (v4(0), ARGUMENT, Reason.TOO_LONG, "for 0 seconds"),
    (v4(-5), ARGUMENT, Reason.TOO_LONG, "for -5 seconds"),
    (v2(WEEK + DAY), DENIED, Reason.NOT_YET, "from 2026-01-16 12:00:00Z on"),
    (v2(WEEK - DAY), DENIED, Reason.NO_RIGHT, "may not read the object"),
    (v4(), DENIED, Reason.NO_RIGHT, "may not read the object"),
    (PLAIN, DENIED, Reason.UNSIGNED, "has no signature"),
    (PLAIN, "", Reason.UNSIGNED, "has no signature"),
    (v4(), ARGUMENT, Reason.ALTERED, "its query contains something that the store doesn't accept (InvalidArgument)"),
    (v4(), "", Reason.UNKNOWN, "has expired, was altered, or its access key was deleted"),
]


@pytest.mark.parametrize(("url", "code", "reason", "message"), TABLE)
def test_the_stores_code_and_the_urls_dates_give_the_reason(
    url: PresignedUrl, code: str, reason: Reason, message: str
) -> None:
    parts = explain_refusal(url, code, NOON)
    assert parts.reason is reason
    assert message in parts.message
    assert parts.hint
    assert parts.own_hint
    assert "Signature=" not in parts.message


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (v4(), None),
        (v2(), None),
        (PLAIN, None),
        (v4(HOUR, -600), None),
        (v4(WEEK), None),
        (v2(WEEK), None),
        (v4(HOUR, HOUR), Reason.EXPIRED),
        (v4(HOUR, -16 * 60), Reason.SIGNED_AHEAD),
        (v4(WEEK + 1), Reason.TOO_LONG),
        (v4(999_999_999_999), Reason.TOO_LONG),
        (v2(WEEK + 1), Reason.NOT_YET),
    ],
)
def test_a_urls_dates_need_no_request(url: PresignedUrl, reason: Reason | None) -> None:
    found = flaw(url, NOON)
    assert (found.reason if found else None) is reason


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (body("AccessDenied"), "AccessDenied"),
        (b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\n <Code>\n NoSuchKey </Code>', "NoSuchKey"),
        (body("One", "<Message>&lt;Code&gt;Two</Message><Code>Three</Code>"), "One"),
        (body("\x1b[31mred"), ""),
        (body("A" * 65), ""),
        (b"<Code>AccessDenied</Code>", ""),
        (b"<html><body>Forbidden</body></html>", ""),
        (b"", ""),
        (b"<Error>" + b" " * 100_000 + b"<Code>AccessDenied</Code>", ""),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><Error><Code>&a;</Code></Error>', ""),
    ],
)
def test_only_the_code_of_a_refusals_body_is_read(raw: bytes, code: str) -> None:
    assert error_code(raw) == code


def test_the_stores_clock_decides_what_has_expired() -> None:
    headers = {"Date": format_datetime(datetime.now(UTC) + timedelta(seconds=HOUR), usegmt=True)}
    url = parse_presigned(presign(SIGNER, "GET", PLACE, HOUR // 2))
    assert read_refusal(url, headers, body(SKEWED)).message.startswith("it expired at")
    assert "or was signed for a later time" in read_refusal(url, {}, body(SKEWED)).message


@pytest.mark.parametrize(
    ("kind", "status", "hint"),
    [
        ("InvalidAccessKeyId", 403, "EIM user"),
        ("SignatureDoesNotMatch", 403, "secret key"),
        ("RequestTimeTooSkewed", 403, "clock"),
        ("AuthorizationHeaderMalformed", 400, "Region"),
        ("AccessDenied", 403, "permission for it"),
    ],
)
def test_a_refusal_of_our_keys_comes_with_a_hint(kind: str, status: int, hint: str) -> None:
    error = refused("ListObjects", "s3://omi-exports", Answer(status, kind=kind))
    assert error.code is ErrorCode.DENIED
    assert hint in error.hint

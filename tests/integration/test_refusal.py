"""What a store says when it refuses a URL is told: which of the many reasons it is, and what mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from omicopy.cloud.errors import Answer, refused
from omicopy.cloud.url_reader import ObjectState, UrlReader, UrlRefused, error_code, read_refusal
from omicopy.errors import ErrorCode
from omicopy.model.urls.presigned_url import PresignedUrl, parse_presigned
from omicopy.model.urls.refusal import Reason, explain_refusal, flaw
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign, presign_v2
from tests.support.builders import NOON
from tests.support.hostile import XML, Hurried, Reply, hostile, transport
from tests.support.tool import LINUX, THREE, Tool

WEEK, DAY, HOUR = 604_800, 86_400, 3_600
SIGNER = SigningKey("SOMEACCESSKEY", "SOMESECRETKEY", "eu-west-2")
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
    (v4(), "InvalidAccessKeyId", Reason.KEY_GONE, "does not exist any more"),
    (v2(), "InvalidAccessKeyId", Reason.KEY_GONE, "does not exist any more"),
    (v4(HOUR, 2 * HOUR), SKEWED, Reason.EXPIRED, "it expired at 2026-01-15 11:00:00Z"),
    (v2(-60), SKEWED, Reason.EXPIRED, "it expired at 2026-01-15 11:59:00Z"),
    (v4(HOUR, 2 * HOUR), DENIED, Reason.EXPIRED, "it expired at"),
    (v4(HOUR, 2 * HOUR), "", Reason.EXPIRED, "it expired at"),
    (v4(HOUR, -2 * HOUR), SKEWED, Reason.SIGNED_AHEAD, "for a later time, 2026-01-15 14:00:00Z"),
    (v4(HOUR, -60), SKEWED, Reason.SIGNED_AHEAD, "for a later time, 2026-01-15 12:01:00Z"),
    (v4(), SKEWED, Reason.EXPIRED, "or was signed for a later time"),
    (v4(WEEK + DAY), ARGUMENT, Reason.TOO_LONG, "signed for 8d and never worked"),
    (v4(WEEK + 1), ARGUMENT, Reason.TOO_LONG, "no store accepts more than 7d"),
    (v4(30 * DAY), "AuthorizationQueryParametersError", Reason.TOO_LONG, "signed for 30d"),
    (v4(0), ARGUMENT, Reason.TOO_LONG, "for 0 seconds"),
    (v4(-5), ARGUMENT, Reason.TOO_LONG, "for -5 seconds"),
    (v2(WEEK + DAY), DENIED, Reason.NOT_YET, "from 2026-01-16 12:00:00Z on"),
    (v2(WEEK - DAY), DENIED, Reason.NO_RIGHT, "may not read the object"),
    (v4(), DENIED, Reason.NO_RIGHT, "may not read the object"),
    (PLAIN, DENIED, Reason.UNSIGNED, "bears no signature"),
    (PLAIN, "", Reason.UNSIGNED, "bears no signature"),
    (v4(), ARGUMENT, Reason.ALTERED, "its query holds what the store does not take (InvalidArgument)"),
    (v4(), "", Reason.UNKNOWN, "has expired, was altered, or its access key is gone"),
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


def body(code: str, more: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>{more}</Error>'.encode()


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


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_probe_and_a_read_give_the_reason(status: int) -> None:
    with hostile(
        Reply(status, XML, body("InvalidAccessKeyId", "<AWSAccessKeyId>SOMEACCESSKEY</AWSAccessKeyId>"))
    ) as to:
        url = parse_presigned(presign(SIGNER, "GET", f"{to.url}/b/k", HOUR))
        fetcher = UrlReader(transport(), Hurried(), 0.0)
        probe = fetcher.probe(url)
        with pytest.raises(UrlRefused) as caught:
            fetcher.read(url)
    assert probe.life is ObjectState.REFUSED
    assert probe.refusal == caught.value.refusal
    assert caught.value.code is ErrorCode.EXPIRED
    assert caught.value.refusal.reason is Reason.KEY_GONE
    assert "SOMEACCESSKEY" not in caught.value.message


def test_an_impossible_date_is_ignored() -> None:
    refused = Reply(403, XML, body("AccessDenied"), headers={"Date": "Fri, 31 Dec 9999 23:59:59 -2359"})
    with hostile(refused) as server:
        url = parse_presigned(f"{server.url}/b/key?AWSAccessKeyId=A&Expires=4000000000&Signature=abc")
        assert UrlReader(transport(), Hurried(), 0.0).probe(url).life is ObjectState.REFUSED


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
        ("AccessDenied", 403, "right to it"),
    ],
)
def test_a_refusal_of_our_keys_comes_with_a_hint(kind: str, status: int, hint: str) -> None:
    error = refused("ListObjects", "s3://omi-exports", Answer(status, kind=kind))
    assert error.code is ErrorCode.DENIED
    assert hint in error.hint


# --- as users see it


def cases(tool: Tool, key: str) -> dict[str, tuple[str, str]]:
    """URLs of one object that a store refuses: each with its reason and what is said of it."""
    account = tool.sandbox.accounts["source"]
    other = tool.sandbox.accounts["source-other"]
    place = tool.sign(key).partition("?")[0]
    ours = SigningKey(account.access_key, account.secret_key, account.region)
    now = datetime.now(UTC)
    return {
        presign(ours, "GET", place, HOUR, now + timedelta(hours=2)): ("signed-ahead", "for a later time"),
        presign(ours, "GET", place, WEEK + DAY): ("too-long", "never worked"),
        presign(ours, "GET", place, HOUR) + "0": ("altered", "altered or cut"),
        presign(SigningKey("NOBODYSACCESSKEY0000", "S" * 40, account.region), "GET", place, HOUR): (
            "key-gone",
            "any more",
        ),
        presign_v2(ours, "GET", place, WEEK + DAY): ("not-yet", "does not work yet"),
        presign(SigningKey(other.access_key, other.secret_key, other.region), "GET", place, HOUR): (
            "no-right",
            "may not",
        ),
        place: ("unsigned", "bears no signature"),
    }


def test_r9_an_import_says_why_the_store_refuses_its_url(tool) -> None:
    urls = cases(tool, tool.exported())
    tool.forget()
    ran = tool.together([lambda u=u: tool.import_(u, code=10) for u in urls])
    for one, (reason, message) in zip(ran, urls.values(), strict=True):
        assert message in one.err, (reason, one.err)
        assert one.err.count("\n") >= 2  # the hint
    assert tool.calls() == []


def test_r9_inspect_says_why_the_store_refuses_each_url(tool) -> None:
    document = tool.manifest(tool.exported(THREE))
    entry, entries = document["Image"]["Snapshots"][0], []
    urls = cases(tool, tool.keys(".gz")[0])
    for number, url in enumerate(urls):
        entries.append(entry | {"PreSignedUrl": url, "Device": f"/dev/sd{chr(97 + number)}"})
    document["Image"]["Snapshots"] = entries
    tool.put("refused.json", document)
    ran = tool.run("inspect", tool.sign("refused.json"), "--probe", "-o", "json", code=10)
    assert [s["probe"]["reason"] for s in ran.json["snapshots"]] == [reason for reason, _ in urls.values()]
    shown = tool.run("inspect", tool.sign("refused.json"), "--probe", code=10)
    for _, message in urls.values():
        assert message in shown.out
    plain = tool.run("inspect", tool.sign("refused.json")).out
    assert "never worked" in plain
    assert "does not work yet" in plain


def test_r9_a_url_that_a_new_signature_repairs_is_re_signed(tool) -> None:
    """Whatever the reason is why a store refuses the URLs inside."""
    key = tool.exported()
    document = tool.manifest(key)
    for url in cases(tool, tool.keys(".gz")[0]):
        document["Image"]["Snapshots"][0]["PreSignedUrl"] = url
        tool.put(key, document)
        assert "PreSignedUrl" in tool.url(f"s3://omi-exports/{key}", "--no-resign", code=10).err
        assert ".resigned-" in tool.url(f"s3://omi-exports/{key}").out
        for anew in [found for found in tool.keys(".json") if ".resigned-" in found]:
            tool.delete(anew)


def test_the_reasons_why_our_keys_are_refused_differ(tool) -> None:
    location = f"s3://omi-exports/{tool.exported()}"
    wrong = {
        "secret key": tool.profiles(source={"secret_key": "W" * 40}),
        "an EIM user's works for the API": tool.profiles(source={"access_key": "W" * 20}),
    }
    for message, env in wrong.items():
        for words in (["url", location], ["resign", location], ["url", f"s3://omi-exports/{LINUX}/"]):
            ran = tool.run(*words, "--from", "source", code=12, **env)
            assert message in ran.err
            assert "W" * 20 not in ran.err


def test_no_upload_url_is_printed_that_the_store_would_refuse(tool) -> None:
    for message, env in {
        "secret key": tool.profiles(source={"secret_key": "W" * 40}),
        "an EIM user's": tool.profiles(source={"access_key": "W" * 20}),
    }.items():
        ran = tool.url("s3://omi-exports/new", "--method", "put", code=12, **env)
        assert (ran.out, message in ran.err) == ("", True)

"""Pre-signed URLs: both generations read, nothing hostile accepted, no signature ever shown."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls import presigned_url
from omicopy.model.urls.presigned_url import MAX_EXPIRY, Signature, parse_presigned, redact

V4 = (
    "https://oos.eu-west-2.outscale.com/omi-exports/nightly/ami-12345678/snap%2B1.qcow2.gz"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ACCESSKEY1%2F20250102%2Feu-west-2%2Fs3%2Faws4_request"
    "&X-Amz-Date=20250102T030405Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=5ec2e7c0ffee5ec2e7c0ffee"
)
V2 = "https://oos.eu-west-2.outscale.com/b/k?AWSAccessKeyId=ACCESSKEY1&Expires=1735787045&Signature=c2VjcmV0%2Bc2ln%3D"
PLAIN = "http://oos.eu-west-2.outscale.com:8080/bucket/key"

SIGNATURES = st.one_of(
    st.text("0123456789abcdef", min_size=8, max_size=64),
    st.text("ABCDEFabcdef0123456789+/", min_size=8, max_size=40).map(lambda value: value + "="),
)


def test_a_sigv4_url_has_an_object_a_region_and_an_expiry() -> None:
    url = parse_presigned(f"  {V4}\n")
    assert (url.url, url.scheme, url.host) == (V4, "https", "oos.eu-west-2.outscale.com")
    assert (url.bucket, url.key) == ("omi-exports", "nightly/ami-12345678/snap+1.qcow2.gz")
    assert (url.signature, url.signed_for) == (Signature.SIGV4, "eu-west-2")
    assert url.expires_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC) + MAX_EXPIRY


def test_a_sigv2_url_has_an_expiry_and_no_region() -> None:
    url = parse_presigned(V2)
    assert (url.signature, url.signed_for) == (Signature.SIGV2, None)
    assert url.expires_at == datetime.fromtimestamp(1735787045, UTC)


def test_a_url_without_a_signature_has_no_known_expiry() -> None:
    url = parse_presigned(PLAIN)
    assert (url.signature, url.expires_at, url.host) == (Signature.NONE, None, "oos.eu-west-2.outscale.com:8080")
    unsigned = parse_presigned(V4.replace("X-Amz-Signature", "X-Amz-Other"))
    assert (unsigned.signature, unsigned.expires_at) == (Signature.NONE, None)


def test_a_text_too_long_for_a_url_is_refused_before_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    long = V4 + "&a=b" * 250_000
    parse_presigned(long[: presigned_url.MAX_URL_CHARACTERS])
    monkeypatch.setattr(presigned_url, "urlsplit", lambda _: pytest.fail("it was taken apart"))
    with pytest.raises(OmicopyError, match="are allowed") as raised:
        parse_presigned(long)
    assert raised.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=604800", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=604800", "X-Amz-Expires=-1"),
        ("X-Amz-Expires=604800", "X-Amz-Expires=٣"),
        ("X-Amz-Expires=604800", "X-Amz-Expires=" + "9" * 400),
        ("X-Amz-Expires=604800", "X-Amz-Expires=60&X-Amz-Expires=604800"),
        ("X-Amz-Expires=604800&", ""),
        ("X-Amz-Date=20250102T030405Z", "X-Amz-Date=20251302T030405Z"),
        ("X-Amz-Date=20250102T030405Z", "X-Amz-Date=99991231T235959Z"),
        ("X-Amz-Date=20250102T030405Z", "X-Amz-Date=2025-01-02"),
    ],
)
def test_an_unreadable_sigv4_expiry_is_unknown(old: str, new: str) -> None:
    assert parse_presigned(V4.replace(old, quote(new, safe="=&-"))).expires_at is None


@pytest.mark.parametrize("expires", ["", "soon", "-5", "999999999999", "1e9", "1&Expires=2"])
def test_an_unreadable_sigv2_expiry_is_unknown(expires: str) -> None:
    assert parse_presigned(V2.replace("1735787045", expires)).expires_at is None


@pytest.mark.parametrize("credential", ["", "a/b", "k/d/eu%20west/s3/aws4_request", "k/d//s3/aws4_request"])
def test_an_unreadable_region_is_unknown(credential: str) -> None:
    before, _, rest = V4.partition("ACCESSKEY1")
    assert parse_presigned(before + credential + rest[rest.index("&") :]).signed_for is None


@pytest.mark.parametrize(
    ("path", "bucket", "key"),
    [
        ("", None, None),
        ("/", None, None),
        ("/bucket", "bucket", None),
        ("/bucket/", "bucket", None),
        ("//bucket/key", None, "bucket/key"),
        ("/bucket//key", "bucket", "/key"),
        ("/bucket/a/%2E%2E/b", "bucket", "a/../b"),
        ("/bucket/a%252Fb", "bucket", "a%2Fb"),
        ("/bucket/%C3%A9t%C3%A9", "bucket", "été"),
        ("/bucket/a+b%20c", "bucket", "a+b c"),
    ],
)
def test_bucket_and_key_come_from_the_path_decoded_once(path: str, bucket: str | None, key: str | None) -> None:
    url = parse_presigned(f"https://host{path}?x=/other/key#/third/key")
    assert (url.bucket, url.key) == (bucket, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "s3://bucket/key",
        "file:///etc/passwd",
        "https://",
        "https:///bucket/key",
        "//host/bucket/key",
        "https:host/bucket",
        "https://host /b/k",
        "https://host/b/k\n.gz",
        "https://host/b/\tk",
        "https://host/b/k\x1b[2J",
        "https://host/b/\u202ek",
        "https://host/b/k%0Ak",
        "https://host/b/k%1B[2J",
        "https://host/b/%E2%80%AEk",
        "https://host/b/%FF",
        "https://user:word@host/b/k",
        "https://host\\@evil/b/k",
        "https://host:http/b/k",
        "https://host:99999/b/k",
        "https://[::1/b/k",
        "https://hôst/b/k",
    ],
)
def test_anything_but_an_http_url_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_presigned(text + ("?X-Amz-Signature=feedface" if text.strip() else ""))
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.hint
    assert "feedface" not in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("text", [V4, V2, V4.replace("X-Amz-Sig", "X%2DAmz%2DSi%67"), V2.replace("Sig", "sIG")])
def test_neither_repr_nor_str_nor_redacted_shows_a_secret(text: str) -> None:
    url = parse_presigned(text)
    for shown in (repr(url), str(url), url.redacted(), f"{[url]}"):
        assert "5ec2e7" not in shown
        assert "c2VjcmV0" not in shown
        assert "ACCESSKEY1" not in shown
    assert url.redacted().startswith(text.partition("?")[0])


def test_redacted_keeps_everything_but_secrets() -> None:
    shown = parse_presigned(V4).redacted()
    assert "X-Amz-Date=20250102T030405Z&X-Amz-Expires=604800" in shown
    assert shown.endswith("X-Amz-Signature=REDACTED")


def _quoted(text: str) -> str:
    return quote(text, safe="")


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": _quoted,
    "percent-encoded twice": lambda text: _quoted(_quoted(text)),
    "in HTML": escape,
    "in JSON": json.dumps,
    "in JSON with \\u0026": lambda text: json.dumps(text).replace("&", "\\u0026").replace("=", "\\u003d"),
    "in JSON in JSON": lambda text: json.dumps(json.dumps({"url": text}).replace("&", "\\u0026")),
    "in PHP's JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "in a dict": lambda text: repr({"FileLocation": text}),
    "in a sentence": lambda text: f"GET <{text}>, then ({text}), '{text}'; failed.",
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(signature=SIGNATURES, encoded=st.booleans())
def test_no_signature_survives_redaction(wrapping: str, signature: str, encoded: bool) -> None:
    value = _quoted(signature) if encoded else signature
    urls = V4.replace("5ec2e7c0ffee5ec2e7c0ffee", value), V2.replace("c2VjcmV0%2Bc2ln%3D", value)
    for url in urls:
        text = redact(WRAPPINGS[wrapping](url + "&X-Amz-Security-Token=" + value + "&tail=1"))
        assert "ACCESSKEY1" not in text
        assert "tail" in text
        assert text.count("REDACTED") >= 3
        start = signature[:6]  # of the signature itself: its encoded form may begin as the URL's own slashes do
        for form in (start, _quoted(start), _quoted(_quoted(start))):
            assert form not in text


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: AWS4-HMAC-SHA256 Credential=ACCESSKEY1/2025/r/s3/aws4_request, SignedHeaders=h, Signature=feed",
        "OSC4-HMAC-SHA256 Credential=ACCESSKEY1/x,SignedHeaders=host,Signature=feed",
        '{"AWSAccessKeyId": "ACCESSKEY1", "X-Amz-Signature": "feed"}',
        "{'X-Amz-Credential': 'ACCESSKEY1', 'Signature': 'feed'}",
        "[('X-Amz-Credential', 'ACCESSKEY1'), ('Signature', 'feed')]",
        "<Error><AWSAccessKeyId>ACCESSKEY1</AWSAccessKeyId><SignatureProvided>feed</SignatureProvided></Error>",
    ],
)
def test_headers_pairs_and_a_stores_xml_are_redacted(text: str) -> None:
    shown = redact(text)
    assert "ACCESSKEY1" not in shown
    assert "feed" not in shown


def test_prose_about_signatures_stays_readable() -> None:
    prose = (
        "The request signature we calculated does not match. Check your credential: it is SigV4, SignedHeaders=host."
    )
    assert redact(prose) == prose


PIECES = st.sampled_from(
    ["Signature", "=", "%3D", "%26", "&", "\\u0026", '"', ": ", ">", "REDACTED", "x", " ", "%25", "\\"]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_redacting_twice_changes_nothing_and_never_fails(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text())
def test_any_text_is_a_url_or_a_usage_error(text: str) -> None:
    for candidate in (text, f"https://host/{text}", f"https://host/b/k?{text}"):
        try:
            url = parse_presigned(candidate)
        except OmicopyError as error:
            assert error.code is ErrorCode.USAGE  # noqa: PT017
        else:
            assert url.redacted().isprintable()
            assert parse_presigned(url.url) == url


def test_a_url_is_valid_for_seven_days_at_most() -> None:
    assert timedelta(days=7) == MAX_EXPIRY


def test_a_long_hostile_text_is_redacted_fast() -> None:
    text = "".join(piece * 20_000 for piece in ("Signature", "Signature=", "\\", "%25", "Signature" + " " * 9, "&"))
    before = time.process_time()
    redact(text)
    assert time.process_time() - before < 2

"""A URL is found in whatever form it was handed over."""

from __future__ import annotations

import html
import json
import quopri
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.handoff import handoff_text
from omicopy.manifests.read_input import find_url, read_plan_text, read_source, read_url
from omicopy.model.boot import Boot
from omicopy.model.urls import url_text
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.model.urls.url_text import unescaped
from tests.support.builders import NOON, manifest, raw_manifest, signed

URL = signed("a b/ami-1/manifest.json".replace(" ", "%20"), NOON, signature="ab" * 32)
HANDOFF = handoff_text(parse_presigned(URL), manifest(), NOON, Boot())
FORMS = {
    "alone": URL,
    "with white space around it": f"\n  {URL} \r\n",
    "with a full stop": f"{URL}.",
    "in a sentence": f"Here it is: {URL}, as you asked; see https://wiki.example/page.",
    "in angle brackets": f"<{URL}>",
    "in quotes": f'"{URL}"',
    "with a word before it": f"URL:{URL}",
    "in Markdown": f"[the image]({URL})",
    "in Markdown, twice": f"[{URL}]({URL})",
    "in HTML": f'<p>Take <a href="{html.escape(URL)}">{html.escape(URL)}</a><br></p>',
    "escaped, alone": html.escape(URL),
    "a hand-off": HANDOFF,
    "a quoted hand-off": "".join(f"> > {line}\r\n" for line in HANDOFF.splitlines()),
    "a hand-off in HTML": html.escape(HANDOFF).replace("\n", "<br>\n"),
    "a mail as it is sent": quopri.encodestring(HANDOFF.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_url_is_found(form: str) -> None:
    assert find_url(FORMS[form], "it").url == URL


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_file_of_another_system_is_read(tmp_path, encoding: str) -> None:
    file = tmp_path / "url.txt"
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    file.write_bytes(mark + f"Thé URL: {URL}\r\n".encode(encoding))
    assert read_url(str(file)).url == URL


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no URL"),
        ("nothing here", "no URL"),
        (f"{URL}\n{URL.replace('ami-1', 'ami-2')}", "2 different URLs"),
        (f"{URL}\n{URL[:-1]}0", "2 different URLs"),
    ],
)
def test_a_text_without_exactly_one_url_is_refused(text: str, message: str) -> None:
    with pytest.raises(OmicopyError) as raised:
        find_url(text, "the file")
    assert raised.value.code is ErrorCode.USAGE
    assert message in raised.value.message
    assert "one line" in raised.value.hint


# --- as programs print it


ESCAPES = {
    "as it is": str,
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "with \\u0026": lambda text: text.replace("&", "\\u0026").replace("=", "\\u003D"),
    "with \\u0026, twice": lambda text: text.replace("&", "\\\\u0026"),
    "with \\x26": lambda text: text.replace("&", "\\x26"),
    "with \\/": lambda text: text.replace("/", "\\/"),
    "with &amp;": html.escape,
    "with &amp;amp;": lambda text: html.escape(html.escape(text)),
    "with &#38;": lambda text: text.replace("&", "&#38;"),
    "with &#038;": lambda text: text.replace("&", "&#038;").replace("=", "&#61;"),
    "with &#x26;": lambda text: text.replace("&", "&#x26;").replace("=", "&#x3D;"),
    "with \\u0026amp;": lambda text: text.replace("&", "\\u0026amp;"),
    "in capitals": lambda text: text.replace("https://", "HTTPS://"),
}
AROUND = {
    "alone": "URL",
    "in quotes": '"URL"',
    "in angle brackets": "<URL>",
    "in a sentence": "Here (URL), as you asked.",
    "at the end of a sentence": "Take URL.",
    "in an object": '{"url": "URL"}',
    "beside others": '{"schema": "omicopy/1", "url": "URL", "see": "https://wiki.example/page"}',
    "nested": '{"a": [{"b": {"FileLocation": "URL"}}], "ImageName": "x"}',
    "in a list": '["URL"]',
    "in a list of objects": '[{"url": "URL"}, {"other": 1}]',
    "a line each": '{"event": "began"}\n{"url": "URL"}\n{"url": "URL"}\n',
    "in HTML": '<a href="URL">URL</a>',
    "in JSON in HTML": "{&quot;url&quot;: &quot;URL&quot;}",
    "in XML": "<FileLocation>URL</FileLocation>",
    "in YAML": "url: URL\n",
    "in a shell's line": "export MANIFEST='URL'",
    "quoted": "> > URL\r\n",
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("escape", ESCAPES)
def test_a_url_is_found_however_it_is_escaped_and_wrapped(tmp_path, escape: str, around: str) -> None:
    file = tmp_path / "handed"
    file.write_text(AROUND[around].replace("URL", ESCAPES[escape](URL)))
    found = read_source(str(file))
    assert not isinstance(found, bytes)
    assert found.url == URL


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_url_may_be_typed_with_its_escapes(escape: str) -> None:
    for text in (ESCAPES[escape](URL), f"<{ESCAPES[escape](URL)}>", f' "{ESCAPES[escape](URL)}"'):
        assert read_url(text).url == URL


def test_our_own_json_output_is_read(tmp_path) -> None:
    file = tmp_path / "url.json"
    described = {
        "schema": "omicopy/1",
        "url": URL,
        "manifest": "s3://omi-exports/ami-1/manifest.json",
        "snapshots": [{"device": "/dev/sda1", "expires_at": None}],
        "handoff": HANDOFF,
    }
    for text in (json.dumps(described), json.dumps(described, indent=2)):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            file.write_text(text, encoding=encoding)
            assert read_url(str(file)).url == URL


V2 = "https://oos.eu-west-2.outscale.com/b/ami-1/manifest?AWSAccessKeyId=SOMEKEY&Expires=1768900000&Signature="
OLD_URLS = [
    f"{V2}{'Ab' * 13}C%3D",
    f"{V2}{'Ab' * 13}C=",
    V2.replace("&Expires=1768900000&Signature=", f"&Signature={'A%2F' * 13}b%3D&Expires=1768900000"),
]
SIGNED_HEADERS_LAST = URL.replace("&X-Amz-SignedHeaders=host", "") + "&X-Amz-SignedHeaders=host"


@pytest.mark.parametrize("url", [URL, SIGNED_HEADERS_LAST, URL.replace("=604800", "=2592000"), *OLD_URLS])
@pytest.mark.parametrize("width", [33, 60, 72, 76, 78, 100, 200])
def test_a_folded_url_is_found_as_a_whole(url: str, width: int) -> None:
    lines = [url[at : at + width] for at in range(0, len(url), width)]
    forms = {
        "wrapped": "\n".join(lines),
        "with a sentence around": "Here it is:\n" + "\n".join(lines) + "\nas you asked.\n",
        "quoted": "".join(f"> {line}\r\n" for line in ["Look at", *lines, "please"]),
        "folded as a header": "X-URL: " + "\r\n ".join(lines),
        "flowed": " \n".join(lines) + "\n",
        "in angle brackets": "<" + "\n".join(lines) + ">",
        "in a shell": "curl '" + "\\\n".join(lines) + "'",
        "escaped": html.escape("\n".join(lines)),
        "before another line": "\n".join(lines) + "\nhttps://wiki.example/page\n",
    }
    for form, text in forms.items():
        assert find_url(text, "it").url == url, form


def test_a_wrapped_hand_off_text_is_read() -> None:
    for width in (60, 72, 76, 78, 100):
        wrapped = [HANDOFF[at : at + width] for at in range(0, len(HANDOFF), width)]
        assert find_url("\n".join(wrapped), "it").url == URL


def test_the_line_below_a_url_is_not_part_of_it() -> None:
    below = ["Regards", "&more", "https://wiki.example/x", "x" * 64, "ab" * 32]
    assert find_url("\n".join([URL, *(line for line in below if line != "&more")]), "it").url == URL
    assert find_url(f"https://wiki.example/page\n{URL}", "it").url == URL
    assert find_url(f"https://wiki.example/page\nURL:{URL}", "it").url == URL
    assert find_url("see https://wiki.example/page\nsoon", "it").url == "https://wiki.example/page"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(raw_manifest()),
        json.dumps(raw_manifest())[:60],
        json.dumps(raw_manifest())[:-1],
        json.dumps({"Image": {"FileLocation": URL}}),
        json.dumps({"Version": 1, "url": URL}),
        "{}",
        "{",
        '{"url": "s3://b/k"}',
        '{"see": "https://wiki.example/page"}',
    ],
)
def test_a_manifest_or_json_without_a_signed_url_is_unchanged(tmp_path, text: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    assert read_source(str(file)) == text.encode()
    with pytest.raises(OmicopyError) as raised:
        read_url(str(file))
    assert raised.value.code is ErrorCode.USAGE
    is_manifest = '"Version"' in text or '"Image"' in text
    assert ("is a manifest itself" if is_manifest else "JSON without a signed URL") in raised.value.message


def test_json_with_several_signed_urls_is_refused(tmp_path) -> None:
    file = tmp_path / "tasks.json"
    other = signed("ami-2/manifest", NOON + timedelta(days=1))
    file.write_text(json.dumps({"ImageExportTasks": [{"OsuManifestUrl": URL}, {"OsuManifestUrl": other}]}))
    with pytest.raises(OmicopyError, match="2 different URLs"):
        read_source(str(file))


@pytest.mark.parametrize("text", ["a & b; c", "5 < 6 &lt 7", "AT&amp", "\\n\\t \\", "&#9999999999;", "&#x1F600;"])
def test_text_that_is_no_url_escape_is_unchanged(text: str) -> None:
    assert unescaped(text) == text


PIECES = [
    "&amp;",
    "amp;",
    "\\",
    "https://a ",
    "https://a\nb\n",
    "> \n",
    "=3D=\n",
    "https://a?Signature=x ",
    "&#0000",
    '"',
    "{",
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_mebibyte_of_hostile_text_is_read_in_linear_time(piece: str) -> None:
    """With its square it would take hours."""
    text = piece * (1024 * 1024 // len(piece))
    before = time.process_time()
    for start in ("", "{", "https://", "&"):
        try:
            find_url(start + text, "it")
        except OmicopyError as error:
            assert error.code is ErrorCode.USAGE  # noqa: PT017
    assert time.process_time() - before < 60


# ---- bounds


def test_a_text_of_many_urls_is_refused_before_parsing_them(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_apart = []
    monkeypatch.setattr(url_text, "parse_presigned", lambda text: (taken_apart.append(text), parse_presigned(text))[1])
    with pytest.raises(OmicopyError, match="more than 1000 URLs") as raised:
        find_url(" ".join(f"https://a.example/{number}" for number in range(50_000)), "it")
    assert raised.value.code is ErrorCode.USAGE
    assert len(taken_apart) <= 1000
    some = " ".join(f"https://a.example/{number}" for number in range(900))
    assert find_url(f"{some} {URL}", "it").url == URL


@pytest.mark.parametrize("read", [read_url, read_source, read_plan_text])
def test_a_file_that_is_too_large_is_never_read_in_part(tmp_path: Path, read: Callable[[str], Any]) -> None:
    """A URL that is cut leads somewhere else; so does half a plan."""
    file = tmp_path / "large.txt"
    file.write_text(" " * (1024 * 1024 - len(URL) + 20) + URL)
    with pytest.raises(OmicopyError, match="larger than 1048576 bytes") as raised:
        read(str(file))
    assert raised.value.code is ErrorCode.USAGE
    file.write_text(" " * (1024 * 1024 - len(URL)) + URL)
    read(str(file))


def test_a_plan_cut_inside_a_letter_is_reported_as_too_large(tmp_path: Path) -> None:
    """It is not reported as text in another encoding."""
    file = tmp_path / "plan.yaml"
    file.write_text("é" * 600_000)
    with pytest.raises(OmicopyError, match="larger than"):
        read_plan_text(str(file))


def test_an_invalid_character_reference_hides_no_url() -> None:
    """Python refuses to read so many digits."""
    assert find_url(f"{html.escape(URL)} &#{'1' * 5000};", "it").url == URL

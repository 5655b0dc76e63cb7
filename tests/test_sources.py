"""A URL is found in whatever form it was handed over."""

from __future__ import annotations

import html
import quopri
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omicopy.copying import sources
from omicopy.copying.sources import find_url, read_plan_text, read_source, read_url
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.handoff import handoff_text
from omicopy.model.presigned import parse_presigned
from tests.builders import NOON, manifest, signed

URL = signed("a b/ami-1/manifest.json".replace(" ", "%20"), NOON, signature="ab" * 32)
HANDOFF = handoff_text(parse_presigned(URL), manifest(), NOON)
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
    ("text", "said"),
    [
        ("", "no URL"),
        ("nothing here", "no URL"),
        (f"{URL}\n{URL.replace('ami-1', 'ami-2')}", "2 different URLs"),
        ("\n".join(HANDOFF[at : at + 76] for at in range(0, len(HANDOFF), 76)), "different URLs"),
    ],
)
def test_what_holds_no_single_url_is_told(text: str, said: str) -> None:
    with pytest.raises(OmicopyError) as told:
        find_url(text, "the file")
    assert told.value.code is ErrorCode.USAGE
    assert said in told.value.message
    assert "one line" in told.value.hint


# ---- bounds


def test_a_text_of_many_urls_is_refused_before_they_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_apart = []
    monkeypatch.setattr(sources, "parse_presigned", lambda text: (taken_apart.append(text), parse_presigned(text))[1])
    with pytest.raises(OmicopyError, match="more than 1000 URLs") as told:
        find_url(" ".join(f"https://a.example/{number}" for number in range(50_000)), "it")
    assert told.value.code is ErrorCode.USAGE
    assert len(taken_apart) <= 1000
    some = " ".join(f"https://a.example/{number}" for number in range(900))
    assert find_url(f"{some} {URL}", "it").url == URL


@pytest.mark.parametrize("read", [read_url, read_source, read_plan_text])
def test_a_file_that_is_too_large_is_refused_and_never_read_in_part(tmp_path: Path, read: Callable[[str], Any]) -> None:
    """A URL that is cut leads somewhere else; so does half a plan."""
    file = tmp_path / "large.txt"
    file.write_text(" " * (1024 * 1024 - len(URL) + 20) + URL)
    with pytest.raises(OmicopyError, match="larger than 1048576 bytes") as told:
        read(str(file))
    assert told.value.code is ErrorCode.USAGE
    file.write_text(" " * (1024 * 1024 - len(URL)) + URL)
    read(str(file))


def test_a_plan_that_is_cut_inside_a_letter_is_too_large_and_not_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("é" * 600_000)
    with pytest.raises(OmicopyError, match="larger than"):
        read_plan_text(str(file))


def test_a_characters_number_that_is_none_is_told() -> None:
    """Python refuses to read so many digits."""
    with pytest.raises(OmicopyError, match="no character has") as told:
        find_url(f"{html.escape(URL)} &#{'1' * 5000};", "it")
    assert told.value.code is ErrorCode.USAGE

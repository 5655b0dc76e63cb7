"""A URL is found in whatever form it was handed over."""

from __future__ import annotations

import html
import quopri

import pytest

from omicopy.copying.sources import find_url, read_url
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

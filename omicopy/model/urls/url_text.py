"""Finds a pre-signed URL in text, and undoes what programs and mails did to it. Pure.

All functions take linear time: the text may be a stranger's mail.
"""

from __future__ import annotations

import quopri
import re
from itertools import islice

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.presigned_url import PresignedUrl, Signature, parse_presigned

_CHARACTERS = r"[^\s'\"<>`()\[\]{}|\\]"
_URL = re.compile(rf"https?://(?:\[[0-9A-Fa-f:.]{{2,45}}\])?{_CHARACTERS}+", re.IGNORECASE)
_FOLD = re.compile(rf"[ \t]{{0,9}}\\?\r?\n[ \t>|]{{0,99}}({_CHARACTERS}+)")
_MOST_LINES = 64
"""Lines over which one URL may be wrapped."""
_MOST_FOLDED = 200
"""URLs of a text that are checked for line wraps."""
_MOST_URLS = 1000
"""URLs that a text may contain. A mail has a few, and each is parsed."""
_SOFT_BREAK = re.compile(r"=\r?\n")
_BACKSLASHED = re.compile(r"(?<!\\)\\+(?:u00([2-7][0-9A-Fa-f])|x([2-7][0-9A-Fa-f])|(/))")
_ENTITY = re.compile(
    r"&(?:amp;)*(?:#0{0,4}([0-9]{2,3})|#[xX]0{0,4}([2-7][0-9A-Fa-f])|(quot|apos|lt|gt|equals|sol|colon|quest));"
    r"|&(?:amp;)+"
)
_NAMED = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "equals": "=", "sol": "/", "colon": ":", "quest": "?"}
_SIGV4 = re.compile(r"[?&]X-Amz-Signature=[0-9a-f]{64}(?:&|$)", re.IGNORECASE)
_SIGV2 = re.compile(r"[?&]Signature=(?:[A-Za-z0-9+/]|%2[BF]){27}(?:=|%3D)(?:&|$)", re.IGNORECASE)
_SIGV2_END = re.compile(r"[?&]Expires=[0-9]{10}(?:&|$)", re.IGNORECASE)
_NEEDED = {
    Signature.SIGV4: ("x-amz-credential=", "x-amz-signedheaders="),
    Signature.SIGV2: ("awsaccesskeyid=",),
    Signature.NONE: (),
}
_PUNCTUATION = ".,;:!?"


def unescaped(text: str) -> str:
    r"""The text without escapes of JSON (`\u0026`, `\/`), JavaScript (`\x26`) and HTML (`&amp;`, `&#38;`).

    Only characters of URLs and around them are unescaped, even if they were escaped several times.
    """
    text = _BACKSLASHED.sub(lambda m: m[3] or chr(int(m[1] or m[2], 16)), text)
    return _ENTITY.sub(_character, text)


def signed_urls(text: str, where: str) -> list[PresignedUrl]:
    """The signed ones of `all_urls`."""
    return [url for url in all_urls(text, where) if url.signature is not Signature.NONE]


def all_urls(text: str, where: str) -> list[PresignedUrl]:
    """Every different URL of a text: a web page, JSON, or a raw mail.

    `where` names the text. Raises USAGE for more than a thousand URLs.
    """
    if _SOFT_BREAK.search(text) and "=3D" in text:
        text = quopri.decodestring(text.encode()).decode(errors="replace")
    text = unescaped(text)
    found: dict[str, PresignedUrl] = {}
    matches = list(islice(_URL.finditer(text), _MOST_URLS + 1))
    if len(matches) > _MOST_URLS:
        hint = "Pass only the URL, or a text with few other URLs."
        raise OmicopyError(ErrorCode.USAGE, f"{where} contains more than {_MOST_URLS} URLs", hint)
    for number, match in enumerate(matches):
        whole = _unfolded(text, match) if number < _MOST_FOLDED else None
        url = _parsed((whole or match[0]).rstrip(_PUNCTUATION))
        if url is not None:
            found[url.url] = url
    return list(found.values())


def _character(entity: re.Match[str]) -> str:
    number = int(entity[1]) if entity[1] else int(entity[2], 16) if entity[2] else None
    if number is not None:
        return chr(number) if 0x20 < number < 0x7F else " "
    return _NAMED.get(entity[3] or "", "&")


def _unfolded(text: str, match: re.Match[str]) -> str | None:
    """The URL that starts at `match` and may continue on the next lines. None if no complete signed URL results."""
    url, end = match[0], match.end()
    for _ in range(_MOST_LINES):
        more = _FOLD.match(text, end)
        if _is_whole(url.rstrip(_PUNCTUATION)) and not (more and more[1].startswith("&")):
            return url
        # The next line is not part of the URL.
        if more is None or "://" in more[1]:
            return None
        url, end = url + more[1], more.end()
    return None


def _is_whole(url: str) -> bool:
    """True if the signed URL is complete, as far as its text tells."""
    parsed = _parsed(url) if _SIGV4.search(url) or (_SIGV2.search(url) and _SIGV2_END.search(url)) else None
    if parsed is None or (parsed.expires_at is None and parsed.life_seconds is None):
        return False
    return all(name in url.lower() for name in _NEEDED[parsed.signature])


def _parsed(text: str) -> PresignedUrl | None:
    """The parsed URL; None if it can't be parsed."""
    try:
        return parse_presigned(text)
    except OmicopyError:
        return None

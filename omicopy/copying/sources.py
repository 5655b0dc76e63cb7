"""What was handed over: a pre-signed URL, a manifest itself or a plan, in person, in a file or on stdin."""

from __future__ import annotations

import html
import quopri
import re
import sys
from itertools import islice
from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.presigned import PresignedUrl, Signature, parse_presigned

_PLAN_HINT = "Give a plan's file (YAML), or - for stdin; omicopy run --schema describes it."
_LONGEST_TEXT = 1024 * 1024 + 1
"""Bytes read of a file that should hold a URL or a manifest: one more than a manifest has."""
_MOST_URLS = 1000
"""That a text is searched through for: a mail has a few, and each is taken apart."""
_URL = re.compile(r"https?://[^\s'\"<>`()\[\]{}|]+")
_HTML = re.compile(r"&amp;(?=X-Amz-|Signature=|Expires=|AWSAccessKeyId=)")
_SOFT_BREAK = re.compile(r"=\r?\n")
_HINT = (
    "Give the manifest's pre-signed URL (https://…), a file that holds it, or - for stdin. The URL has to stand on one "
    "line: a mail may have wrapped it."
)


def read_url(source: str) -> PresignedUrl:
    """The URL that was given, or that stands in the file named, or on stdin for `-`: alone, or as the only signed one
    of a hand-off text. Raises USAGE."""
    found = read_source(source)
    if isinstance(found, PresignedUrl):
        return found
    raise OmicopyError(
        ErrorCode.USAGE,
        f"{_named(source)} is a manifest itself; the service that imports needs a pre-signed URL of it",
        "Put it into a bucket and sign it: omicopy url s3://BUCKET/KEY --from PROFILE",
    )


def read_source(source: str) -> PresignedUrl | bytes:
    """As `read_url`; what begins as a JSON object is returned as it is, at most one byte more than a manifest has."""
    if source.strip().lower().startswith(("http://", "https://")):
        return parse_presigned(source)
    content = _content(source)
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return content
    _check_size(content, source, _HINT)
    return find_url(_text(content), _named(source))


def read_plan_text(source: str) -> str:
    """The text of a plan's file, or of stdin for `-`. Raises USAGE."""
    content = _content(source, _PLAN_HINT)
    _check_size(content, source, _PLAN_HINT)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OmicopyError(ErrorCode.USAGE, f"{_named(source)} is no text in UTF-8", _PLAN_HINT) from None


def find_url(text: str, where: str) -> PresignedUrl:
    """The only URL of a text, or the only one that is signed; also of a web page or of a mail as it is sent. Raises
    USAGE."""
    if _SOFT_BREAK.search(text) and "=3D" in text:
        text = quopri.decodestring(text.encode()).decode(errors="replace")
    text = _unescaped(text, where) if _HTML.search(text) else text
    if text.strip().startswith(("http://", "https://")) and len(text.split()) == 1:
        return parse_presigned(text.rstrip("\r\n\t .,;"))
    matches = [match[0].rstrip(".,;:!?") for match in islice(_URL.finditer(text), _MOST_URLS + 1)]
    if len(matches) > _MOST_URLS:
        raise OmicopyError(ErrorCode.USAGE, f"{where} holds more than {_MOST_URLS} URLs", _HINT)
    urls = {url.url: url for match in matches if (url := _parsed(match))}
    signed = {found: url for found, url in urls.items() if url.signature is not Signature.NONE}
    candidates = list((signed or urls).values())
    if len(candidates) == 1:
        return candidates[0]
    count = "holds no URL" if not candidates else f"holds {len(candidates)} different URLs"
    raise OmicopyError(ErrorCode.USAGE, f"{where} {count}", _HINT)


def _unescaped(text: str, where: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # of thousands of digits
        message = f"{where} holds a character's number that no character has"
        raise OmicopyError(ErrorCode.USAGE, message, _HINT) from None


def _parsed(text: str) -> PresignedUrl | None:
    """What stands beside the URL that was handed over may be any other."""
    try:
        return parse_presigned(text)
    except OmicopyError:
        return None


def _text(content: bytes) -> str:
    """Windows writes UTF-16, and marks before UTF-8."""
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")


def _check_size(content: bytes, source: str, hint: str) -> None:
    """What was cut off may have been the end of a URL, or half a plan."""
    if len(content) == _LONGEST_TEXT:
        message = f"{_named(source)} is larger than {_LONGEST_TEXT - 1} bytes, the most that is read"
        raise OmicopyError(ErrorCode.USAGE, message, hint)


def _content(source: str, hint: str = "") -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(_LONGEST_TEXT)
    try:
        with Path(source).open("rb") as file:
            return file.read(_LONGEST_TEXT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name can't be one"
        what = "no file" if hint else "neither a URL nor a file"
        raise OmicopyError(ErrorCode.USAGE, f"{source!r} is {what} that can be read: {reason}", hint or _HINT) from None


def _named(source: str) -> str:
    return "stdin" if source == "-" else repr(source)

"""Reads what the user gives: a pre-signed URL, a manifest or a plan; as an argument, from a file or from stdin."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.presigned_url import PresignedUrl, Signature, parse_presigned
from omicopy.model.urls.url_text import all_urls, signed_urls, unescaped

_PLAN_HINT = "Give a plan's file (YAML), or - for stdin; omicopy run --schema describes it."
_LONGEST_TEXT = 1024 * 1024 + 1
"""Bytes to read at most: one more than the limit, so that longer input is noticed."""
_MANIFEST_KEY = re.compile(r'"(?:Version|Image|Snapshots|PreSignedUrl)"\s{0,99}:')
_HINT = (
    "Give the manifest's pre-signed URL (https://…), a file that contains it, or - for stdin. Put the URL alone on one "
    "line: a mail program may have wrapped it."
)


def read_url(source: str) -> PresignedUrl:
    """Returns the URL: `source` itself, or the only signed URL in the file `source`, or on stdin for `-`.

    Raises USAGE.
    """
    found = read_source(source)
    if isinstance(found, PresignedUrl):
        return found
    if not _is_manifest(_text(found)):
        raise OmicopyError(ErrorCode.USAGE, f"{_named(source)} is JSON without a signed URL", _HINT)
    message = f"{_named(source)} is a manifest itself, but the import needs a pre-signed URL of it"
    hint = "Upload it to a bucket, then sign it: omicopy url s3://BUCKET/KEY --from PROFILE"
    raise OmicopyError(ErrorCode.USAGE, message, hint)


def read_source(source: str) -> PresignedUrl | bytes:
    """Like `read_url`, but returns JSON that is a manifest or contains no signed URL as bytes, at most
    `_LONGEST_TEXT`."""
    # Pasted from mails and chats, a URL often has quotes or angle brackets around it.
    given = unescaped(source).strip().strip("<>\"'`")
    if given.lower().startswith(("http://", "https://")):
        return parse_presigned(given)
    content = _content(source)
    text = _text(content)
    is_json = text.lstrip("\ufeff \t\r\n").startswith("{")
    if is_json and (_is_manifest(text) or not signed_urls(text, _named(source))):
        return content
    _check_size(content, source, _HINT)
    return find_url(text, _named(source))


def _is_manifest(text: str) -> bool:
    """True if the JSON looks like a manifest: valid JSON by its two top keys, broken JSON by any key of manifests."""
    try:
        document = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return _MANIFEST_KEY.search(text) is not None
    return isinstance(document, dict) and not {"Version", "Image"}.isdisjoint(document)


def read_plan_text(source: str) -> str:
    """Returns the text of a plan's file, or of stdin for `-`. Raises USAGE."""
    content = _content(source, _PLAN_HINT)
    _check_size(content, source, _PLAN_HINT)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OmicopyError(ErrorCode.USAGE, f"{_named(source)} isn't text in UTF-8", _PLAN_HINT) from None


def find_url(text: str, where: str) -> PresignedUrl:
    """Returns the only URL in a text, or the only signed one; see `all_urls`. Raises USAGE."""
    alone = unescaped(text).strip()
    if alone.lower().startswith(("http://", "https://")) and len(alone.split()) == 1:
        return parse_presigned(alone.rstrip(".,;"))
    urls = all_urls(text, where)
    # A mail may contain other links, for example in its signature.
    candidates = [url for url in urls if url.signature is not Signature.NONE] or urls
    if len(candidates) == 1:
        return candidates[0]
    count = "contains no URL" if not candidates else f"contains {len(candidates)} different URLs"
    raise OmicopyError(ErrorCode.USAGE, f"{where} {count}", _HINT)


def _text(content: bytes) -> str:
    """Decodes UTF-8 and UTF-16, without the mark at the start. Never raises."""
    # PowerShell's `>` writes UTF-16, and Notepad puts a mark before UTF-8.
    is_wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    return content.decode("utf-16" if is_wide else "utf-8-sig", errors="replace")


def _check_size(content: bytes, source: str, hint: str) -> None:
    """Raises USAGE if the content was cut: the rest may have been the end of a URL, or half a plan."""
    if len(content) == _LONGEST_TEXT:
        message = f"{_named(source)} is larger than {_LONGEST_TEXT - 1} bytes, the limit for input"
        raise OmicopyError(ErrorCode.USAGE, message, hint)


def _content(source: str, hint: str = "") -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(_LONGEST_TEXT)
    try:
        with Path(source).open("rb") as file:
            return file.read(_LONGEST_TEXT)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it can't be the name of a file"
        what = "is not a readable file" if hint else "is neither a URL nor a readable file"
        raise OmicopyError(ErrorCode.USAGE, f"{source!r} {what}: {reason}", hint or _HINT) from None


def _named(source: str) -> str:
    return "stdin" if source == "-" else repr(source)

"""What was handed over: a pre-signed URL, a manifest itself or a plan, in person, in a file or on stdin."""

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
"""Bytes read of a file that should hold a URL or a manifest: one more than a manifest has."""
_MANIFEST_KEY = re.compile(r'"(?:Version|Image|Snapshots|PreSignedUrl)"\s{0,99}:')
_HINT = (
    "Give the manifest's pre-signed URL (https://…), a file that holds it, or - for stdin. Best it stands alone on one "
    "line: a mail may have wrapped it."
)


def read_url(source: str) -> PresignedUrl:
    """The URL that was given, or that stands in the file named, or on stdin for `-`: alone, or as the only signed one
    of a hand-off text. Raises USAGE."""
    found = read_source(source)
    if isinstance(found, PresignedUrl):
        return found
    if not _is_manifest(_text(found)):
        raise OmicopyError(ErrorCode.USAGE, f"{_named(source)} is JSON that holds no signed URL", _HINT)
    message = f"{_named(source)} is a manifest itself; the service that imports needs a pre-signed URL of it"
    hint = "Put it into a bucket and sign it: omicopy url s3://BUCKET/KEY --from PROFILE"
    raise OmicopyError(ErrorCode.USAGE, message, hint)


def read_source(source: str) -> PresignedUrl | bytes:
    """As `read_url`; JSON that is a manifest, or holds no signed URL, is returned as it is, at most one byte more than
    a manifest has."""
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
    """Whether JSON wants to be a manifest: whole JSON by its two keys, other by any key that only manifests have."""
    try:
        document = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return _MANIFEST_KEY.search(text) is not None
    return isinstance(document, dict) and not {"Version", "Image"}.isdisjoint(document)


def read_plan_text(source: str) -> str:
    """The text of a plan's file, or of stdin for `-`. Raises USAGE."""
    content = _content(source, _PLAN_HINT)
    _check_size(content, source, _PLAN_HINT)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise OmicopyError(ErrorCode.USAGE, f"{_named(source)} is no text in UTF-8", _PLAN_HINT) from None


def find_url(text: str, where: str) -> PresignedUrl:
    """The only URL of a text, or the only one that is signed; see `all_urls`. Raises USAGE."""
    alone = unescaped(text).strip()
    if alone.lower().startswith(("http://", "https://")) and len(alone.split()) == 1:
        return parse_presigned(alone.rstrip(".,;"))
    urls = all_urls(text, where)
    candidates = [url for url in urls if url.signature is not Signature.NONE] or urls
    if len(candidates) == 1:
        return candidates[0]
    count = "holds no URL" if not candidates else f"holds {len(candidates)} different URLs"
    raise OmicopyError(ErrorCode.USAGE, f"{where} {count}", _HINT)


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

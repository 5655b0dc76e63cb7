"""The size of an object, from the answer to a request for its first byte."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(r"[0-9]{1,19}")
_PART = re.compile(r"bytes 0-([0-9]{1,19})/([0-9]{1,19})", re.IGNORECASE)
_EMPTY = re.compile(r"bytes \*/0{1,19}", re.IGNORECASE)


def object_size(status: int, headers: Mapping[str, str]) -> int | None:
    """Bytes of the whole object. None if the answer doesn't say it, or contradicts itself.

    A plausible total in `Content-Range` counts for any status: proxies may answer a partial request with 200.
    """
    content_range, length = headers.get("Content-Range", ""), _number(headers.get("Content-Length", ""))
    if status == 416:  # only an empty object has no first byte
        return 0 if not content_range or _EMPTY.fullmatch(content_range) else None
    part = _PART.fullmatch(content_range)
    if part:
        last, total = int(part[1]), int(part[2])
        if last < total and length in (None, last + 1):
            return total
    return length if status == 200 else None


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None

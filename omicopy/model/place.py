"""Where an export is put: the rules for a bucket's name and for a prefix."""

from __future__ import annotations

import re

from omicopy.errors import ErrorCode, OmicopyError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def check_bucket(bucket: str) -> str:
    """The bucket's name itself when OOS would take it (DOMAIN.md §4); raises USAGE."""
    if _BUCKET.fullmatch(bucket):
        return bucket
    raise OmicopyError(
        ErrorCode.USAGE,
        f"{bucket!r} is no bucket name",
        "A bucket's name has 3 to 63 characters of a-z, 0-9 and '-'; give the name alone, without s3:// or a path.",
    )


def check_prefix(prefix: str) -> str:
    """The prefix itself when a URL can lead to what lies under it; raises USAGE, before an export of hours fails."""
    if prefix.isprintable() and {".", ".."}.isdisjoint(prefix.split("/")):
        return prefix
    raise OmicopyError(
        ErrorCode.USAGE,
        f"{prefix!r} is no usable prefix",
        "A prefix may hold slashes, but neither '.' or '..' between them nor control characters.",
    )

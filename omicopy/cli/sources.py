"""What SOURCE may be: an `s3://` location, an export task, an image, or a URL in person, in a file or on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.presigned import PresignedUrl, parse_presigned

_LONGEST_URL = 64 * 1024
"""Characters read of a file that should hold one URL."""


def read_url(source: str) -> PresignedUrl:
    """The URL that was given, or that stands in the file named, or on stdin for `-`. Raises USAGE."""
    if source.startswith(("http://", "https://")):
        return parse_presigned(source)
    if source == "-":
        text = sys.stdin.read(_LONGEST_URL)
    else:
        try:
            with Path(source).open(encoding="utf-8") as file:
                text = file.read(_LONGEST_URL)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise OmicopyError(
                ErrorCode.USAGE,
                f"{source!r} is neither a URL nor a file that can be read: {reason}",
                "Give the manifest's pre-signed URL (https://…), a file that holds it, or - for stdin.",
            ) from None
    return parse_presigned(text)


def split_s3(location: str) -> tuple[str, str]:
    """Bucket and key of `s3://BUCKET/KEY`. Raises USAGE."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if bucket and key:
        return bucket, key
    raise OmicopyError(ErrorCode.USAGE, f"{location!r} names no object", "Write s3://BUCKET/KEY.")


def split_bucket(location: str) -> str:
    """The bucket of `s3://BUCKET`. Raises USAGE."""
    bucket = location.removeprefix("s3://").removesuffix("/")
    if location.startswith("s3://") and bucket and "/" not in bucket:
        return bucket
    raise OmicopyError(ErrorCode.USAGE, f"{location!r} names no bucket", "Write s3://BUCKET.")

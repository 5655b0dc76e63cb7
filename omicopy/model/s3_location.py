"""Places in object storage: `s3://…` taken apart, and the rules for a bucket's name and for a prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.text import check_text

LONGEST_KEY = 915
"""Bytes of a key (DOMAIN.md §4)."""
_LONGEST_PREFIX = LONGEST_KEY - len("/ami-12345678/manifest.resigned-20260101T000000Z.json")
"""No key under it is longer than that of a manifest with new signatures."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class S3Folder:
    """A folder of a bucket. `path` ends with a slash; it is empty for the whole bucket."""

    bucket: str
    path: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.path}"


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object in a bucket, whether or not there is one."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_folder(self) -> bool:
        """Whether it is written as a folder is, or as the bucket."""
        return self.key == self.folder.path

    @property
    def folder(self) -> S3Folder:
        return S3Folder(self.bucket, self.key[: self.key.rfind("/") + 1])

    def with_key(self, key: str) -> S3Object:
        """Another object of the same bucket."""
        return replace(self, key=key)


def check_bucket(bucket: str) -> str:
    """The bucket's name itself when OOS would take it (DOMAIN.md §4); raises USAGE."""
    if _BUCKET.fullmatch(bucket):
        return bucket
    raise OmicopyError(
        ErrorCode.USAGE,
        f"{bucket!a} is no bucket name",
        "A bucket's name has 3 to 63 characters of a-z, 0-9 and '-'; give the name alone, without s3:// or a path.",
    )


def check_prefix(prefix: str) -> str:
    """The prefix itself when a URL can lead to what lies under it; raises USAGE, before an export of hours fails."""
    if (length := len(check_text(prefix).encode())) > _LONGEST_PREFIX:
        message = f"The prefix that begins {prefix[:20]!r} has {length} bytes: keys under it could pass {LONGEST_KEY}"
        raise OmicopyError(ErrorCode.USAGE, message, f"Take one of at most {_LONGEST_PREFIX} bytes.")
    if {".", ".."}.isdisjoint(prefix.split("/")):
        return prefix
    hint = "A prefix may hold slashes, but neither '.' nor '..' between them."
    raise OmicopyError(ErrorCode.USAGE, f"{prefix!r} is no usable prefix", hint)


def is_too_long(key: str) -> bool:
    """Whether object storage refuses a key for its length."""
    return len(key.encode(errors="surrogatepass")) > LONGEST_KEY


def check_own_key(key: str) -> str:
    """The key itself when we can put an object there; raises USAGE, before anything is sent."""
    if not is_too_long(key):
        return key
    length = len(key.encode(errors="surrogatepass"))
    message = f"Nothing can be put at the key that begins {key[:20]!r}: it has {length} bytes, more than {LONGEST_KEY}"
    raise OmicopyError(ErrorCode.USAGE, message, "Use a shorter prefix or name.")


def parse_s3_object(location: str) -> S3Object:
    """The object that `s3://BUCKET/KEY` names; the key of `s3://BUCKET/` is empty. Raises USAGE."""
    bucket, slash, key = location.removeprefix("s3://").partition("/")
    if not location.isprintable():  # also what is no UTF-8; no URL of ours could carry it
        message = f"{location!a} holds characters that a pre-signed URL can't name"
        raise OmicopyError(ErrorCode.USAGE, message, "Rename the object.")
    if not {".", ".."}.isdisjoint(key.split("/")):
        hint = "Give the key without '.' and '..' between its slashes: what fetches a URL takes them out."
        raise OmicopyError(ErrorCode.USAGE, f"No URL can lead to {location!r}", hint)
    if location.startswith("s3://") and bucket and slash:
        return S3Object(bucket, key)
    raise OmicopyError(ErrorCode.USAGE, f"{location!r} names no object", "Write s3://BUCKET/KEY.")


def parse_s3_bucket(location: str) -> str:
    """The bucket of `s3://BUCKET`, by the rules of names. Raises USAGE."""
    bucket, prefix = _bucket_and_prefix(location)
    if prefix:
        raise OmicopyError(ErrorCode.USAGE, f"{location!r} names more than a bucket", "Write s3://BUCKET.")
    return bucket


def parse_s3_folder(location: str) -> S3Folder:
    """The folder that `s3://BUCKET/PREFIX` names, with or without slashes around the prefix. Raises USAGE."""
    bucket, prefix = _bucket_and_prefix(location)
    path = prefix.strip("/")
    return S3Folder(bucket, f"{path}/" if path else "")


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    """Checked by the rules of both; the prefix may be empty."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    if location.startswith("s3://") and bucket:
        with named(ascii(location)):
            return check_bucket(bucket), check_prefix(prefix)
    raise OmicopyError(ErrorCode.USAGE, f"{location!r} names no bucket", "Write s3://BUCKET or s3://BUCKET/PREFIX.")

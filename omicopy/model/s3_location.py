"""Locations in object storage: parsing `s3://…`, and the rules for bucket names, prefixes and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.text import check_text

LONGEST_KEY = 915
"""Longest key in bytes (DOMAIN.md §4)."""
_LONGEST_PREFIX = LONGEST_KEY - len("/ami-12345678/manifest.resigned-20260101T000000Z.json")
"""With such a prefix, the longest key that we write (a re-signed manifest) still fits."""
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
    """A location in a bucket; the object need not exist."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_folder(self) -> bool:
        """True if it ends with a slash, or names the bucket alone."""
        return self.key == self.folder.path

    @property
    def folder(self) -> S3Folder:
        return S3Folder(self.bucket, self.key[: self.key.rfind("/") + 1])

    def with_key(self, key: str) -> S3Object:
        """Another object of the same bucket."""
        return replace(self, key=key)


def check_bucket(bucket: str) -> str:
    """Returns the name if OOS accepts it (DOMAIN.md §4); raises USAGE."""
    if _BUCKET.fullmatch(bucket):
        return bucket
    hint = "A bucket's name has 3 to 63 characters of a-z, 0-9 and '-'. Give only the name, without s3:// or a path."
    raise OmicopyError(ErrorCode.USAGE, f"{bucket!a} is not a bucket name", hint)


def check_prefix(prefix: str) -> str:
    """Returns the prefix if URLs can point to objects under it; raises USAGE.

    Checked early, because otherwise an export of hours would fail at its end.
    """
    if (length := len(check_text(prefix).encode())) > _LONGEST_PREFIX:
        message = f"The prefix {prefix[:20]!r}… has {length} bytes: keys under it could exceed {LONGEST_KEY}"
        raise OmicopyError(ErrorCode.USAGE, message, f"Use at most {_LONGEST_PREFIX} bytes.")
    if {".", ".."}.isdisjoint(prefix.split("/")):
        return prefix
    hint = "A prefix may contain slashes, but not '.' or '..' between them."
    raise OmicopyError(ErrorCode.USAGE, f"{prefix!r} is not a usable prefix", hint)


def is_too_long(key: str) -> bool:
    """True if object storage refuses the key for its length."""
    return len(key.encode(errors="surrogatepass")) > LONGEST_KEY


def check_own_key(key: str) -> str:
    """Returns the key if we can write an object there; raises USAGE before anything is sent."""
    if not is_too_long(key):
        return key
    length = len(key.encode(errors="surrogatepass"))
    message = f"The key {key[:20]!r}… is too long: it has {length} bytes, and {LONGEST_KEY} are allowed"
    raise OmicopyError(ErrorCode.USAGE, message, "Use a shorter prefix or name.")


def parse_s3_object(location: str) -> S3Object:
    """The object of `s3://BUCKET/KEY`; the key of `s3://BUCKET/` is empty. Raises USAGE."""
    bucket, slash, key = location.removeprefix("s3://").partition("/")
    if not location.isprintable():  # includes text that is not UTF-8; our URLs can't contain it
        message = f"{location!a} contains characters that a pre-signed URL can't contain"
        raise OmicopyError(ErrorCode.USAGE, message, "Rename the object.")
    if not {".", ".."}.isdisjoint(key.split("/")):
        hint = "Use a key without '.' and '..' between slashes: programs that fetch a URL remove them."
        raise OmicopyError(ErrorCode.USAGE, f"No URL can point to {location!r}", hint)
    if location.startswith("s3://") and bucket and slash:
        return S3Object(bucket, key)
    raise OmicopyError(
        ErrorCode.USAGE, f"{location!r} is not the s3:// location of an object", "Write s3://BUCKET/KEY."
    )


def parse_s3_bucket(location: str) -> str:
    """The bucket of `s3://BUCKET`, checked. Raises USAGE."""
    bucket, prefix = _bucket_and_prefix(location)
    if prefix:
        raise OmicopyError(ErrorCode.USAGE, f"{location!r} is more than a bucket", "Write s3://BUCKET.")
    return bucket


def parse_s3_folder(location: str) -> S3Folder:
    """The folder of `s3://BUCKET/PREFIX`, with or without slashes around the prefix. Raises USAGE."""
    bucket, prefix = _bucket_and_prefix(location)
    path = prefix.strip("/")
    return S3Folder(bucket, f"{path}/" if path else "")


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    """Bucket and prefix, both checked; the prefix may be empty."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    if location.startswith("s3://") and bucket:
        with named(ascii(location)):
            return check_bucket(bucket), check_prefix(prefix)
    message = f"{location!r} is not the s3:// location of a bucket"
    raise OmicopyError(ErrorCode.USAGE, message, "Write s3://BUCKET or s3://BUCKET/PREFIX.")

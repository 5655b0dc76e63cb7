"""Divides the work of a plan between machines that don't communicate: each image belongs to one shard."""

from __future__ import annotations

import hashlib
import re

from omicopy.errors import ErrorCode, OmicopyError

Shard = tuple[int, int]
"""Index (from 0) and number of shards."""


def parse_shard(text: str) -> Shard:
    """The shard from `I/N`. Raises USAGE."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if found and int(found[1]) < int(found[2]):
        return int(found[1]), int(found[2])
    raise OmicopyError(ErrorCode.USAGE, f"{text!r} is not a shard", "Write I/N with I from 0 to N-1: 0/3, 1/3, 2/3.")


def check_shard(shard: Shard) -> Shard:
    """Returns the shard if it is valid; raises USAGE."""
    index, count = shard
    return parse_shard(f"{index}/{count}")


def shard_of(account_id: str, image_id: str, count: int) -> int:
    """The index of the shard that exports this image and creates all its copies.

    The formula never changes: SHA-256 of `ACCOUNT/IMAGE`, as one big-endian number, modulo `count`.
    """
    digest = hashlib.sha256(f"{account_id}/{image_id}".encode()).digest()
    return int.from_bytes(digest) % count

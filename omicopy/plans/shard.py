"""Which of several machines an image belongs to, so that they share a plan's work without talking to each other."""

from __future__ import annotations

import hashlib
import re

from omicopy.errors import ErrorCode, OmicopyError

Shard = tuple[int, int]
"""Which one, from 0, and of how many."""


def parse_shard(text: str) -> Shard:
    """The shard in `I/N`. Raises USAGE."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if found and int(found[1]) < int(found[2]):
        return int(found[1]), int(found[2])
    raise OmicopyError(
        ErrorCode.USAGE, f"{text!r} is no shard", "Write I/N, where I goes from 0 to N-1: 0/3, 1/3, 2/3."
    )


def check_shard(shard: Shard) -> Shard:
    """The shard itself when there is such a one; raises USAGE."""
    index, count = shard
    return parse_shard(f"{index}/{count}")


def shard_of(account_id: str, image_id: str, count: int) -> int:
    """The number of the shard, of `count`, that exports this image of this account and makes all its copies.

    It stays the same for ever: SHA-256 of `ACCOUNT/IMAGE`, as one big-endian number, modulo `count`.
    """
    digest = hashlib.sha256(f"{account_id}/{image_id}".encode()).digest()
    return int.from_bytes(digest) % count

"""An account's quotas: those that bound what runs at once, and those that are room (DOMAIN.md §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omicopy.model import answers


class Counted(Enum):
    """What a quota counts, as far as it matters to a copy, and the quota's name. Where a service has none of that name,
    it is known by words: it has to have one of the first, and none of the rest."""

    EXPORTS = ("exports in flight", "image_export_limit", {"export", "exports"}, {"snapshot", "snapshots"})
    COPIES = ("copies in flight", "image_copy_limit", {"copy", "copies"}, {"snapshot", "snapshots"})
    SNAPSHOTS = (
        "snapshots",
        "snapshot_limit",
        {"snapshot", "snapshots"},
        {"export", "exports", "copy", "copies"},
    )
    VOLUME_GIB = ("GiB of volumes", "volume_size_limit", set[str](), set[str]())

    def __init__(self, word: str, quota: str, needed: set[str], forbidden: set[str]) -> None:
        self.word = word
        self.quota = quota
        self.needed = needed
        self.forbidden = forbidden


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit and how much of it is used; `most` None means that there is no limit."""

    name: str
    text: str
    most: int | None
    used: int | None

    @property
    def free(self) -> int | None:
        """None: no limit, or not known."""
        return None if self.most is None or self.used is None else max(0, self.most - self.used)

    def counts(self, what: Counted) -> bool:
        words = set(re.findall(r"[a-z]+", self.text.lower()))
        return not words.isdisjoint(what.needed) and words.isdisjoint(what.forbidden)


def parse_quotas(kind: Mapping[str, Any]) -> list[Quota]:
    """The quotas of one item of `QuotaTypes`, where they are of the whole account; those of one resource are left out.

    Raises Unreadable: a limit that is not told is not "no limit".
    """
    quotas = [_quota(item) for item in answers.listed_if_any(kind, "Quotas")]
    return quotas if answers.optional(kind, "QuotaType") in ("global", "") else []


def tightest(quotas: Sequence[Quota], what: Counted) -> Quota | None:
    """Of the quotas that count `what` the one with the least room; None without one."""
    named = [quota for quota in quotas if quota.name == what.quota]
    found = named or [quota for quota in quotas if quota.counts(what)]
    return min(found, key=lambda quota: (quota.free is None, quota.free or 0), default=None)


def _quota(raw: Mapping[str, Any]) -> Quota:
    name, most = answers.required(raw, "Name"), answers.integer(raw, "MaxValue")
    if most is None:
        raise answers.Unreadable(f"the quota {name} has no MaxValue")
    words = [name, *(answers.text(raw, key) or "" for key in ("ShortDescription", "Description"))]
    return Quota(name, " ".join(words), most or None, answers.integer(raw, "UsedValue"))

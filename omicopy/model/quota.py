"""An account's quotas. The names of those that matter here are not documented: they are known by their words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from omicopy.model import answers


class Counted(Enum):
    """What a quota counts, as far as it matters to a copy: words of which it has to have one, and none of the rest."""

    EXPORTS = ("exports in flight", {"export", "exports"}, {"snapshot", "snapshots"})
    IMAGES = ("images", {"image", "images", "omi", "omis"}, {"export", "exports"})
    SNAPSHOTS = ("snapshots", {"snapshot", "snapshots"}, {"export", "exports"})

    def __init__(self, word: str, needed: set[str], forbidden: set[str]) -> None:
        self.word = word
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
    found = [quota for quota in quotas if quota.counts(what)]
    return min(found, key=lambda quota: (quota.free is None, quota.free or 0), default=None)


def _quota(raw: Mapping[str, Any]) -> Quota:
    name, most = answers.required(raw, "Name"), answers.integer(raw, "MaxValue")
    if most is None:
        raise answers.Unreadable(f"the quota {name} has no MaxValue")
    words = [name, *(answers.text(raw, key) or "" for key in ("ShortDescription", "Description"))]
    return Quota(name, " ".join(words), most or None, answers.integer(raw, "UsedValue"))

"""Retention: which copies and exports to delete. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.model.units import format_duration
from omicopy.plans.model import Retention


@dataclass(frozen=True, slots=True)
class Item:
    """A copy or an export. `created` is its source image's creation time; items with equal `group` are counted
    together."""

    group: Hashable
    created: datetime | None
    is_good: bool
    """False if it is incomplete: then it is neither counted nor deleted."""
    tie: str = ""
    """Orders items of the same time; the greater one counts as later."""


@dataclass(frozen=True, slots=True)
class Verdict:
    delete: bool
    why: str


def apply_retention(items: Sequence[Item], retention: Retention, now: datetime) -> list[Verdict]:
    """Returns the verdict for each item, in order. Either rule keeps an item; the newest good one of a group stays."""
    groups: dict[Hashable, list[Item]] = defaultdict(list)
    for item in items:
        if item.is_good and item.created is not None:
            groups[item.group].append(item)
    for group in groups.values():
        group.sort(key=lambda item: (item.created, item.tie), reverse=True)
    return [_verdict(item, groups[item.group], retention, now) for item in items]


def _verdict(item: Item, group: Sequence[Item], retention: Retention, now: datetime) -> Verdict:
    last, within = retention.keep_last, retention.keep_within
    if not item.is_good:
        return Verdict(False, "it is incomplete")
    if item.created is None:
        return Verdict(False, "its source's creation time is unknown")
    rank = next(index for index, other in enumerate(group) if other is item)
    if rank == 0:
        return Verdict(False, "the latest one")
    if last is not None and rank < last:
        return Verdict(False, f"one of the latest {last}")
    if within is not None and now - item.created <= within:
        return Verdict(False, f"its source is not older than {format_duration(within)}")
    reasons = [f"not one of the latest {last}"] if last is not None else []
    reasons += [f"its source is older than {format_duration(within)}"] if within is not None else []
    return Verdict(bool(reasons), " and ".join(reasons) or "no rule deletes it")


def name_pattern(name: str, image_id: str = "") -> str:
    """Returns the name without numbers (dates, versions) and without the source image's ID at its end: images of one
    kind share it."""
    bare = name.removesuffix(f"-{image_id}") if image_id else name
    return re.sub(r"[0-9]+", "#", bare)

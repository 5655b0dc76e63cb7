"""When to poll next: soon after progress, then less and less often; if progress predicts the end, then."""

from __future__ import annotations

import random
from dataclasses import dataclass

from omicopy.model.request import Budgets

PATIENCE = 1 / 8
"""Interval as a share of the time since the last progress: so the end is noticed late by about this share."""
JITTER = 0.2
STRETCH = 10
"""How many times the longest interval a poll may wait when progress is known: ten minutes by default."""


@dataclass(slots=True)
class ProgressEstimate:
    """Estimates when a task ends from its progress in percent. Times are ticks.

    Uses the faster of two rates, since the first change and of the last one, so that the end is rather estimated too
    early. Progress that decreases starts again. There is no estimate if progress stops for twice as long as one percent
    should take, or reaches 100 without an end.
    """

    _first: tuple[float, int] | None = None
    """When the first percentage was last seen."""
    _last: tuple[float, int] | None = None
    """When the latest percentage was first seen."""
    _rate: float = 0.0
    """Percent per second."""
    _seen: float | None = None
    """Time of the last read."""

    def learn(self, ticks: float, progress: int | None) -> None:
        """Records a progress value; only the first one of each moment counts."""
        if self._seen == ticks:
            return
        self._seen = ticks
        if progress is None or self._first is None or self._last is None or progress < self._last[1]:
            self._first = self._last = None if progress is None else (ticks, progress)
            self._rate = 0.0
        elif progress > self._last[1]:
            self._rate = max((progress - was) / (ticks - since) for since, was in (self._first, self._last))
            self._last = (ticks, progress)
        elif not self._rate:
            self._first = self._last = (ticks, progress)

    def left(self, ticks: float) -> float | None:
        """Seconds until the end; None if unknown."""
        if self._last is None or not self._rate:
            return None
        since, progress = self._last
        left = (100 - progress) / self._rate - (ticks - since)
        return left if left > 0 and (ticks - since) * self._rate <= 2 else None


def poll_interval(since_moved: float, left: float | None, budgets: Budgets) -> float:
    """Seconds until the next poll.

    `since_moved` is the time since the last progress, `left` the time until the soonest estimated end; None if any is
    unknown.
    """
    shortest, longest = budgets.poll_min.total_seconds(), budgets.poll_max.total_seconds()
    if left is None:
        spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
        return min(max(since_moved * PATIENCE, shortest), longest) * spread
    halfway = min(left / 2, since_moved / 2, STRETCH * longest)
    return max(halfway, min(left, shortest), shortest / 5)

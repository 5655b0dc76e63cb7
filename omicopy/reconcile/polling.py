"""When to look again: soon after something moved, then ever less often; and where progress tells the end, by that."""

from __future__ import annotations

import random
from dataclasses import dataclass

from omicopy.model.request import Budgets

PATIENCE = 1 / 8
"""Of the time since something moved that a pause lasts: an end is learned of later by no more than about that share."""
JITTER = 0.2
STRETCH = 10
"""How many of the longest pauses one may last that progress allows: ten minutes, unless other pauses were asked for."""


@dataclass(slots=True)
class ProgressEstimate:
    """When a task will end, told by its progress in percent while that moves. Times are ticks.

    The quicker of two rates counts, that since the first move and that of the last one, so that the end comes rather
    later than it was expected. Progress that goes back begins anew; where it stands still for twice as long as one
    percent should take, or arrives without an end, nothing is foretold.
    """

    _first: tuple[float, int] | None = None
    """When the first percentage was seen for the last time."""
    _last: tuple[float, int] | None = None
    """When the latest one was seen for the first time."""
    _rate: float = 0.0
    """Percent a second."""
    _seen: float | None = None
    """The last look."""

    def learn(self, ticks: float, progress: int | None) -> None:
        """Once a look: what else is told of the same moment, as another profile of the account may, changes nothing."""
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
        """Seconds until the end, or None where nothing tells it."""
        if self._last is None or not self._rate:
            return None
        since, progress = self._last
        left = (100 - progress) / self._rate - (ticks - since)
        return left if left > 0 and (ticks - since) * self._rate <= 2 else None


def poll_interval(since_moved: float, left: float | None, budgets: Budgets) -> float:
    """Seconds until the next look. `since_moved`: how long ago something moved; `left`: until the soonest end, where
    all that is waited for is foretold."""
    shortest, longest = budgets.poll_min.total_seconds(), budgets.poll_max.total_seconds()
    if left is None:
        spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  no secret
        return min(max(since_moved * PATIENCE, shortest), longest) * spread
    halfway = min(left / 2, since_moved / 2, STRETCH * longest)
    return max(halfway, min(left, shortest), shortest / 5)

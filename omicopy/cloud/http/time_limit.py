"""How long one whole answer may take: the lesser of --http-timeout and what is left of --deadline (R12)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class TimeLimit:
    """One command's time. A whole answer is everything from connecting to the last byte of its body."""

    longest: float = 60.0
    """Seconds for one whole answer."""
    ends: float = math.inf
    """The moment of `ticks` at which the command's own time is over."""
    ticks: Callable[[], float] = time.monotonic

    @property
    def left(self) -> float:
        """Seconds until the command's own time is over; never negative."""
        return max(0.0, self.ends - self.ticks())

    @property
    def seconds(self) -> float:
        """Seconds for the whole answer to a request that begins now; 0 when no time is left for one."""
        return min(self.longest, self.left)

    @contextmanager
    def until(self, ends: float) -> Iterator[None]:
        """Meanwhile the command's own time is over at that moment of `ticks`, or before, as it would be anyway."""
        before, self.ends = self.ends, min(self.ends, ends)
        try:
            yield
        finally:
            self.ends = before

    def due(self) -> float:
        """The moment of `ticks` by which the answer to a request that begins now must be complete."""
        return self.ticks() + self.seconds

"""The time limit of one answer: the smaller of --http-timeout and what is left of --deadline (R12)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class TimeLimit:
    """The time limits of one command. An answer lasts from connecting to the last byte of its body."""

    longest: float = 60.0
    """Seconds for one answer."""
    ends: float = math.inf
    """The moment of `ticks` at which the command is out of time."""
    ticks: Callable[[], float] = time.monotonic

    @property
    def left(self) -> float:
        """Seconds until the command is out of time; never negative."""
        return max(0.0, self.ends - self.ticks())

    @property
    def seconds(self) -> float:
        """Seconds for the answer to a request sent now; 0 if no time is left."""
        return min(self.longest, self.left)

    @contextmanager
    def until(self, ends: float) -> Iterator[None]:
        """Inside it, the command is out of time at `ends` of `ticks`, or earlier if it already was limited."""
        before, self.ends = self.ends, min(self.ends, ends)
        try:
            yield
        finally:
            self.ends = before

    def due(self) -> float:
        """The moment of `ticks` by which the answer to a request sent now must be complete."""
        return self.ticks() + self.seconds

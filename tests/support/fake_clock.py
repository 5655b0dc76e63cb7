"""A clock for tests of pauses."""

from __future__ import annotations

from omicopy.cloud.retry import Pace


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.ticks = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ticks += seconds

    def pace(self) -> Pace:
        return Pace(lambda: self.ticks, self.sleep)

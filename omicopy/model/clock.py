"""The clock as a parameter, so that tests can run hours of virtual time in a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` is for expiry times, `ticks` (monotonic seconds) for durations: the wall clock may be set while we run."""

    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def now(self) -> Timestamp:
        return Timestamp(self.wall(), self.ticks())


@dataclass(frozen=True, slots=True)
class Timestamp:
    """One moment on both clocks: `wall` for expiry times, `ticks` (monotonic seconds) for durations."""

    wall: datetime
    ticks: float

"""The time when this command began: --deadline counts from then, not from the first request (R5)."""

from __future__ import annotations

import time
from contextvars import ContextVar

_began: ContextVar[float] = ContextVar("began")


def begin_command() -> None:
    """Records the start. The entry point calls it once, before it imports anything else."""
    _began.set(time.monotonic())


def command_began() -> float:
    """Returns the start by the monotonic clock, or the current time if no start was recorded."""
    return _began.get(time.monotonic())

"""When this command began: --deadline counts from then, and not from the loop's first look (R5)."""

from __future__ import annotations

import time
from contextvars import ContextVar

_began: ContextVar[float] = ContextVar("began")


def begin_command() -> None:
    """Said once, by the program's entry, before anything else is loaded."""
    _began.set(time.monotonic())


def command_began() -> float:
    """The start on the monotonic clock; the current time if none was set."""
    return _began.get(time.monotonic())

"""What a screen, a log or a metric may want to know while the loop runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult


@dataclass(frozen=True, slots=True)
class Moved:
    """A copy entered a phase, or got on within it. `progress` in percent; `seconds` since the run began."""

    request: CopyRequest
    phase: str
    detail: str
    progress: int | None
    seconds: float
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    result: CopyResult


@dataclass(frozen=True, slots=True)
class Finished:
    """Every copy has ended. What follows is the clean-up of their exports, which waits for a while."""

    results: Sequence[CopyResult]


@dataclass(frozen=True, slots=True)
class Warned:
    """Something that does not stop the run and should be known."""

    message: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that takes a while and is no copy's doing."""

    message: str


Event = Moved | Ended | Finished | Warned | Noted
Listener = Callable[[Event], None]

"""What a screen, a log or a metric may want to know while the loop runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """A copy entered a phase, or got on within it. `progress` in percent; `seconds` since the run began."""

    request: CopyRequest
    phase: str
    detail: str
    progress: int | None
    seconds: float
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class CopyFinished:
    result: CopyResult


@dataclass(frozen=True, slots=True)
class AllFinished:
    """Every copy has ended. What follows is the clean-up of their exports, which waits for a while."""

    results: Sequence[CopyResult]


@dataclass(frozen=True, slots=True)
class WarningMessage:
    """Something that does not stop the run and should be known."""

    message: str


@dataclass(frozen=True, slots=True)
class InfoMessage:
    """Something that takes a while and is no copy's doing."""

    message: str


Event = CopyProgress | CopyFinished | AllFinished | WarningMessage | InfoMessage
Listener = Callable[[Event], None]

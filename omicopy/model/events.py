"""Events of a run, for the screen, the log and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """A copy entered a phase, or progressed within it. `progress` is in percent, `seconds` since the run began."""

    request: CopyRequest
    phase: str
    detail: str
    progress: int | None
    seconds: float
    task_id: str | None = None


@dataclass(frozen=True, slots=True)
class CopyFinished:
    """A copy has its result."""

    result: CopyResult


@dataclass(frozen=True, slots=True)
class AllFinished:
    """Every copy has its result. The clean-up of their exports follows and may take a while."""

    results: Sequence[CopyResult]


@dataclass(frozen=True, slots=True)
class WarningMessage:
    """A problem that doesn't stop the run."""

    message: str


@dataclass(frozen=True, slots=True)
class InfoMessage:
    """A message about a step that takes a while and belongs to no single copy."""

    message: str


Event = CopyProgress | CopyFinished | AllFinished | WarningMessage | InfoMessage
Listener = Callable[[Event], None]

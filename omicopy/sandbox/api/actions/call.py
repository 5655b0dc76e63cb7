"""What an action gets: the caller, the Region's state, and the workers that go on after the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from omicopy.sandbox.model.region_state import ImageExportTask, RegionState
from omicopy.sandbox.model.settings import SandboxAccount, SandboxSettings

Request = Mapping[str, Any]
Answer = dict[str, Any]


class ExportQueue(Protocol):
    """Runs exports after the API has answered."""

    def queue(self, account: SandboxAccount, image_id: str, export: Request) -> ImageExportTask:
        """Creates a task for an `OsuExportToCreate` and runs it. Raises ApiError if the bucket is refused."""
        ...


class ImportQueue(Protocol):
    """Runs imports and copies after the API has answered."""

    def check_source(self, url: str) -> None:
        """Raises ApiError for a manifest that can't be imported, if the service refuses it at once."""

    def start(self, image_id: str, url: str) -> None:
        """Imports a manifest into a pending image, which becomes available or failed."""

    def start_copy(self, image_id: str, source_image_id: str) -> None:
        """Copies an image of the Region into a pending image, which becomes available."""


@dataclass(frozen=True, slots=True)
class ApiBackend:
    """What one Region's API works on."""

    state: RegionState
    exports: ExportQueue
    imports: ImportQueue


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One authenticated, valid request."""

    account: SandboxAccount
    backend: ApiBackend
    region_endpoints: Mapping[str, str]
    """Host and port of each Region's API."""
    moment: float | None
    """Reads show the state at this time of the Region's clock. None: the present state."""

    @property
    def region(self) -> RegionState:
        """The state of the Region."""
        return self.backend.state

    @property
    def settings(self) -> SandboxSettings:
        """The settings of the sandbox."""
        return self.region.settings

    @property
    def now(self) -> float:
        """The time whose state a read shows."""
        return self.region.clock() if self.moment is None else self.moment


Action = Callable[[ApiCall, Request], Answer]

"""What an action gets: the caller, the Region's state, and the workers that go on after the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind, limit_reached
from omicopy.sandbox.model.region_state import ImageExportTask, Omi, RegionState, Snapshot, VersionedTable
from omicopy.sandbox.model.settings import SandboxAccount, SandboxSettings

Request = Mapping[str, Any]
Answer = dict[str, Any]
R = TypeVar("R", Omi, Snapshot, ImageExportTask)


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

    def own(self, table: VersionedTable[R]) -> list[R]:
        """Returns the caller's resources in one of the Region's tables."""
        with self.region.lock:
            return [each for each in table.all(self.moment) if each.account_id == self.account.account_id]

    def check_limit(self, known: ApiErrorKind, limit: int, used: int, what: str) -> None:
        """Raises ApiError if a quota is used up. The default kind of that error is `known`."""
        if 0 < limit <= used:
            raise limit_reached(self.settings.behaviour, known, limit, what)

    def visible_image(self, image_id: str) -> Omi:
        """Returns an image that the caller may launch. Raises ApiError if there is none with this ID."""
        image = self.region.images.get(image_id, self.moment)
        if image is None or not image.may_be_launched_by(self.account.account_id):
            raise ApiError(ApiErrorKind.NO_SUCH_IMAGE, f"The ImageId '{image_id}' doesn't exist.")
        return image


Action = Callable[[ApiCall, Request], Answer]

"""What an action is given, and what it may ask of the rest of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from omicopy.sandbox.model.region_state import ImageExportTask, RegionState
from omicopy.sandbox.model.settings import SandboxAccount, SandboxSettings

Request = Mapping[str, Any]
Answer = dict[str, Any]


class BackgroundWork(Protocol):
    """What goes on behind the API after the answer: exports that export, imports that import."""

    def export(self, account: SandboxAccount, image_id: str, export: Request) -> ImageExportTask:
        """Queue an export (`OsuExportToCreate`) and let it run its course."""
        ...

    def check_source(self, url: str) -> None:
        """Refuse a manifest that can't be imported, at once (`ApiError`), where the variant has it so."""

    def import_image(self, image_id: str, url: str) -> None:
        """Let a pending image become available, or fail."""

    def copy_image(self, image_id: str, source_image_id: str) -> None:
        """Let a pending copy of an image in the Region become available."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One authenticated, valid request."""

    account: SandboxAccount
    region: RegionState
    work: BackgroundWork
    region_endpoints: Mapping[str, str]
    """Host and port of each Region's API."""
    moment: float | None
    """Reads show the world of this moment of its clock; None: as it is."""

    @property
    def settings(self) -> SandboxSettings:
        """What the sandbox was told."""
        return self.region.settings

    @property
    def now(self) -> float:
        """The moment that a read shows, as a number."""
        return self.region.clock() if self.moment is None else self.moment


Action = Callable[[ApiCall, Request], Answer]

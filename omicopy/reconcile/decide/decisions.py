"""The results of `decide`: the next step of a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.image import Image
from omicopy.model.result import Status


class Fetch(Enum):
    """A fact has to be read first. Nothing has to be waited for."""

    IMAGES = "images"
    SOURCE = "source"
    TASKS = "tasks"
    OTHERS = "others"
    IMPORTS = "imports"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Retry:
    """Something is unknown; the next tick may know it. `error` says why a read failed."""

    why: str
    error: OmicopyError | None = None


class Stage(Enum):
    """The work of the service that a copy waits for. Each stage has its own time limit."""

    EXPORTING = "exporting"
    IMPORTING = "importing"


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for the service. `resource` is the ID for messages; `progress` is in percent, if known.

    `image` is the copy being created. `is_ours` False: it waits for something that was not started for this copy.
    """

    stage: Stage
    resource: str
    state: str
    progress: int | None = None
    image: Image | None = None
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class StartExport:
    new_bucket: str | None = None
    """The bucket that the service will create for it."""


@dataclass(frozen=True, slots=True)
class CancelExport:
    """Cancel a duplicate export of ours: every run uses the task `followed`."""

    task: ExportTask
    followed: str


@dataclass(frozen=True, slots=True)
class Resign:
    stored: FoundExport


@dataclass(frozen=True, slots=True)
class Import:
    """Create the image `name` from our own export `stored`, or from a shared manifest (None)."""

    name: str
    stored: FoundExport | None


@dataclass(frozen=True, slots=True)
class TagAndShare:
    """Write missing tags and launch permissions. `is_last`: the copy is then complete."""

    image: Image
    tags: Mapping[str, str]
    share_with: tuple[str, ...] = ()
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class ReplaceFailed:
    image: Image


@dataclass(frozen=True, slots=True)
class Done:
    status: Status
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    error: OmicopyError
    image: Image | None = None


Write = StartExport | CancelExport | Resign | Import | TagAndShare | ReplaceFailed
Decision = Fetch | Retry | Wait | Write | Done | Fail

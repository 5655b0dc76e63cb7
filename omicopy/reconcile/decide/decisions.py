"""What `decide` can answer: the one next step of a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.image import Image
from omicopy.model.result import Status


class Fetch(Enum):
    """The decision hangs on something that was not looked at yet. Nothing has to be waited for."""

    IMAGES = "images"
    SOURCE = "source"
    TASKS = "tasks"
    OTHERS = "others"
    IMPORTS = "imports"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Retry:
    """Something is unknown; the next tick may know it. `error` is why, when a read failed."""

    why: str
    error: OmicopyError | None = None


class Stage(Enum):
    """What the cloud is busy with while we wait; each has a budget of its own."""

    EXPORTING = "exporting"
    IMPORTING = "importing"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do but to wait. `resource` is the ID to name to the user; `progress` in percent, where it is known.

    `image` is the copy that is waited for. `is_ours` False: what is waited for was not begun for this copy, which has
    not begun itself.
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
    """The bucket that the service makes for it."""


@dataclass(frozen=True, slots=True)
class CancelExport:
    """Cancel an export of ours that is not needed: everybody follows the task `followed`."""

    task: ExportTask
    followed: str


@dataclass(frozen=True, slots=True)
class Resign:
    stored: FoundExport


@dataclass(frozen=True, slots=True)
class Import:
    """Create the image `name`; `stored` is our own export, None for a manifest that was handed over."""

    name: str
    stored: FoundExport | None


@dataclass(frozen=True, slots=True)
class TagAndShare:
    """Writes what a copy lacks: tags, and permissions to launch it. `is_last`: then it is done."""

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

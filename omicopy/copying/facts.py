"""What is known about one copy: what was observed of the cloud, and what this run remembers having done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask, Phase, StoredExport
from omicopy.model.image import Image

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Present(Generic[T_co]):
    value: T_co


class Absent(Enum):
    """Known not to be there: every page was read, successfully, after our last write."""

    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say: a read failed. On an unknown fact nothing is created, deleted or signed anew."""

    error: OmicopyError


@dataclass(frozen=True, slots=True)
class Refused:
    """It can't be found out, and asking again won't help: no right to look, no such bucket, a broken manifest."""

    error: OmicopyError


class Unasked(Enum):
    """Not looked at yet. `decide` asks for it when, and only when, it needs to know."""

    UNASKED = "unasked"


ABSENT, UNASKED = Absent.ABSENT, Unasked.UNASKED


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by two clocks: `wall` for what expires, `ticks` (monotonic seconds) for how long something took."""

    wall: datetime
    ticks: float


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at the cloud for one copy."""

    images: Present[Sequence[Image]] | Unknown | Unasked = UNASKED
    """The target account's own images that bear one of this copy's names."""
    source: Present[Image] | Absent | Unknown | Unasked = UNASKED
    tasks: Present[Sequence[ExportTask]] | Unknown | Unasked = UNASKED
    """The export tasks of the source image, of every bucket, prefix and format."""
    others_in_flight: Present[int] | Unknown | Unasked = UNASKED
    """How many export tasks of the whole source account run: they hold the slots a quota counts."""
    stored: Present[StoredExport] | Absent | Unknown | Refused | Unasked = UNASKED


@dataclass(slots=True)
class ExportMemory:
    """What this run did about one export. Copies that are fed by the same export share it."""

    started: int = 0
    """How many exports this run started for certain."""
    changed: bool = False
    """Whether this run wrote anything: started an export, perhaps, or signed one anew."""
    task_id: str | None = None
    """The ID we were given for a task of ours; until a read shows it, nothing is known to be absent."""
    doubt_since: float | None = None
    """Since when (ticks) something of ours may be there that no read has shown."""
    old_failures: frozenset[str] | None = None
    """Tasks that had failed before this run looked for the first time. They are ignored."""
    is_followed: bool = False
    """Whether the service was seen at work: then nothing is about to be started, and no lock is needed for it."""
    wants_lock: bool = False
    """Whether an export had to be put off because another run on this machine might just be starting it."""
    no_manifest_since: float | None = None
    resigned: bool = False
    cancelled: frozenset[str] = frozenset()
    """Tasks of ours that we cancelled, or tried to, in favour of an equal one."""
    quota_refusal: OmicopyError | None = None
    quota_refused_at: float = 0.0
    quota_refused_alone: bool = False
    """Whether the last refusal came while no other export of the account was in flight."""

    def remember(self, observed: Observed, ticks: float) -> None:
        """Takes from a look what later looks are compared with."""
        if isinstance(observed.tasks, Present):
            shown = observed.tasks.value
            if self.old_failures is None:
                self.old_failures = frozenset(task.task_id for task in shown if task.phase is Phase.FAILED)
            if self.task_id is not None:
                self.doubt_since = _doubt(self.doubt_since, any(self.task_id == task.task_id for task in shown), ticks)
            if not any(task.phase is Phase.COMPLETE for task in shown):
                self.no_manifest_since = None
        if isinstance(observed.stored, Absent) and self.no_manifest_since is None:
            self.no_manifest_since = ticks


@dataclass(slots=True)
class ImageMemory:
    """What this run did about one target image."""

    created_id: str | None = None
    made_here: bool = False
    """Whether this run created the image, so that its status is `copied` and not `present`."""
    changed: bool = False
    doubt_since: float | None = None
    conflicts: dict[str, OmicopyError] = field(default_factory=dict)
    """Names that the service called taken; who holds one is for a read to show."""
    old_failures: frozenset[str] | None = None
    journaled: frozenset[str] = frozenset()
    """IDs that our journal proves to be ours although nobody tagged them yet (R4)."""
    replaced: bool = False

    def remember(self, observed: Observed, ticks: float) -> None:
        """Takes from a look what later looks are compared with."""
        if not isinstance(observed.images, Present):
            return
        shown = observed.images.value
        if self.old_failures is None:
            self.old_failures = frozenset(image.image_id for image in shown if image.is_failed)
        if self.created_id is not None:
            self.doubt_since = _doubt(self.doubt_since, any(self.created_id == i.image_id for i in shown), ticks)


def _doubt(since: float | None, is_shown: bool, ticks: float) -> float | None:
    """An ID that we were given and that no read shows is unknown, from the first look that misses it."""
    if is_shown:
        return None
    return ticks if since is None else since

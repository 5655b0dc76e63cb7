"""What exists in one Region: images, snapshots and export tasks, each with its past, so that reads can lag behind."""

from __future__ import annotations

import math
import random
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from omicopy.sandbox.model.settings import SandboxAccount, SandboxSettings

Tags = tuple[tuple[str, str], ...]


class OmiState(StrEnum):
    """The states of an OMI in the official file."""

    PENDING = "pending"
    AVAILABLE = "available"
    FAILED = "failed"


class TaskState(StrEnum):
    """The states of an export task in the official file."""

    QUEUED = "pending/queued"
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUNNING = (TaskState.QUEUED, TaskState.PENDING)


@dataclass(frozen=True, slots=True)
class Device:
    """One volume that an image brings along."""

    name: str
    snapshot_id: str
    size_gib: int
    volume_type: str = "standard"
    iops: int | None = None
    delete_on_vm_deletion: bool = True


@dataclass(frozen=True, slots=True)
class Omi:
    """One OMI."""

    image_id: str
    account_id: str
    name: str
    created: datetime
    description: str = ""
    state: OmiState = OmiState.AVAILABLE
    state_code: str | None = None
    state_message: str | None = None
    devices: tuple[Device, ...] = ()
    product_codes: tuple[str, ...] = ("0001",)
    architecture: str = "x86_64"
    file_location: str = ""
    launch_accounts: tuple[str, ...] = ()
    public: bool = False
    boot_modes: tuple[str, ...] = ("legacy",)
    tpm_mandatory: bool = False
    tags: Tags = ()
    is_made_here: bool = False
    """Made by CreateImage, and not sown."""

    @property
    def is_import(self) -> bool:
        """Made from a manifest."""
        return self.file_location.startswith(("http:", "https:"))

    @property
    def is_being_made(self) -> bool:
        """Work goes on for it; not so for those that were sown as pending."""
        return self.state is OmiState.PENDING and self.is_made_here

    def may_be_launched_by(self, account_id: str) -> bool:
        """Owned, shared with that account, or public."""
        return self.public or self.account_id == account_id or account_id in self.launch_accounts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot."""

    snapshot_id: str
    account_id: str
    size_gib: int
    created: datetime
    description: str = ""
    volume_id: str | None = None
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ImageExportTask:
    """One export of an image. Moments are seconds of the world's clock."""

    task_id: str
    account_id: str
    image_id: str
    image_format: str
    bucket: str
    prefix: str
    """What the keys begin with, the image's ID and a slash included."""
    shown_prefix: str
    manifest_key: str
    state: TaskState
    comment: str
    begins: float
    ends: float
    shown_url: str | None = field(default=None, repr=False)
    ended: float | None = None
    tags: Tags = ()
    api_key: tuple[str, str] | None = field(default=None, repr=False)
    """The access key and secret that came with the request (`OsuApiKey`)."""

    def progress(self, moment: float) -> int:
        """Percent done, as a read at that moment shows it."""
        if self.state is TaskState.COMPLETED:
            return 100
        if moment <= self.begins or self.ends <= self.begins:
            return 0
        return min(99, int(100 * (min(moment, self.ended or moment) - self.begins) / (self.ends - self.begins)))


T = TypeVar("T")


class VersionedTable(Generic[T]):
    """Things by their ID, and what they were at any earlier moment. Not safe for threads: the world's lock is."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._past: dict[str, list[tuple[float, T | None]]] = {}

    def put(self, key: str, value: T) -> T:
        """Create or change one thing, now."""
        self._past.setdefault(key, []).append((self._clock(), value))
        return value

    def drop(self, key: str) -> None:
        """Delete one thing, now."""
        self._past.setdefault(key, []).append((self._clock(), None))

    def get(self, key: str, moment: float | None = None) -> T | None:
        """The thing as it was at a moment (None: now)."""
        past = self._past.get(key, [])
        last = len(past) if moment is None else bisect_right(past, moment, key=lambda version: version[0])
        return past[last - 1][1] if last else None

    def forget_history(self) -> None:
        """What is here now has always been so."""
        self._past = {key: [(-math.inf, past[-1][1])] for key, past in self._past.items()}

    def all(self, moment: float | None = None) -> list[T]:
        """Everything there was at a moment (None: now), oldest first."""
        return [value for key in self._past if (value := self.get(key, moment)) is not None]


class RegionState:
    """One Region. Hold `lock` for every read or write that belongs together."""

    def __init__(
        self, region: str, accounts: Sequence[SandboxAccount], settings: SandboxSettings, clock: Callable[[], float]
    ) -> None:
        self.name = region
        self.accounts = {
            account.account_id: account for account in accounts if account.region == region and not account.is_eim_user
        }
        self.settings = settings
        self.lock = threading.RLock()
        self.clock = clock
        self.images: VersionedTable[Omi] = VersionedTable(self.clock)
        self.snapshots: VersionedTable[Snapshot] = VersionedTable(self.clock)
        self.tasks: VersionedTable[ImageExportTask] = VersionedTable(self.clock)
        self._random = random.Random(f"{settings.seed}/{region}")
        self._taken: set[str] = set()

    def new_id(self, prefix: str) -> str:
        """A fresh ID such as `ami-1a2b3c4d`; never one that was used before, and none below `…-00001000`."""
        while True:
            made = f"{prefix}-{self._random.randrange(0x1000, 0x100000000):08x}"
            if made not in self._taken:
                self._taken.add(made)
                return made

    def forget_history(self) -> None:
        """Whatever there is now was there before anybody looked, also for reads that lag."""
        with self.lock:
            for table in (self.images, self.snapshots, self.tasks):
                table.forget_history()

    def today(self) -> datetime:
        """Now, as the service writes it into what it makes: UTC, to the millisecond."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def change_image(self, image_id: str, **changes: object) -> Omi | None:
        """Change what an image says, unless it was deleted meanwhile."""
        with self.lock:
            image = self.images.get(image_id)
            return image and self.images.put(image_id, replace(image, **changes))  # type: ignore[arg-type]

    def change_task(self, task_id: str, **changes: object) -> ImageExportTask | None:
        """Change what a task says, unless it is gone."""
        with self.lock:
            task = self.tasks.get(task_id)
            return task and self.tasks.put(task_id, replace(task, **changes))  # type: ignore[arg-type]

    def owned(self, account: SandboxAccount) -> list[Omi]:
        """The images of one account, as they are now."""
        with self.lock:
            return [image for image in self.images.all() if image.account_id == account.account_id]

    def make_snapshot(self, account_id: str, size_gib: int, description: str) -> Snapshot:
        """A new snapshot of an account."""
        with self.lock:
            made = Snapshot(self.new_id("snap"), account_id, size_gib, self.today(), description)
            return self.snapshots.put(made.snapshot_id, made)

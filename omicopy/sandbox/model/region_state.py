"""The images, snapshots and export tasks of one Region, with every earlier version, so that reads can lag."""

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
    """The states of an OMI, as in the official OpenAPI file."""

    PENDING = "pending"
    AVAILABLE = "available"
    FAILED = "failed"


class TaskState(StrEnum):
    """The states of an export task, as in the official OpenAPI file."""

    QUEUED = "pending/queued"
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUNNING = (TaskState.QUEUED, TaskState.PENDING)


@dataclass(frozen=True, slots=True)
class Device:
    """One volume of an image."""

    name: str
    snapshot_id: str
    size_gib: int
    volume_type: str = "standard"
    iops: int | None = None
    delete_on_vm_deletion: bool = True


@dataclass(frozen=True, slots=True)
class Omi:
    """One OMI (OUTSCALE machine image)."""

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
    """CreateImage made it; it is not one of the images of the start (fixtures.py)."""

    @property
    def is_import(self) -> bool:
        """True if it was made from a manifest."""
        return self.file_location.startswith(("http:", "https:"))

    @property
    def is_being_made(self) -> bool:
        """True while an import or a copy of it runs. Not true for an image that was pending at the start."""
        return self.state is OmiState.PENDING and self.is_made_here

    def may_be_launched_by(self, account_id: str) -> bool:
        """True if the account owns it, or it is shared with the account, or public."""
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
    """One export of an image. Times are seconds of the Region's clock."""

    task_id: str
    account_id: str
    image_id: str
    image_format: str
    bucket: str
    prefix: str
    """The beginning of the keys, with the image's ID and a slash."""
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
    """The access key and the secret key of the request (`OsuApiKey`)."""

    def progress(self, moment: float) -> int:
        """Returns the percentage done that a read at that moment shows."""
        if self.state is TaskState.COMPLETED:
            return 100
        if moment <= self.begins or self.ends <= self.begins:
            return 0
        return min(99, int(100 * (min(moment, self.ended or moment) - self.begins) / (self.ends - self.begins)))


T = TypeVar("T")


class VersionedTable(Generic[T]):
    """Values by ID, with every earlier version. Not safe for threads: hold `RegionState.lock`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._past: dict[str, list[tuple[float, T | None]]] = {}

    def put(self, key: str, value: T) -> T:
        """Creates or replaces a value, now, and returns it."""
        self._past.setdefault(key, []).append((self._clock(), value))
        return value

    def drop(self, key: str) -> None:
        """Deletes a value, now."""
        self._past.setdefault(key, []).append((self._clock(), None))

    def get(self, key: str, moment: float | None = None) -> T | None:
        """Returns the value as it was at a moment (None: now), or None if it did not exist."""
        past = self._past.get(key, [])
        last = len(past) if moment is None else bisect_right(past, moment, key=lambda version: version[0])
        return past[last - 1][1] if last else None

    def forget_history(self) -> None:
        """Makes the present values valid for every earlier moment, too."""
        self._past = {key: [(-math.inf, past[-1][1])] for key, past in self._past.items()}

    def all(self, moment: float | None = None) -> list[T]:
        """Returns the values that existed at a moment (None: now), oldest first."""
        return [value for key in self._past if (value := self.get(key, moment)) is not None]


class RegionState:
    """What exists in one Region. Hold `lock` while you read or write several things that belong together."""

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
        """Returns a new ID such as `ami-1a2b3c4d`. Those below `…-00001000` are left to the fixtures."""
        while True:
            made = f"{prefix}-{self._random.randrange(0x1000, 0x100000000):08x}"
            if made not in self._taken:
                self._taken.add(made)
                return made

    def forget_history(self) -> None:
        """Makes what exists now visible to reads that lag, as if it had always existed."""
        with self.lock:
            for table in (self.images, self.snapshots, self.tasks):
                table.forget_history()

    def today(self) -> datetime:
        """Returns the time of now as the service writes it into what it makes: UTC, to the millisecond."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def change_image(self, image_id: str, **changes: object) -> Omi | None:
        """Changes fields of an image and returns it; None if it was deleted."""
        with self.lock:
            image = self.images.get(image_id)
            return image and self.images.put(image_id, replace(image, **changes))  # type: ignore[arg-type]

    def change_task(self, task_id: str, **changes: object) -> ImageExportTask | None:
        """Changes fields of a task and returns it; None if it does not exist."""
        with self.lock:
            task = self.tasks.get(task_id)
            return task and self.tasks.put(task_id, replace(task, **changes))  # type: ignore[arg-type]

    def owned(self, account: SandboxAccount) -> list[Omi]:
        """Returns the images that an account owns now."""
        with self.lock:
            return [image for image in self.images.all() if image.account_id == account.account_id]

    def make_snapshot(self, account_id: str, size_gib: int, description: str) -> Snapshot:
        """Creates a snapshot for an account and returns it."""
        with self.lock:
            made = Snapshot(self.new_id("snap"), account_id, size_gib, self.today(), description)
            return self.snapshots.put(made.snapshot_id, made)

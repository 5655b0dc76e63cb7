"""What is known about one copy: what was observed of the cloud, and what this run remembers having done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from omicopy.errors import OmicopyError
from omicopy.model.choices import DiskFormat
from omicopy.model.clock import Timestamp
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image, last_marker
from omicopy.model.lookup import UNASKED, Absent, BucketFact, Present, Refused, Unasked, Unknown
from omicopy.model.request import Budgets, CopyRequest
from omicopy.reconcile.polling import ProgressEstimate

_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class Observation:
    """One look at the cloud for one copy: begun anew with each tick, and filled in as far as decisions need it."""

    images: Present[Sequence[Image]] | Unknown | Unasked = UNASKED
    """The target account's own images that bear one of this copy's names."""
    source: Present[Image] | Absent | Unknown | Unasked = UNASKED
    tasks: Present[Sequence[ExportTask]] | Unknown | Unasked = UNASKED
    """The export tasks of the source image, of every bucket, prefix and format."""
    others_in_flight: Present[int] | Unknown | Unasked = UNASKED
    """How many export tasks of the whole source account run: they hold the slots a quota counts."""
    imports_in_flight: Present[int] | Unknown | Unasked = UNASKED
    """How many images of the target account are being made."""
    stored: BucketFact | Unasked = UNASKED
    no_key: OmicopyError | None = None
    """Why no key reads the bucket: what is stored is then what the tasks alone tell."""
    is_cleaned_up: bool = False
    """Whether a clean-up of ours has begun to delete the only finished export: it counts as gone."""


@dataclass(slots=True)
class QuotaState:
    quota_refusal: OmicopyError | None = None
    quota_refused_at: float = 0.0
    quota_refused_alone: int = 0
    """How often in a row it was refused while nothing else of the account was in flight."""

    def refuse(self, error: OmicopyError, is_alone: bool, ticks: float) -> None:
        self.quota_refusal, self.quota_refused_at = error, ticks
        self.quota_refused_alone = self.quota_refused_alone + 1 if is_alone else 0


@dataclass(slots=True)
class ExportState(QuotaState):
    """What this run did about one export. Copies that are fed by the same export share it."""

    format: DiskFormat | None = None
    """That one of its copies asks for, so that a new export serves all of them."""
    started: int = 0
    """How many exports this run started for certain."""
    is_sent: bool = False
    """Whether this run sent a create that was not refused."""
    changed: bool = False
    """Whether this run wrote anything: started an export, perhaps, or signed one anew."""
    task_id: str | None = None
    """The ID we were given for a task of ours; until a read shows it, nothing is known to be absent."""
    is_tagged: bool = False
    """Whether its task was tagged as ours, or tried to be, in this run."""
    doubt_since: float | None = None
    """Since when (ticks) something of ours may be there that no read has shown."""
    was_seen_complete: bool = False
    """Whether a whole export was seen in the bucket, so that no create of it is in doubt any more."""
    known: frozenset[str] = frozenset()
    """The export's tasks that any read has shown, but for failed ones."""
    missing_since: float | None = None
    """Since when (ticks) a read does not show one of them any more."""
    old_failures: frozenset[str] | None = None
    """Tasks that had failed before this run looked for the first time. They are ignored."""
    is_running: bool = False
    """Whether the last look showed it running, and none complete."""
    is_followed: bool = False
    """Whether the service was seen at work: then nothing is about to be started, and no lock is needed for it."""
    wants_lock: bool = False
    """Whether an export had to be put off because another run on this machine might just be starting it."""
    forecast: ProgressEstimate = field(default_factory=ProgressEstimate)
    unusable_since: float | None = None
    """Since when (ticks) a task is completed, none runs, and the bucket holds no whole export."""
    resigned_key: str | None = None
    """Where this run put a manifest with new signatures."""
    resigned_at: float = 0.0
    cancelled: frozenset[str] = frozenset()
    """Tasks of ours that we cancelled, or tried to, or said to be superfluous, in favour of an equal one."""
    waiting: int = 0
    """How many copies of this run it may still have to feed."""

    def record_sent(self, ticks: float) -> None:
        """A create of ours has happened, or may have."""
        self.is_sent, self.changed, self.doubt_since = True, True, ticks
        self.quota_refusal, self.quota_refused_alone, self.unusable_since = None, 0, None

    @property
    def is_under_way(self) -> bool:
        """Whether this run started it and has not seen it whole yet."""
        return self.started > 0 and not self.was_seen_complete

    @property
    def _is_answer_lost(self) -> bool:
        """Whether the answer to a create of ours was lost, so that a new task counts as what it made."""
        return self.is_sent and self.task_id is None and self.doubt_since is not None

    def remember(self, observed: Observation, key: ExportKey, ticks: float) -> None:
        """Takes from a look what later looks are compared with."""
        self.was_seen_complete |= isinstance(observed.stored, Present) and not observed.stored.value.damage
        if not isinstance(observed.tasks, Present):
            return
        shown = observed.tasks.value
        if self.old_failures is None:
            self.old_failures = frozenset(task.task_id for task in shown if task.phase is Phase.FAILED) or _NONE
        ids = {task.task_id for task in shown}
        live = {task.task_id: task.phase for task in shown if task.key == key and task.phase is not Phase.FAILED}
        if self._is_answer_lost and live.keys() - self.known:
            self.started, self.doubt_since = self.started + 1, None
        if self.task_id is not None:
            self.doubt_since = _since(self.task_id not in ids, self.doubt_since, ticks)
        self.missing_since = _since(not self.known <= ids, self.missing_since, ticks)
        if not live.keys() <= self.known:
            self.known |= live.keys()
        phases = set(live.values())
        self.is_running = bool(phases) and Phase.COMPLETE not in phases
        if phases != {Phase.COMPLETE}:
            self.unusable_since = None
        elif _is_unusable(observed.stored) and self.unusable_since is None:
            self.unusable_since = ticks


@dataclass(frozen=True, slots=True)
class Conflict:
    """The service refused a name, in its own words, at `since` (ticks)."""

    error: OmicopyError
    since: float


@dataclass(slots=True)
class ImageState(QuotaState):
    """What this run did about one target image."""

    created_id: str | None = None
    """The ID of the copy we created, from the answer or, where that was lost, from the read that showed it."""
    made_here: bool = False
    """Whether this run created the image, so that its status is `copied` and not `present`."""
    changed: bool = False
    doubt_since: float | None = None
    """Since when (ticks) a copy of ours may be there that no read has shown."""
    known: frozenset[str] = frozenset()
    """The copies that any read has shown, but for failed ones."""
    has_seen_no_image: bool = False
    """Whether the last look showed no image at all under the copy's names, and none before it a copy."""
    missing_since: float | None = None
    """Since when (ticks) a read does not show one of them any more."""
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    """Names that the service called taken; who holds one is for a read to show."""
    old_failures: frozenset[str] | None = None
    journaled: frozenset[str] = frozenset()
    """IDs that our journal proves to be ours although nobody tagged them yet (R4)."""
    refused_tags: frozenset[str] = frozenset()
    """Keys of tags that the service refused in this run: the copy is done without them. The next run tries again."""
    refused_parameters: frozenset[str] = frozenset()
    """Of those about how it boots: the service refused them by name in this run, so that it is made without them."""
    replaced_id: str | None = None
    """The failed image that this run deleted."""
    replaced_at: float = 0.0

    @property
    def is_known_absent(self) -> bool:
        """Whether this run has looked, has never seen a copy under any of its names, and has not begun to make one."""
        return self.has_seen_no_image and not self.conflicts and self.doubt_since is None and self.replaced_id is None

    def remember(self, observed: Observation, marker: str, ticks: float) -> None:
        """Takes from a look what later looks are compared with."""
        if not isinstance(observed.images, Present):
            return
        shown = observed.images.value
        self.has_seen_no_image = not shown and not self.known
        if self.old_failures is None:
            self.old_failures = frozenset(image.image_id for image in shown if image.is_failed) or _NONE
        ids = {image.image_id for image in shown}
        live = {image.image_id for image in shown if not image.is_failed and last_marker(image.description) == marker}
        if self.made_here and self.created_id is None:
            self.created_id = min(live - self.known, default=None)
        if self.created_id is not None:
            self.doubt_since = _since(self.created_id not in ids, self.doubt_since, ticks)
        self.missing_since = _since(not self.known <= ids, self.missing_since, ticks)
        if not live <= self.known:
            self.known |= live


def _is_unusable(stored: BucketFact | Unasked) -> bool:
    if isinstance(stored, Present):
        return bool(stored.value.damage or stored.value.flaw)
    return isinstance(stored, Absent) or (isinstance(stored, Refused) and stored.is_no_bucket)


def _since(is_missing: bool, since: float | None, ticks: float) -> float | None:
    """An ID that no read shows is unknown from the first look that misses it."""
    if not is_missing:
        return None
    return ticks if since is None else since


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """One copy at one moment. `now` is when the look began, so that what was read is never older than it."""

    request: CopyRequest
    seen: Observation
    image: ImageState
    export: ExportState
    budgets: Budgets
    now: Timestamp

    def within_grace(self, *moments: float | None) -> bool:
        """Whether something that happened at one of `moments` (ticks) may still not be visible to a read."""
        for since in moments:
            if since is not None and self.now.ticks - since < self.budgets.grace.total_seconds():
                return True
        return False

"""The facts about one copy: what was read from the cloud, and what this run did."""

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
    """What one tick has read for one copy: empty at first, filled as the decisions need it."""

    images: Present[Sequence[Image]] | Unknown | Unasked = UNASKED
    """The target account's own images with one of this copy's names."""
    source: Present[Image] | Absent | Unknown | Unasked = UNASKED
    tasks: Present[Sequence[ExportTask]] | Unknown | Unasked = UNASKED
    """The source image's export tasks, of every bucket, prefix and format."""
    others_in_flight: Present[int] | Unknown | Unasked = UNASKED
    """Export tasks running in the whole source account: they use the quota's slots."""
    imports_in_flight: Present[int] | Unknown | Unasked = UNASKED
    """Images being created in the target account."""
    stored: BucketFact | Unasked = UNASKED
    no_key: OmicopyError | None = None
    """Why no key reads the bucket; then the facts come from the tasks alone."""
    is_cleaned_up: bool = False
    """True if a clean-up of ours has begun to delete the only finished export."""


@dataclass(slots=True)
class QuotaState:
    """The last quota refusal."""

    quota_refusal: OmicopyError | None = None
    quota_refused_at: float = 0.0
    quota_refused_alone: int = 0
    """Refusals in a row while nothing else of the account was running."""

    def refuse(self, error: OmicopyError, is_alone: bool, ticks: float) -> None:
        self.quota_refusal, self.quota_refused_at = error, ticks
        self.quota_refused_alone = self.quota_refused_alone + 1 if is_alone else 0


@dataclass(slots=True)
class ExportState(QuotaState):
    """What this run did about one export. Copies of the same export share it."""

    format: DiskFormat | None = None
    """A format that one of the copies requests; a new export uses it for all."""
    started: int = 0
    """Exports that this run certainly started."""
    is_sent: bool = False
    """True if this run sent a create that was not refused."""
    changed: bool = False
    """True if this run wrote anything: started an export (perhaps), or re-signed one."""
    task_id: str | None = None
    """The ID of our task. Until a read shows it, nothing is known to be absent."""
    is_tagged: bool = False
    """True if this run tagged the task as ours, or tried to."""
    doubt_since: float | None = None
    """Since when (ticks) something of ours may exist that no read has shown."""
    was_seen_complete: bool = False
    """True if a complete export was seen in the bucket: then no create is in doubt."""
    known: frozenset[str] = frozenset()
    """Tasks of the export that any read has shown, except failed ones."""
    missing_since: float | None = None
    """Since when (ticks) a read no longer shows one of them."""
    old_failures: frozenset[str] | None = None
    """Tasks that had failed before the first read of this run. They are ignored."""
    is_running: bool = False
    """True if the last read showed a running task and no complete one."""
    is_followed: bool = False
    """True if the service is working: then nothing will be started, and no lock is needed."""
    wants_lock: bool = False
    """True if an export was postponed because another run on this machine may be starting it."""
    estimate: ProgressEstimate = field(default_factory=ProgressEstimate)
    unusable_since: float | None = None
    """Since when (ticks) a task is complete, none runs, and the bucket has no complete export."""
    resigned_key: str | None = None
    """Where this run wrote a re-signed manifest."""
    resigned_at: float = 0.0
    cancelled: frozenset[str] = frozenset()
    """Tasks of ours that we cancelled, tried to cancel, or reported as duplicates."""
    waiting: int = 0
    """Copies of this run that may still need it."""

    def record_sent(self, ticks: float) -> None:
        """Records that a create has happened, or may have."""
        self.is_sent, self.changed, self.doubt_since = True, True, ticks
        self.quota_refusal, self.quota_refused_alone, self.unusable_since = None, 0, None

    @property
    def is_under_way(self) -> bool:
        """True if this run started the export and hasn't seen it complete."""
        return self.started > 0 and not self.was_seen_complete

    @property
    def _is_answer_lost(self) -> bool:
        """True if the answer to our create was lost, so that a new task counts as its result."""
        return self.is_sent and self.task_id is None and self.doubt_since is not None

    def remember(self, observed: Observation, key: ExportKey, ticks: float) -> None:
        """Keeps what later reads are compared with."""
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
    """The service's refusal of a name, at `since` (ticks)."""

    error: OmicopyError
    since: float


@dataclass(slots=True)
class ImageState(QuotaState):
    """What this run did about one target image."""

    created_id: str | None = None
    """The ID of the copy that we created, from the answer or, if that was lost, from a read."""
    made_here: bool = False
    """True if this run created the image; its status is then `copied` instead of `present`."""
    changed: bool = False
    doubt_since: float | None = None
    """Since when (ticks) a copy of ours may exist that no read has shown."""
    known: frozenset[str] = frozenset()
    """The copies that any read has shown, except failed ones."""
    has_seen_no_image: bool = False
    """True if the last read returned no image with any of this copy's names, and no earlier read returned a copy."""
    missing_since: float | None = None
    """Since when (ticks) a read no longer shows one of them."""
    conflicts: dict[str, Conflict] = field(default_factory=dict)
    """Names that the service refused as taken."""
    old_failures: frozenset[str] | None = None
    journaled: frozenset[str] = frozenset()
    """IDs that our journal proves to be ours although they aren't tagged yet (R4)."""
    refused_tags: frozenset[str] = frozenset()
    """Keys of tags that the service refused in this run. The copy is finished without them; the next run tries
    again."""
    refused_parameters: frozenset[str] = frozenset()
    """Boot parameters that the service refused by name in this run. The copy is made without them."""
    replaced_id: str | None = None
    """The failed image that this run deleted."""
    replaced_at: float = 0.0

    @property
    def is_known_absent(self) -> bool:
        """True if this run has read the names, never saw a copy, and hasn't started one."""
        return self.has_seen_no_image and not self.conflicts and self.doubt_since is None and self.replaced_id is None

    def remember(self, observed: Observation, marker: str, ticks: float) -> None:
        """Keeps what later reads are compared with."""
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
    """When the ID was first missing; None if it isn't."""
    if not is_missing:
        return None
    return ticks if since is None else since


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """One copy at one moment. `now` is when the read began, so facts are never older than it."""

    request: CopyRequest
    seen: Observation
    image: ImageState
    export: ExportState
    budgets: Budgets
    now: Timestamp

    def within_grace(self, *moments: float | None) -> bool:
        """True if something that happened at one of `moments` (ticks) may not yet be visible to reads."""
        for since in moments:
            if since is not None and self.now.ticks - since < self.budgets.grace.total_seconds():
                return True
        return False

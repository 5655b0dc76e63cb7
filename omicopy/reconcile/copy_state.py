"""The state of one copy in this run: the request, what was seen, and since when it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.clock import Timestamp
from omicopy.model.export import ExportTask, Phase
from omicopy.model.image import Image
from omicopy.model.lookup import BucketFact, Present, Unknown
from omicopy.model.request import Budgets, CopyRequest, Source
from omicopy.model.result import CopyResult
from omicopy.model.units import format_duration
from omicopy.reconcile.decide.decisions import Stage
from omicopy.reconcile.state import DecisionInput, ExportState, ImageState, Observation
from omicopy.state.locks import Lock

_PERHAPS = "perhaps; the answer is missing"


@dataclass(slots=True, eq=False)
class CopyState:
    """Mutable: the loop's only state. Times are ticks."""

    request: CopyRequest
    export: ExportState
    began: float
    budgets: Budgets
    image: ImageState = field(default_factory=ImageState)
    seen: Observation = field(default_factory=Observation)
    stage: Stage = Stage.EXPORTING
    stage_since: float = 0.0
    _seconds: float = 0.0
    """The stage's time limit."""
    failing_since: float | None = None
    """Since when every request for this copy fails temporarily."""
    refused_writes: int = 0
    """Writes refused since then. In a large run, a copy gets few attempts."""
    manifest: str | None = None
    """Location of the manifest that is (to be) imported; None if it is damaged."""
    expires_at: datetime | None = None
    """Until when the whole export is valid."""
    task_id: str | None = None
    last_progress: tuple[str, str, int | None] | None = None
    """The last reported phase, detail and progress."""
    left: float | None = None
    """Estimated seconds until the service is done, if progress tells."""
    waits_for_own_work: bool = False
    """True if it waits for work that was started for it, not for a slot or someone else's image."""
    pending_image: Image | None = None
    """The copy's image that the service was last creating."""
    result: CopyResult | None = None
    lock: Lock | None = None

    def __post_init__(self) -> None:
        self.stage_since = self.began
        if not isinstance(self.request.source, Source):
            self.stage = Stage.IMPORTING
        self._seconds = self._budget().total_seconds()

    def start_tick(self, now: Timestamp) -> DecisionInput:
        """Starts a tick: forgets what was seen, and returns the input of the decision."""
        self.seen, self.left = Observation(), None
        return DecisionInput(self.request, self.seen, self.image, self.export, self.budgets, now)

    def record_images(self, images: Present[Sequence[Image]] | Unknown, now: Timestamp) -> None:
        """Records what a read of the target account returned."""
        self.seen.images = images
        self.image.remember(self.seen, self.request.marker, now.ticks)

    def record_tasks(self, tasks: Present[Sequence[ExportTask]] | Unknown, now: Timestamp) -> None:
        self.seen.tasks = tasks
        self._update_export(now)

    def record_stored(self, stored: BucketFact, now: Timestamp) -> None:
        self.seen.stored = stored
        if isinstance(stored, Present):
            whole = None if stored.value.damage else stored.value
            self.manifest = str(whole.location) if whole else None
            self.expires_at = whole.expiry.at if whole else None
        self._update_export(now)

    def _update_export(self, now: Timestamp) -> None:
        if isinstance(self.request.source, Source):
            self.export.remember(self.seen, self.request.source.export, now.ticks)
        task = self._task()
        if task is not None:
            self.task_id = task.task_id

    def still_running(self) -> str | None:
        """Describes the work that the service continues after the run; None if there is none."""
        if self.result is not None:
            return None
        phase, detail, _ = self.last_progress or ("", "", None)
        if not self.waits_for_own_work or phase not in (stage.value for stage in Stage):
            if phase == "creating" or self.image.doubt_since is not None:
                phase, detail = Stage.IMPORTING.value, self.image.created_id or _PERHAPS
            elif phase == "starting" or self.export.doubt_since is not None or self.export.is_under_way:
                phase, detail = Stage.EXPORTING.value, self.export.task_id or _PERHAPS
            else:
                return None
        return f"{self.request.label}: {phase} ({detail})"

    def clear_failures(self) -> None:
        self.failing_since, self.refused_writes = None, 0

    def enter_stage(self, stage: Stage, ticks: float) -> None:
        if stage is not self.stage:
            self.stage, self.stage_since = stage, ticks
            self._seconds = self._budget().total_seconds()

    def time_left(self, ticks: float) -> float:
        """Seconds left of the stage's time limit. Less than a microsecond counts as none."""
        left = self._seconds - (ticks - self.stage_since)
        return left if left >= 1e-6 else 0.0

    def timeout_error(self, waits_for: str) -> OmicopyError:
        option = "--export-timeout" if self.stage is Stage.EXPORTING else "--import-timeout"
        message = f"{self.request.label}: {option} {format_duration(self._budget())} is over; {waits_for}"
        hint = "Nothing is lost: the service continues. Run the same command again to continue."
        return OmicopyError(ErrorCode.OUT_OF_TIME, message, hint)

    def _budget(self) -> timedelta:
        return self.budgets.export if self.stage is Stage.EXPORTING else self.budgets.import_

    def _task(self) -> ExportTask | None:
        """The most relevant export task: the completed one, or the one that replaces a damaged export.

        Of several completed ones ours, else the smallest ID, which every run uses.
        """
        if not isinstance(self.seen.tasks, Present) or not isinstance(self.request.source, Source):
            return None
        key = self.request.source.export
        tasks = [task for task in self.seen.tasks.value if task.key == key and task.phase is not Phase.FAILED]
        if len(tasks) < 2:
            return tasks[0] if tasks else None
        is_damaged = isinstance(self.seen.stored, Present) and bool(self.seen.stored.value.damage)
        return min(
            tasks,
            key=lambda task: (
                (task.phase is Phase.COMPLETE) is is_damaged,
                task.phase is not Phase.COMPLETE or task.task_id != self.export.task_id,
                task.task_id,
            ),
            default=None,
        )

"""Cleans up one export, step by step: tag, read again, delete (R4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from omicopy.cloud.session import AccountSession
from omicopy.deletion.export_rules import (
    Deletable,
    ExportFolder,
    Kept,
    deletable_objects,
    deletable_tasks,
    format_unnamed,
)
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.find import FolderContents, read_folder, read_trusted
from omicopy.model.export import ExportKey, ExportTask
from omicopy.model.own_tags import CLEANED_TAG, is_cleaned
from omicopy.model.result import CleanupSummary, rfc3339
from omicopy.model.s3_location import S3Object

INTERRUPTED = Kept("the clean-up was interrupted; the same command goes on with it")


@dataclass(frozen=True, slots=True)
class CleanupOutcome:
    """What became of one export: how many objects were deleted, and what kept the others from it."""

    export: ExportKey
    deleted: int = 0
    left: Kept | None = None
    error: OmicopyError | None = None
    unnamed: str | None = None
    """How many disks stay because no manifest names them, in words."""

    @property
    def location(self) -> str:
        return str(self.export.folder)

    @property
    def summary(self) -> CleanupSummary:
        """As the report has it."""
        return CleanupSummary(self.deleted, self.left.why if self.left else self.unnamed, self.error)


@dataclass(frozen=True, slots=True)
class CleanupOptions:
    """How to clean up.

    `wait_for_grace` waits until every read shows earlier writes. `importers` returns the exports of a profile that a
    copy may be importing from, each with the copy.
    """

    now: datetime
    wait_for_grace: Callable[[], None] = lambda: None
    importers: Callable[[str, Sequence[ExportKey]], Mapping[ExportKey, str]] = lambda *_: {}
    has_time: Callable[[], bool] = lambda: True
    """True if the command has time for `wait_for_grace` and the deletion. Without it, exports would only be tagged."""


@dataclass(slots=True)
class Cleaner:
    """Cleans up one export in steps. Each step raises an OmicopyError."""

    session: AccountSession
    export: ExportKey
    options: CleanupOptions
    deletable: Deletable | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    """Of the manifests that were judged, by their keys."""
    tasks: tuple[ExportTask, ...] = ()
    left: Kept | None = None
    error: OmicopyError | None = None
    is_over: bool = False
    importer: str | None = None
    """Why it must stay for a copy, as the last look showed."""
    unnamed: str | None = None
    deleted: int = 0

    @property
    def has_work(self) -> bool:
        return not (self.is_over or self.left or self.error)

    def interrupt(self) -> None:
        """Records that the clean-up was interrupted, if it wasn't finished."""
        all_of_it = len(self.deletable.snapshots) + len(self.deletable.manifests) if self.deletable else None
        if self.has_work and self.deleted != all_of_it:
            self.left = INTERRUPTED

    def outcome(self) -> CleanupOutcome:
        return CleanupOutcome(self.export, self.deleted, self.left, self.error, self.unnamed)

    def tag_as_deleted(self, all_tasks: Sequence[ExportTask]) -> None:
        """Decides what may be deleted, and tags the tasks as deleted."""
        tasks = self._deletable_tasks(all_tasks)
        folder = read_folder(self.session.storage, self.export, tasks or ())
        if tasks is None:
            self.left = self.left if folder.found else None  # of what is not there nothing has to be told
            self.is_over = True
            return
        deletable, self.unnamed = plan_cleanup(self.export, folder), format_unnamed(folder.sizes, folder.found)
        if isinstance(deletable, Kept):
            self.left = deletable
        elif not deletable.manifests:
            self.is_over = True
            self.left = None if is_cleaned(tasks) or not folder.sizes else _nothing_named(folder)
        else:
            self._tag(tasks)
            self.deletable, self.tasks = deletable, tasks
            self.digests = {one.location.key: one.manifest.digest() for one in folder.found}

    def delete_snapshots(self, all_tasks: Sequence[ExportTask]) -> None:
        if self._is_still_ours(all_tasks) and self.deletable:
            self._delete(self.deletable.snapshots)

    def delete_manifests(self, all_tasks: Sequence[ExportTask]) -> None:
        if self._is_still_ours(all_tasks) and self.deletable:
            self._delete(self.deletable.manifests)

    def _deletable_tasks(self, all_tasks: Sequence[ExportTask]) -> tuple[ExportTask, ...] | None:
        """The tasks of the export, when it may be deleted; else it is noted why not."""
        if self.importer is not None:
            self.left = Kept(self.importer)
            return None
        tasks = deletable_tasks(all_tasks, self.export, self.options.now)
        if isinstance(tasks, Kept):
            self.left = tasks
            return None
        return tasks

    def _is_still_ours(self, all_tasks: Sequence[ExportTask]) -> bool:
        tasks_now = self._deletable_tasks(all_tasks)
        if tasks_now is None:
            return False
        if {task.task_id for task in tasks_now} - {task.task_id for task in self.tasks}:
            self.left = Kept("it was exported again meanwhile")  # under the manifest's key there may be another by now
        return self.left is None and self._is_unchanged()

    def _is_unchanged(self) -> bool:
        """True if the manifests to delete are still those that were checked, or already gone."""
        for key in self.deletable.manifests if self.deletable else ():
            location = S3Object(self.export.bucket, key)
            try:
                manifest = read_trusted(self.session.storage, location)
            except OmicopyError as error:
                if error.code is not ErrorCode.NOT_FOUND:
                    raise
            else:
                if manifest.digest() != self.digests[key]:
                    self.left = Kept(f"{location} was replaced meanwhile")
        return self.left is None

    def _tag(self, tasks: Sequence[ExportTask]) -> None:
        fresh = [task.task_id for task in tasks if CLEANED_TAG not in task.tags]
        if fresh:
            tag = {"Key": CLEANED_TAG, "Value": rfc3339(self.options.now)}
            parameters = {"ResourceIds": fresh, "Tags": [tag]}
            self.session.api.write_idempotent("CreateTags", self.session.patience, parameters)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.session.storage.delete(S3Object(self.export.bucket, key))
            self.deleted += 1


def plan_cleanup(export: ExportKey, folder: FolderContents) -> Deletable | Kept:
    for key, error in folder.broken.items():
        if key in folder.named:
            return Kept(error.message)
    return deletable_objects(export, ExportFolder(folder.sizes.keys(), folder.found, folder.named))


def _nothing_named(folder: FolderContents) -> Kept:
    reasons = [error.message for error in folder.broken.values()]
    return Kept(reasons[0] if reasons else "no manifest lies there that would tell which they are")

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

INTERRUPTED = Kept("the clean-up was interrupted; run the same command again to continue")


@dataclass(frozen=True, slots=True)
class CleanupOutcome:
    """The result of one clean-up: how many objects were deleted, and why others were not."""

    export: ExportKey
    deleted: int = 0
    left: Kept | None = None
    error: OmicopyError | None = None
    unnamed: str | None = None
    """How many disks were not deleted because no manifest names them, as text."""

    @property
    def location(self) -> str:
        return str(self.export.folder)

    @property
    def summary(self) -> CleanupSummary:
        """The result as in the report."""
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
    """True if there is time for `wait_for_grace` and the deletion. Otherwise exports would be tagged, but not
    deleted."""


@dataclass(slots=True)
class Cleaner:
    """Cleans up one export in steps. Each step raises an OmicopyError."""

    session: AccountSession
    export: ExportKey
    options: CleanupOptions
    deletable: Deletable | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    """Digests of the checked manifests, by key."""
    tasks: tuple[ExportTask, ...] = ()
    left: Kept | None = None
    error: OmicopyError | None = None
    is_over: bool = False
    importer: str | None = None
    """Why a copy still needs the export, from the last read; None if none does."""
    unnamed: str | None = None
    deleted: int = 0

    @property
    def has_work(self) -> bool:
        return not (self.is_over or self.left or self.error)

    def interrupt(self) -> None:
        """Records that the clean-up was interrupted, if it wasn't complete."""
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
            self.left = self.left if folder.found else None  # an empty folder needs no reason
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
        """Returns the tasks of the export if it may be deleted; else None, with the reason in `left`."""
        if self.importer is not None:
            self.left = Kept(self.importer)
            return None
        tasks = deletable_tasks(all_tasks, self.export, self.options.now)
        if isinstance(tasks, Kept):
            self.left = tasks
            return None
        return tasks

    def _is_still_ours(self, all_tasks: Sequence[ExportTask]) -> bool:
        """True if the export may still be deleted; else the reason is in `left`."""
        tasks_now = self._deletable_tasks(all_tasks)
        if tasks_now is None:
            return False
        if {task.task_id for task in tasks_now} - {task.task_id for task in self.tasks}:
            self.left = Kept("it was exported again meanwhile")  # its manifest may have the same key
        return self.left is None and self._is_unchanged()

    def _is_unchanged(self) -> bool:
        """True if the manifests to delete are the checked ones, or already deleted; else the reason is in `left`."""
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
    """Returns the objects to delete, or why none may be deleted."""
    # A task's own manifest that can't be read could name any of the objects.
    for key, error in folder.broken.items():
        if key in folder.named:
            return Kept(error.message)
    return deletable_objects(export, ExportFolder(folder.sizes.keys(), folder.found, folder.named))


def _nothing_named(folder: FolderContents) -> Kept:
    reasons = [error.message for error in folder.broken.values()]
    return Kept(reasons[0] if reasons else "no manifest there names them")

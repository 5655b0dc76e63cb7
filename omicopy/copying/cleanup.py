"""Deleting exported objects that nobody needs any more: of our own exports, and nothing else (R4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.cloud.clients import Clients
from omicopy.copying.bucket import Folder, read_folder
from omicopy.copying.parallel import in_parallel
from omicopy.copying.reads import read_tasks, unless_many
from omicopy.copying.task_manifest import why_no_key
from omicopy.errors import Interrupted, OmicopyError
from omicopy.model.cleaning import Doomed, Left, Place, is_cleaned, judge_place, judge_tasks
from omicopy.model.export import ExportKey, ExportTask
from omicopy.model.provenance import CLEANED_TAG
from omicopy.model.report import CleanedUp, rfc3339
from omicopy.model.request import CopyRequest, Origin

_NO_TIME = Left("--deadline leaves no time for the clean-up; the same command goes on with it")
INTERRUPTED = Left("the clean-up was interrupted; the same command goes on with it")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one export: how many objects were deleted, and what kept the others from it."""

    export: ExportKey
    deleted: int = 0
    left: Left | None = None
    error: OmicopyError | None = None

    @property
    def location(self) -> str:
        return f"s3://{self.export.bucket}/{self.export.folder}"

    @property
    def told(self) -> CleanedUp:
        """As the report has it."""
        return CleanedUp(self.deleted, self.left.why if self.left else None, self.error)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a clean-up goes by: `settle` waits until every read shows what was written before; `importers` says which of
    a profile's exports a copy may be made from just now, and which copy."""

    now: datetime
    settle: Callable[[], None] = lambda: None
    importers: Callable[[str, Sequence[ExportKey]], Mapping[ExportKey, str]] = lambda *_: {}
    has_time: Callable[[], bool] = lambda: True
    """Whether the command has the time to `settle` and to delete. What is begun without would only be marked."""


def clean_up(
    clients: Clients,
    requests: Sequence[CopyRequest],
    tell: Callable[[str], None],
    rules: Rules,
    cleaned: list[Cleaned] | None = None,
) -> list[Cleaned]:
    """Deletes what was exported for `requests`, all of whose copies are there. What has to stay is told, and why.

    Adds to `cleaned` what became of each export, and returns it. Raises nothing but Interrupted: the copies stand, the
    next clean-up goes on, and `cleaned` says how far this one came.
    """
    cleaned = [] if cleaned is None else cleaned
    exports: dict[tuple[str, str, ExportKey], str] = {}
    for request in requests:
        if isinstance(request.source, Origin):
            party = request.source.party
            exports.setdefault((party.account_id, party.region, request.source.export), party.profile)
    for profile in dict.fromkeys(exports.values()):
        keys = [key for (_, _, key), owner in exports.items() if owner == profile]
        clean_exports(clients, profile, keys, rules, cleaned)
    for one in cleaned:
        if one.error:
            tell(f"The exported objects in {one.location} could not all be deleted: {one.error.message}")
        elif one.left:
            tell(f"The exported objects in {one.location} were left: {one.left.why}")
    return cleaned


def clean_exports(
    clients: Clients, profile: str, exports: Sequence[ExportKey], rules: Rules, cleaned: list[Cleaned]
) -> None:
    """Adds to `cleaned` what became of each of one account's exports, in their order, also when it is interrupted.
    Raises nothing else.

    First all are looked at and marked: from then on they count as gone. Then, when every read shows the marks, and
    what others noted in the same moment, all are looked at again, and what is still nobody's is deleted.
    """
    cleaners = [_Cleaner(clients, profile, export, rules) for export in exports]
    try:
        for cleaner in cleaners:
            cleaner.error = why_no_key(clients, profile)
        if not rules.has_time():
            for cleaner in cleaners:
                cleaner.left = _NO_TIME
        _all_take(cleaners, _Cleaner.mark)
        if any(cleaner.doomed for cleaner in cleaners):
            rules.settle()
            _all_take(cleaners, _Cleaner.delete_snapshots)
            _all_take(cleaners, _Cleaner.delete_manifests)
    except Interrupted:
        for cleaner in cleaners:
            cleaner.interrupt()
        raise
    finally:
        cleaned += [cleaner.outcome() for cleaner in cleaners]


def _all_take(cleaners: Sequence[_Cleaner], step: Callable[[_Cleaner, Sequence[ExportTask]], None]) -> None:
    """One step of all of them, after one look at all of their tasks."""
    waiting = [cleaner for cleaner in cleaners if cleaner.goes_on]
    if not waiting:
        return
    clients, profile = waiting[0].clients, waiting[0].profile

    def take(cleaner: _Cleaner) -> None:
        try:
            cleaner.importer = importers.get(cleaner.export)
            step(cleaner, tasks)
        except OmicopyError as error:
            cleaner.error = error

    try:
        importers = waiting[0].rules.importers(profile, [cleaner.export for cleaner in waiting])
        tasks = read_tasks(clients, profile, unless_many("ImageIds", (one.export.image_id for one in waiting)))
        clients.storage(profile)  # made before the threads start, once
    except OmicopyError as error:
        for cleaner in waiting:
            cleaner.error = error
        return
    in_parallel(take, waiting)


def is_anything_left(clients: Clients, profile: str, export: ExportKey) -> bool:
    """Whether a clean-up of the export still finds something to delete. Raises a ServiceError."""
    doomed = _judge_folder(export, read_folder(clients.storage(profile), export, ()))
    return isinstance(doomed, Doomed) and bool(doomed.manifests)


@dataclass(slots=True)
class _Cleaner:
    """Cleans up one export, step by step, and remembers how far it came. Each step raises an OmicopyError."""

    clients: Clients
    profile: str
    export: ExportKey
    rules: Rules
    doomed: Doomed | None = None
    tasks: tuple[ExportTask, ...] = ()
    left: Left | None = None
    error: OmicopyError | None = None
    is_over: bool = False
    importer: str | None = None
    """Why it must stay for a copy, as the last look showed."""
    deleted: int = 0

    @property
    def goes_on(self) -> bool:
        return not (self.is_over or self.left or self.error)

    def interrupt(self) -> None:
        """Notes that it did not come to its end, if that is so."""
        all_of_it = len(self.doomed.snapshots) + len(self.doomed.manifests) if self.doomed else None
        if self.goes_on and self.deleted != all_of_it:
            self.left = INTERRUPTED

    def outcome(self) -> Cleaned:
        return Cleaned(self.export, self.deleted, self.left, self.error)

    def mark(self, all_tasks: Sequence[ExportTask]) -> None:
        """Decides what may be deleted, if anything, and notes on the tasks that it is being deleted."""
        tasks = self._judged(all_tasks)
        folder = read_folder(self.clients.storage(self.profile), self.export, tasks or ())
        if tasks is None:
            self.left = self.left if folder.found else None  # of what is not there nothing has to be told
            self.is_over = True
            return
        doomed = _judge_folder(self.export, folder)
        if isinstance(doomed, Left):
            self.left = doomed
        elif not doomed.manifests:
            self.is_over = True
            self.left = None if is_cleaned(tasks) or not folder.sizes else _nothing_named(folder)
        else:
            self._note(tasks)
            self.doomed, self.tasks = doomed, tasks

    def delete_snapshots(self, all_tasks: Sequence[ExportTask]) -> None:
        if self._is_still_ours(all_tasks) and self.doomed:
            self._delete(self.doomed.snapshots)

    def delete_manifests(self, all_tasks: Sequence[ExportTask]) -> None:
        if self._is_still_ours(all_tasks) and self.doomed:
            self._delete(self.doomed.manifests)

    def _judged(self, all_tasks: Sequence[ExportTask]) -> tuple[ExportTask, ...] | None:
        """The tasks of the export, when it may be deleted; else it is noted why not."""
        if self.importer is not None:
            self.left = Left(self.importer)
            return None
        tasks = judge_tasks(all_tasks, self.export, self.rules.now)
        if isinstance(tasks, Left):
            self.left = tasks
            return None
        return tasks

    def _is_still_ours(self, all_tasks: Sequence[ExportTask]) -> bool:
        again = self._judged(all_tasks)
        if again is None:
            return False
        if {task.task_id for task in again} - {task.task_id for task in self.tasks}:
            self.left = Left("it was exported anew meanwhile")  # under the manifest's key there may be another by now
        return self.left is None

    def _note(self, tasks: Sequence[ExportTask]) -> None:
        fresh = [task.task_id for task in tasks if CLEANED_TAG not in task.tags]
        if fresh:
            tag = {"Key": CLEANED_TAG, "Value": rfc3339(self.rules.now)}
            parameters = {"ResourceIds": fresh, "Tags": [tag]}
            self.clients.api(self.profile).write_again("CreateTags", self.clients.patience, parameters)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.clients.storage(self.profile).delete(self.export.bucket, key)
            self.deleted += 1


def _judge_folder(export: ExportKey, folder: Folder) -> Doomed | Left:
    for key, error in folder.broken.items():
        if key in folder.named:
            return Left(error.message)
    return judge_place(export, Place(folder.sizes.keys(), folder.found, folder.named))


def _nothing_named(folder: Folder) -> Left:
    reasons = [error.message for error in folder.broken.values()]
    return Left(reasons[0] if reasons else "no manifest lies there that would tell which they are")

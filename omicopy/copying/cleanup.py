"""Deleting exported objects that nobody needs any more: of our own exports, and nothing else (R4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.cloud.clients import Clients
from omicopy.copying.bucket import Folder, read_folder
from omicopy.copying.parallel import in_parallel
from omicopy.errors import OmicopyError
from omicopy.model.cleaning import Doomed, Left, Place, is_cleaned, judge_place, judge_tasks
from omicopy.model.export import ExportKey, ExportTask, Phase, parse_task
from omicopy.model.provenance import CLEANED_TAG
from omicopy.model.report import rfc3339
from omicopy.model.request import CopyRequest, Origin


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


def clean_up(
    clients: Clients, requests: Sequence[CopyRequest], tell: Callable[[str], None], now: datetime
) -> list[Cleaned]:
    """Deletes what was exported for `requests`, all of whose copies are there. What has to stay is told, and why.

    Raises nothing but Interrupted: the copies stand, and the next clean-up goes on.
    """
    exports: dict[tuple[str, str, ExportKey], str] = {}
    for request in requests:
        if isinstance(request.source, Origin):
            party = request.source.party
            exports.setdefault((party.account_id, party.region, request.source.export), party.profile)
    cleaned = []
    for profile in dict.fromkeys(exports.values()):
        keys = [key for (_, _, key), owner in exports.items() if owner == profile]
        cleaned += clean_exports(clients, profile, keys, now)
    for one in cleaned:
        if one.error:
            tell(f"The exported objects in {one.location} could not all be deleted: {one.error.message}")
        elif one.left:
            tell(f"The exported objects in {one.location} were left: {one.left.why}")
    return cleaned


def clean_exports(clients: Clients, profile: str, exports: Sequence[ExportKey], now: datetime) -> list[Cleaned]:
    """One account's exports and what became of each, in their order. Raises nothing but Interrupted."""
    try:
        tasks = read_tasks(clients, profile, {"ImageIds": sorted({export.image_id for export in exports})})
        clients.storage(profile)  # made before the threads start, once
    except OmicopyError as error:
        return [Cleaned(export, error=error) for export in exports]
    return in_parallel(lambda export: _Cleaner(clients, profile, export, now).clean(tasks), exports)


def is_anything_left(clients: Clients, profile: str, export: ExportKey) -> bool:
    """Whether a clean-up of the export still finds something to delete. Raises a ServiceError."""
    doomed = _judge_folder(export, read_folder(clients.storage(profile), export, ()))
    return isinstance(doomed, Doomed) and bool(doomed.manifests)


def read_tasks(clients: Clients, profile: str, filters: Mapping[str, Sequence[str]]) -> list[ExportTask]:
    api = clients.api(profile)
    raw = api.read_all("ReadImageExportTasks", "ImageExportTasks", clients.patience, filters)
    return [task for item in raw if (task := parse_task(item))]


@dataclass(slots=True)
class _Cleaner:
    """Cleans up one export: looks, marks the tasks, deletes the snapshots, looks again, deletes the manifests."""

    clients: Clients
    profile: str
    export: ExportKey
    now: datetime
    deleted: int = 0

    def clean(self, tasks: Sequence[ExportTask]) -> Cleaned:
        try:
            left = self._clean(tasks)
        except OmicopyError as error:
            return Cleaned(self.export, self.deleted, error=error)
        return Cleaned(self.export, self.deleted, left)

    def _clean(self, all_tasks: Sequence[ExportTask]) -> Left | None:
        if not any(task.key == self.export and task.phase is Phase.COMPLETE for task in all_tasks):
            return None  # nothing that could be proved to be ours, and nothing new to tell
        tasks = judge_tasks(all_tasks, self.export, self.now)
        if isinstance(tasks, Left):
            return tasks
        folder = read_folder(self.clients.storage(self.profile), self.export, tasks)
        doomed = _judge_folder(self.export, folder)
        if isinstance(doomed, Left):
            return doomed
        if not doomed.manifests:
            return None if is_cleaned(tasks) or not folder.sizes else _nothing_named(folder)
        self._mark(tasks)
        self._delete(doomed.snapshots)
        again = judge_tasks(self._read_again(), self.export, self.now)
        if isinstance(again, Left):
            return again
        if {task.task_id for task in again} - {task.task_id for task in tasks}:
            return Left("it was exported anew meanwhile")  # under the manifest's key there may be another by now
        self._delete(doomed.manifests)
        return None

    def _mark(self, tasks: Sequence[ExportTask]) -> None:
        """From here on the export counts as gone, also for a run that begins while its objects are being deleted."""
        fresh = [task.task_id for task in tasks if CLEANED_TAG not in task.tags]
        if fresh:
            tag = {"Key": CLEANED_TAG, "Value": rfc3339(self.now)}
            parameters = {"ResourceIds": fresh, "Tags": [tag]}
            self.clients.api(self.profile).write_again("CreateTags", self.clients.patience, parameters)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.clients.storage(self.profile).delete(self.export.bucket, key)
            self.deleted += 1

    def _read_again(self) -> list[ExportTask]:
        return read_tasks(self.clients, self.profile, {"ImageIds": [self.export.image_id]})


def _judge_folder(export: ExportKey, folder: Folder) -> Doomed | Left:
    for key, error in folder.broken.items():
        if key in folder.named:
            return Left(error.message)
    return judge_place(export, Place(folder.sizes.keys(), folder.found, folder.named))


def _nothing_named(folder: Folder) -> Left:
    reasons = [error.message for error in folder.broken.values()]
    return Left(reasons[0] if reasons else "no manifest lies there that would tell which they are")

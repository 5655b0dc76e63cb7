"""Decides which objects of an export may be deleted, and in which order: only omicopy's own (R4). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.model.export import ExportKey, ExportTask, Phase, StoredExport, tidy_key
from omicopy.model.own_tags import FOR_EVER, URL_EXPIRY_TAG, is_ours, url_expiry
from omicopy.model.result import rfc3339
from omicopy.model.units import format_size


@dataclass(frozen=True, slots=True)
class Kept:
    """The reason why nothing may be deleted."""

    why: str


@dataclass(frozen=True, slots=True)
class Deletable:
    """The keys to delete: first all snapshots, then the manifests.

    While a manifest exists, an interrupted clean-up can be repeated: only the manifest says which snapshots are ours.
    """

    snapshots: tuple[str, ...]
    manifests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """The content of an export's folder: all keys, the manifests, and the keys that the tasks name."""

    keys: Collection[str]
    manifests: Sequence[StoredExport]
    named: Collection[str] = ()


def deletable_tasks(tasks: Iterable[ExportTask], export: ExportKey, now: datetime) -> tuple[ExportTask, ...] | Kept:
    """Returns the complete tasks of an export if its objects may be deleted, else why not. `tasks` are all tasks of the
    image."""
    here = [task for task in tasks if task.key == export]
    for task in here:
        if task.is_running:
            return Kept(f"{task.task_id}, which is {task.state}, writes to the same place")
    complete = tuple(task for task in here if task.phase is Phase.COMPLETE)
    if not complete:
        return Kept("no finished export to this place is listed")
    # One foreign task is enough: all tasks of a place share its keys.
    for task in complete:
        if not is_ours(task):
            return Kept(f"{task.task_id}, which was not started by omicopy, exported to the same place")
        until = url_expiry(task)
        if until is not None and until > now:
            message = task.tags[URL_EXPIRY_TAG] if until is FOR_EVER else rfc3339(until)
            return Kept(f"a URL of it was handed out that works until {message}")
    return complete


def deletable_objects(export: ExportKey, place: ExportFolder) -> Deletable | Kept:
    """Returns the objects to delete of an export whose complete tasks omicopy started, which may be none; or why none
    may be deleted.

    Deletes omicopy's own manifests and the objects that they name, and never a key outside the export's folder. A
    manifest is omicopy's own if a task names it, or if it has the same objects as such a manifest (a re-signed one
    does). If no task names a manifest, the only one counts; of several it is unknown which one to delete.
    """
    ours, others = _divide(export, place)
    sets = {_objects(stored) for stored in ours}
    named = {_objects(stored) for stored in ours if stored.location.key in place.named}
    if named:
        others += [stored for stored in ours if _objects(stored) not in named]
        ours = [stored for stored in ours if _objects(stored) in named]
    elif len(sets) > 1:
        names = ", ".join(str(stored.location) for stored in ours)
        return Kept(f"it is unknown which of these manifests omicopy made: {names}")
    for stored in ours:
        problem = stored.manifest.problem_outside_folder(stored.location)
        if problem:
            return Kept(f"{stored.location} points outside its export: {problem}")
    # An object that any other manifest names stays: that export may be in use.
    kept = {key for stored in others for key in (stored.location.key, *_objects(stored))}
    manifests = [stored.location.key for stored in ours]
    snapshots = {key for stored in ours for key in _objects(stored)} - set(manifests)
    if kept & snapshots:
        return Kept(f"{min(kept & snapshots)} is also named by a manifest that omicopy didn't make")
    return Deletable(
        tuple(sorted(key for key in snapshots if key in place.keys and _is_inside(key, export))),
        tuple(sorted(manifests, key=lambda key: (key in place.named, key))),  # a task's own goes last: it is the proof
    )


def format_unnamed(sizes: Mapping[str, int], manifests: Sequence[StoredExport]) -> str | None:
    """Returns the number of disks that no manifest names, as text; None for none.

    A later export to the same place may replace the manifest of an earlier one, whose disks then have none.
    """
    named = {key for stored in manifests for key in _objects(stored)}
    # Only disks count: other files in the folder aren't an export's.
    unnamed = [size for key, size in sizes.items() if key.endswith(".gz") and key not in named]
    disks = f"{len(unnamed)} disk{'s' if len(unnamed) > 1 else ''}"
    return f"{disks} ({format_size(sum(unnamed))}) that no manifest names" if unnamed else None


def _divide(export: ExportKey, place: ExportFolder) -> tuple[list[StoredExport], list[StoredExport]]:
    """Returns the manifests directly in the export's folder, which may be its own, and all others."""
    ours: list[StoredExport] = []
    others: list[StoredExport] = []
    for stored in place.manifests:
        is_here = stored.location.bucket == export.bucket and stored.location.key in place.keys
        is_direct = f"{tidy_key(stored.location.key).rpartition('/')[0]}/" == export.folder.path
        (ours if is_here and is_direct else others).append(stored)
    return ours, others


def _objects(stored: StoredExport) -> frozenset[str]:
    return frozenset(snapshot.key or "" for snapshot in stored.manifest.snapshots)


def _is_inside(key: str, export: ExportKey) -> bool:
    return tidy_key(key).startswith(export.folder.path) and {".", ".."}.isdisjoint(key.split("/"))

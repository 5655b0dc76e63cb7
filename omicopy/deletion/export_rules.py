"""Which objects of an export may be deleted, in which order, or why none: only ours (R4). Pure."""

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
    """Nothing may be deleted, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Deletable:
    """What may be deleted: first these snapshots, and when they are gone these manifests."""

    snapshots: tuple[str, ...]
    manifests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """What lies under an export's prefix: all keys, the manifests among them, and those that our tasks name."""

    keys: Collection[str]
    manifests: Sequence[StoredExport]
    named: Collection[str] = ()


def deletable_tasks(tasks: Iterable[ExportTask], export: ExportKey, now: datetime) -> tuple[ExportTask, ...] | Kept:
    """The complete tasks of an export if its objects may be deleted, else why not. `tasks` are all of the image."""
    here = [task for task in tasks if task.key == export]
    for task in here:
        if task.is_running:
            return Kept(f"{task.task_id}, which is {task.state}, writes to the same place")
    complete = tuple(task for task in here if task.phase is Phase.COMPLETE)
    if not complete:
        return Kept("no finished export is listed that would have put it there")
    for task in complete:
        if not is_ours(task):
            return Kept(f"{task.task_id}, which bears no mark of this tool, put an export in the same place")
        until = url_expiry(task)
        if until is not None and until > now:
            message = task.tags[URL_EXPIRY_TAG] if until is FOR_EVER else rfc3339(until)
            return Kept(f"a URL of it was handed out that works until {message}")
    return complete


def deletable_objects(export: ExportKey, place: ExportFolder) -> Deletable | Kept:
    """Which objects may be deleted of an export whose complete tasks are all ours; perhaps none.

    Only what a manifest of ours names, and the manifests themselves; never a key outside the export's own folder. A
    manifest is ours if one of our tasks names it, or it is of the very same objects as one (signed anew, it is). Where
    no task says, it is the one there is; of several nobody can tell which is ours.
    """
    ours, others = _divide(export, place)
    sets = {_objects(stored) for stored in ours}
    named = {_objects(stored) for stored in ours if stored.location.key in place.named}
    if named:
        others += [stored for stored in ours if _objects(stored) not in named]
        ours = [stored for stored in ours if _objects(stored) in named]
    elif len(sets) > 1:
        names = ", ".join(str(stored.location) for stored in ours)
        return Kept(f"nobody can tell which of these is ours: {names}")
    for stored in ours:
        problem = stored.manifest.problem_outside_folder(stored.location)
        if problem:
            return Kept(f"{stored.location} points outside its export: {problem}")
    kept = {key for stored in others for key in (stored.location.key, *_objects(stored))}
    manifests = [stored.location.key for stored in ours]
    snapshots = {key for stored in ours for key in _objects(stored)} - set(manifests)
    if kept & snapshots:
        return Kept(f"{min(kept & snapshots)} is named by a manifest that is not ours, too")
    return Deletable(
        tuple(sorted(key for key in snapshots if key in place.keys and _is_inside(key, export))),
        tuple(sorted(manifests, key=lambda key: (key in place.named, key))),  # what proves the most stays longest
    )


def format_unnamed(sizes: Mapping[str, int], manifests: Sequence[StoredExport]) -> str | None:
    """The disks that no manifest names, counted: a later export to one place takes the manifest of an earlier one."""
    named = {key for stored in manifests for key in _objects(stored)}
    unnamed = [size for key, size in sizes.items() if key.endswith(".gz") and key not in named]
    disks = f"{len(unnamed)} disk{'s' if len(unnamed) > 1 else ''}"
    return f"{disks} ({format_size(sum(unnamed))}) that no manifest names" if unnamed else None


def _divide(export: ExportKey, place: ExportFolder) -> tuple[list[StoredExport], list[StoredExport]]:
    """The manifests that may be of this export, directly in its folder, and all others."""
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

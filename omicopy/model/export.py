"""An image export task: its states, and what makes two exports the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omicopy.model import json_fields
from omicopy.model.choices import DiskFormat
from omicopy.model.manifest import Expiry, Manifest
from omicopy.model.s3_location import S3Folder, S3Object
from omicopy.model.urls.presigned_url import PresignedUrl


class Phase(Enum):
    """What a task's state means. The service's list is not closed: what nobody documented is waited for (R6)."""

    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    UNKNOWN = "unknown"


_PHASES = {
    "pending/queued": Phase.RUNNING,
    "pending": Phase.RUNNING,
    "active": Phase.RUNNING,
    "in-queue": Phase.RUNNING,
    "initializing": Phase.RUNNING,
    "preparing": Phase.RUNNING,
    "uploading": Phase.RUNNING,
    "completed": Phase.COMPLETE,
    "failed": Phase.FAILED,
    "cancelled": Phase.FAILED,
}


_RUNNING = (Phase.RUNNING, Phase.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ExportKey:
    """What is the same export within one account: a place, which holds one manifest, whatever its disks' format is.

    `prefix` has no slashes around it and no image ID at its end.
    """

    image_id: str
    bucket: str
    prefix: str

    @property
    def folder(self) -> S3Folder:
        """Where the service puts the objects: `PREFIX/ami-12345678/`."""
        return S3Folder(self.bucket, f"{self.prefix}/{self.image_id}/" if self.prefix else f"{self.image_id}/")


def export_key(image_id: str, bucket: str, prefix: str) -> ExportKey:
    """The key of an export asked for as `PREFIX` or answered as `PREFIX/ami-12345678/`: they are one (DOMAIN.md §2)."""
    parts = [part for part in prefix.split("/") if part]
    if parts and parts[-1] == image_id:
        parts.pop()
    return ExportKey(image_id, bucket, "/".join(parts))


@dataclass(frozen=True, slots=True)
class ExportTask:
    """A task as `ReadImageExportTasks` shows it; `progress` in percent, `None` where nothing usable was said."""

    task_id: str
    key: ExportKey
    format: str
    """Of its disks, in lower case; perhaps empty for one that failed."""
    state: str
    progress: int | None
    comment: str
    raw_prefix: str
    manifest_url: str | None
    tags: Mapping[str, str]

    @property
    def phase(self) -> Phase:
        return _PHASES.get(self.state, Phase.UNKNOWN)

    @property
    def is_running(self) -> bool:
        """Whether it may still complete: also in a state that nobody documented (R6)."""
        return _PHASES.get(self.state, Phase.UNKNOWN) in _RUNNING

    @property
    def image_id(self) -> str:
        return self.key.image_id


def parse_task(raw: Mapping[str, Any]) -> ExportTask:
    """The task in an answer of the API. Raises Unreadable for one without its ID or its image's, and for one that may
    still serve and does not say what it exports to where: it may be the export that is looked for."""
    state = json_fields.text(raw, "State") or ""
    osu = json_fields.mapping(raw, "OsuExport")
    place = json_fields.optional if _PHASES.get(state) is Phase.FAILED else json_fields.required
    prefix = json_fields.optional(osu, "OsuPrefix")
    progress = json_fields.integer(raw, "Progress")
    return ExportTask(
        task_id=json_fields.required(raw, "TaskId"),
        key=export_key(json_fields.required(raw, "ImageId"), place(osu, "OsuBucket"), prefix),
        format=place(osu, "DiskImageFormat").lower(),
        state=state,
        progress=progress if progress is not None and 0 <= progress <= 100 else None,
        comment=json_fields.text(raw, "Comment") or "",
        raw_prefix=prefix,
        manifest_url=json_fields.text(osu, "OsuManifestUrl"),
        tags=json_fields.tags(raw),
    )


def tidy_key(key: str) -> str:
    """The key without slashes at its ends or in a row: how the service treats those is not documented."""
    return "/".join(part for part in key.split("/") if part)


@dataclass(frozen=True, slots=True)
class StoredExport:
    """A manifest found in the bucket, held against the objects that really lie there."""

    location: S3Object
    """Of the manifest."""
    manifest: Manifest
    damage: tuple[str, ...] = ()
    """Objects that are missing or of another size, each said in words."""


@dataclass(frozen=True, slots=True)
class FoundExport:
    """What decisions go by of a stored export. Without its manifest, whose live URLs nobody should keep for long."""

    location: S3Object
    """Of the manifest."""
    expiry: Expiry
    """Of all embedded URLs."""
    damage: tuple[str, ...]
    dead_urls: tuple[str, ...]
    """Embedded URLs that the store refuses, by the key of their object."""
    digest: str = ""
    """Of the manifest as it was checked. Empty: nobody knows, and it is not compared."""
    format: str | None = None
    """Of its disks, where their names tell it."""
    task_url: PresignedUrl | None = field(default=None, repr=False)
    """Where no key reads the bucket: the task's own URL of the manifest, which nobody can sign anew."""
    flaw: str = ""
    """Where no key reads the bucket: why what the task shows does not serve."""

    @property
    def is_from_task(self) -> bool:
        """Whether the task alone tells of it."""
        return self.task_url is not None or bool(self.flaw)


def format_of(manifest: Manifest) -> str | None:
    """The disk format that the objects' names tell; None where they tell none."""
    for known in DiskFormat:
        if all(f".{known}" in (snapshot.key or "") for snapshot in manifest.snapshots):
            return known
    return None

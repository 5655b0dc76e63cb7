"""Image export tasks: their states, and which exports count as the same."""

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
    """What the state of a task means. The service may add states; an unknown one counts as running (R6)."""

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
    """Identifies an export within one account: image, bucket and prefix. One such place holds one manifest, in whatever
    disk format.

    `prefix` has no slashes at its ends, and no image ID as its last part.
    """

    image_id: str
    bucket: str
    prefix: str

    @property
    def folder(self) -> S3Folder:
        """Where the service writes the objects: `PREFIX/ami-12345678/`."""
        return S3Folder(self.bucket, f"{self.prefix}/{self.image_id}/" if self.prefix else f"{self.image_id}/")


def export_key(image_id: str, bucket: str, prefix: str) -> ExportKey:
    """The key of an export. `PREFIX` (as requested) and `PREFIX/ami-12345678/` (as answered) give the same key
    (DOMAIN.md §2)."""
    parts = [part for part in prefix.split("/") if part]
    if parts and parts[-1] == image_id:
        parts.pop()
    return ExportKey(image_id, bucket, "/".join(parts))


@dataclass(frozen=True, slots=True)
class ExportTask:
    """A task as `ReadImageExportTasks` returns it. `progress` is in percent, None if missing or invalid."""

    task_id: str
    key: ExportKey
    format: str
    """Disk format in lower case; may be empty for a failed task."""
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
        """True if the task may still complete. That includes undocumented states (R6)."""
        return _PHASES.get(self.state, Phase.UNKNOWN) in _RUNNING

    @property
    def image_id(self) -> str:
        return self.key.image_id


def parse_task(raw: Mapping[str, Any]) -> ExportTask:
    """Parses one task of an API answer.

    Raises MalformedAnswer if an ID is missing, or if a task that has not failed lacks bucket or format: it might be the
    export that we look for.
    """
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
    """The key without leading, trailing and repeated slashes.

    The service's treatment of such slashes is not documented.
    """
    return "/".join(part for part in key.split("/") if part)


@dataclass(frozen=True, slots=True)
class StoredExport:
    """A manifest found in the bucket, compared with the objects that really exist."""

    location: S3Object
    """Of the manifest."""
    manifest: Manifest
    damage: tuple[str, ...] = ()
    """One phrase for each object that is missing or has the wrong size."""


@dataclass(frozen=True, slots=True)
class FoundExport:
    """What decisions need to know of a stored export.

    It doesn't contain the manifest, whose URLs are live secrets that should not be kept for long.
    """

    location: S3Object
    """Of the manifest."""
    expiry: Expiry
    """Of all embedded URLs."""
    damage: tuple[str, ...]
    dead_urls: tuple[str, ...]
    """Object keys of the embedded URLs that the store refuses."""
    digest: str = ""
    """Of the manifest that was checked. Empty if unknown; then it is not compared."""
    format: str | None = None
    """Disk format, if the object names tell it."""
    task_url: PresignedUrl | None = field(default=None, repr=False)
    """Without a storage key: the task's own URL of the manifest. It can't be re-signed."""
    flaw: str = ""
    """Without a storage key: why the task's URL is unusable."""

    @property
    def is_from_task(self) -> bool:
        """True if this was read through the task's URL instead of the bucket."""
        return self.task_url is not None or bool(self.flaw)


def format_of(manifest: Manifest) -> str | None:
    """The disk format that the object names tell; None if they don't."""
    for known in DiskFormat:
        if all(f".{known}" in (snapshot.key or "") for snapshot in manifest.snapshots):
            return known
    return None

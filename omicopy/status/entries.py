"""The entries of `status`: exports, copies, and the copies of a plan. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from omicopy.model.choices import IfExists
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image, last_marker
from omicopy.model.own_tags import CLEANED_TAG, COPY_TAG, EXPORT_TAG, URL_EXPIRY_TAG
from omicopy.model.request import AccountRef, CopyRequest, Source
from omicopy.model.result import rfc3339

_SOURCE = re.compile(r"\[omicopy (?P<region>[^ ]+) (?P<thing>[^ ]+)\]")


class ManifestState(StrEnum):
    """The state of an export's manifest."""

    ALIVE = "alive"
    EXPIRED = "expired"
    REFUSED = "refused"
    """The store refuses a URL in it, although that URL has not expired."""
    DAMAGED = "damaged"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    """Unknown, because the bucket could not be read."""


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """What the bucket contains of an export. `expires_at` is None if the expiry of a URL is unknown."""

    manifest_state: ManifestState
    location: str | None = None
    expires_at: datetime | None = None
    reason: str = ""
    format: str | None = None
    """The format of the disks, if their names show it."""


@dataclass(frozen=True, slots=True)
class ExportEntry:
    """An export task; without a `task`, a manifest in the bucket whose task the service doesn't list."""

    source: AccountRef
    key: ExportKey
    image_name: str | None
    task: ExportTask | None
    found: FoundManifest | None = None
    """None if the bucket was not read."""

    @property
    def state(self) -> str:
        return self.task.state if self.task else "unlisted"

    @property
    def format(self) -> str | None:
        if self.task:
            return self.task.format or None
        return self.found.format if self.found else None

    @property
    def is_ours(self) -> bool:
        return self.task is not None and EXPORT_TAG in self.task.tags

    @property
    def is_cleaned_up(self) -> bool:
        return self.task is not None and CLEANED_TAG in self.task.tags

    @property
    def comment(self) -> str:
        """The service's comment on a failed task, else empty: other comments don't matter (DOMAIN.md §2)."""
        return self.task.comment if self.task and self.task.phase is Phase.FAILED else ""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The source that a copy's description names: an image, or a shared manifest."""

    region: str | None
    image_id: str | None
    manifest: str | None

    def __str__(self) -> str:
        return f"manifest {self.manifest}" if self.manifest else f"{self.region}/{self.image_id}"


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image in a target account that is a copy."""

    target: AccountRef
    image: Image
    source: ImageSource

    @property
    def reason(self) -> str:
        """Why the image failed; empty if it did not."""
        return _why_failed(self.image)


class CopyStatus(StrEnum):
    """The state of a planned copy that has no image yet. A copy with an image has the image's state."""

    EXPORTING = "exporting"
    EXPORTED = "exported"
    ABSENT = "absent"
    TAKEN = "name-taken"
    UNKNOWN = "unknown"
    """The source or the target account could not be read."""


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """A copy that a plan asks for."""

    request: CopyRequest
    state: str
    image: Image | None = None
    task: ExportTask | None = None
    reason: str = ""


def source_of(image: Image) -> ImageSource | None:
    """Returns the source that the last marker of an image names, None if the image is not a copy."""
    found = _SOURCE.fullmatch(last_marker(image.description) or "")
    if found is None:
        return None
    region, resource = found["region"], found["thing"]
    return ImageSource(None, None, resource) if region == "manifest" else ImageSource(region, resource, None)


def copy_status(request: CopyRequest, images: Sequence[Image], tasks: Sequence[ExportTask]) -> CopyEntry:
    """Returns the state of a copy, from the target account's images and the source account's tasks.

    Checks the last step first, as the loop does: an existing image makes the export irrelevant.
    """
    target = request.target
    if target is not None:
        candidates = request.own_images(images)
        ours = [image for image in candidates if last_marker(image.description) == request.marker]
        if ours:
            return CopyEntry(request, ours[0].state, ours[0], reason=_why_failed(ours[0]))
        holder = next((image for image in candidates if image.name == target.name), None)
        if holder is not None and target.if_exists is not IfExists.RENAME:
            reason = f"{holder.image_id} has the name and is not a copy of this source"
            return CopyEntry(request, CopyStatus.TAKEN, reason=reason)
    return _export_status(request, tasks)


def _why_failed(image: Image) -> str:
    return image.state_reason if image.is_failed else ""


def _export_status(request: CopyRequest, tasks: Sequence[ExportTask]) -> CopyEntry:
    if not isinstance(request.source, Source):
        return CopyEntry(request, CopyStatus.ABSENT)
    wanted, place = request.source.format, request.source.export
    here = sorted((task for task in tasks if task.key == place), key=lambda task: task.task_id)
    mine = [task for task in here if wanted is None or task.format in (wanted, "")]
    complete = [task for task in mine if task.phase is Phase.COMPLETE and CLEANED_TAG not in task.tags]
    running = [task for task in mine if task.is_running]
    failed = [task for task in mine if task.phase is Phase.FAILED]
    if complete:
        return CopyEntry(request, CopyStatus.EXPORTED, task=complete[0])
    if running:
        return CopyEntry(request, CopyStatus.EXPORTING, task=running[0])
    reason = f"{failed[-1].task_id} ended as {failed[-1].state}: {failed[-1].comment}" if failed else ""
    return CopyEntry(request, CopyStatus.ABSENT, reason=reason)


def describe_export(entry: ExportEntry) -> dict[str, Any]:
    """Returns the JSON of one entry of `exports`. It contains the manifest's location, but no URL."""
    tags, found = entry.task.tags if entry.task else {}, entry.found
    return {
        "task_id": entry.task.task_id if entry.task else None,
        "source": {**entry.source.to_json(), "image_id": entry.key.image_id, "image_name": entry.image_name},
        "state": entry.state,
        "progress": entry.task.progress if entry.task else None,
        "comment": entry.comment or None,
        "bucket": entry.key.bucket,
        "prefix": entry.key.prefix,
        "format": entry.format,
        "ours": entry.is_ours,
        "cleaned_up": tags.get(CLEANED_TAG),
        "handed_out_until": tags.get(URL_EXPIRY_TAG),
        "manifest": _describe_found(found) if found else None,
    }


def _describe_found(found: FoundManifest) -> dict[str, Any]:
    return {
        "state": found.manifest_state.value,
        "location": found.location,
        "expires_at": rfc3339(found.expires_at),
        "reason": found.reason or None,
    }


def describe_image(entry: ImageEntry) -> dict[str, Any]:
    """Returns the JSON of one entry of `images`. `finished` is true if the copy has the tag that is set last."""
    image = entry.image
    return {
        "target": {**entry.target.to_json(), "image_id": image.image_id, "image_name": image.name},
        "state": image.state,
        "reason": entry.reason or None,
        "created_at": rfc3339(image.created_at),
        "source": {**asdict(entry.source), "account_id": image.tags.get("omicopy:source-account")},
        "finished": image.tags.get(COPY_TAG) == image.image_id,
    }


def describe_copy(entry: CopyEntry) -> dict[str, Any]:
    """Returns the JSON of one entry of `copies`, with the same keys as the results of `run` where possible."""
    request, source = entry.request, entry.request.source
    described_source = (
        {**source.account.to_json(), "image_id": source.image.image_id} if isinstance(source, Source) else None
    )
    target = None
    if request.target:
        image_id, name = (entry.image.image_id, entry.image.name) if entry.image else (None, request.target.name)
        target = {**request.target.account.to_json(), "image_id": image_id, "image_name": name}
    return {
        "job": request.job,
        "source": described_source,
        "target": target,
        "state": str(entry.state),
        "progress": entry.task.progress if entry.task else None,
        "export_task_id": entry.task.task_id if entry.task else None,
        "reason": entry.reason or None,
    }

"""The tags that omicopy writes: where a copy came from, and that an image or an export is ours to touch (R4). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.image_settings import OWN_PREFIX, ImageSettings
from omicopy.model.json_fields import parse_timestamp
from omicopy.model.request import CopyRequest, Source

COPY_TAG = "omicopy:copy"
"""On a copy: its own image ID. A tag that was copied along with others names another image, and proves nothing."""
EXPORT_TAG = "omicopy:export"
"""On an export task that this tool started."""
CLEANED_TAG = "omicopy:cleaned-up"
"""On an export task of ours, since when its objects are being deleted: from then on it counts as gone."""
URL_EXPIRY_TAG = "omicopy:handed-out-until"
"""On an export task of ours, until when a URL of its manifest may be in use."""
JOB_TAG = "omicopy:job"
"""On a copy and on an export task: the job of a plan that it was first made for."""
DATE_TAG = "omicopy:source-date"
"""On a copy and on an export task: when the source image was created. Retention goes by it."""
NAME_TAG = "omicopy:source-name"
"""On a copy and on an export task: what the source image is called. The image may be gone before they are."""
DELETED_IMAGE_TAG = "omicopy:of"
"""On a snapshot of an image of ours that is about to be deleted, and that no other image maps: the image's ID. Without
the image, it is what an interrupted deletion left."""
SOURCE_IMAGE_TAG = "omicopy:source-image"
SOURCE_ACCOUNT_TAG = "omicopy:source-account"
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def provenance_tags(request: CopyRequest, image_id: str, version: str) -> dict[str, str]:
    """The tags that the copy `image_id` bears when it is complete."""
    tags = {COPY_TAG: image_id, "omicopy:version": version}
    if isinstance(request.source, Source):
        origin = request.source
        tags[SOURCE_IMAGE_TAG] = origin.image.image_id
        tags["omicopy:source-region"] = origin.account.region
        tags[SOURCE_ACCOUNT_TAG] = origin.account.account_id
    else:
        tags["omicopy:source-manifest"] = request.source.manifest.fingerprint()[:12]
    return tags | _retention_tags(request)


def export_tags(request: CopyRequest, version: str) -> dict[str, str]:
    """The tags of an export task that this tool started for `request`."""
    return {EXPORT_TAG: version} | _retention_tags(request)


def _retention_tags(request: CopyRequest) -> dict[str, str]:
    """What `prune` goes by when the source image is gone."""
    tags = {JOB_TAG: request.job} if request.job else {}
    if isinstance(request.source, Source):
        image = request.source.image
        tags |= {NAME_TAG: image.name} if image.name else {}
        tags |= {DATE_TAG: image.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")} if image.created_at else {}
    return tags


def missing_tags(image: Image, request: CopyRequest, version: str) -> dict[str, str]:
    """What has to be written. The image's own ID and what the user asked for must match; other values stay as first
    written. Of the source's tags ours don't go along: they would tell of another image."""
    settings = request.destination.settings if request.destination else ImageSettings()
    source = request.source.image.tags if isinstance(request.source, Source) and settings.copy_tags else {}
    wanted = {key: value for key, value in source.items() if not key.startswith(OWN_PREFIX)}
    wanted |= {**settings.tags, **provenance_tags(request, image.image_id, version)}
    firm = {COPY_TAG, *settings.tags}
    return {
        key: value
        for key, value in wanted.items()
        if key not in image.tags or (key in firm and image.tags[key] != value)
    }


def is_ours_to_delete(image: Image, journaled: frozenset[str]) -> bool:
    """Whether a marked image of our account may be deleted: its tag names itself, or our journal knows its ID (R4)."""
    return image.tags.get(COPY_TAG) == image.image_id or image.image_id in journaled


def is_ours(task: ExportTask) -> bool:
    return EXPORT_TAG in task.tags


def url_expiry(task: ExportTask) -> datetime | None:
    """Until when a URL of the export may be in use; None for one that was never handed out. What can't be read is for
    ever."""
    text = task.tags.get(URL_EXPIRY_TAG)
    if text is None:
        return None
    return parse_timestamp(text) or FOR_EVER


def is_cleaned(tasks: Iterable[ExportTask]) -> bool:
    """Whether a clean-up of all of them has begun before."""
    return all(CLEANED_TAG in task.tags for task in tasks)

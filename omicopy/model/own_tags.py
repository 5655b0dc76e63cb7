"""The tags that omicopy writes: where a copy comes from, and which images and exports it may delete (R4). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.image_settings import OWN_PREFIX, ImageSettings
from omicopy.model.json_fields import parse_timestamp
from omicopy.model.request import CopyRequest, Source

COPY_TAG = "omicopy:copy"
"""On a copy: its own image ID. If someone copies the tag to another image, the ID doesn't match and proves nothing."""
EXPORT_TAG = "omicopy:export"
"""On an export task that omicopy started."""
CLEANED_TAG = "omicopy:cleaned-up"
"""On an export task of ours: when the deletion of its objects began. From then on every run ignores the export."""
URL_EXPIRY_TAG = "omicopy:handed-out-until"
"""On an export task of ours: until when a URL of its manifest may be in use."""
JOB_TAG = "omicopy:job"
"""On a copy and on an export task: the job of the plan that it was first made for."""
DATE_TAG = "omicopy:source-date"
"""On a copy and on an export task: the creation date of the source image. Retention uses it."""
NAME_TAG = "omicopy:source-name"
"""On a copy and on an export task: the name of the source image, which may be deleted before they are."""
DELETED_IMAGE_TAG = "omicopy:of"
"""On the snapshots of an image that is about to be deleted and that no other image uses: the image's ID.

If the deletion is interrupted, this tag shows which snapshots are left over.
"""
SOURCE_IMAGE_TAG = "omicopy:source-image"
SOURCE_ACCOUNT_TAG = "omicopy:source-account"
FOR_EVER = datetime.max.replace(tzinfo=UTC)


def provenance_tags(request: CopyRequest, image_id: str, version: str) -> dict[str, str]:
    """The tags of the finished copy `image_id`."""
    tags = {COPY_TAG: image_id, "omicopy:version": version}
    if isinstance(request.source, Source):
        source = request.source
        tags[SOURCE_IMAGE_TAG] = source.image.image_id
        tags["omicopy:source-region"] = source.account.region
        tags[SOURCE_ACCOUNT_TAG] = source.account.account_id
    else:
        tags["omicopy:source-manifest"] = request.source.manifest.fingerprint()[:12]
    return tags | _retention_tags(request)


def export_tags(request: CopyRequest, version: str) -> dict[str, str]:
    """The tags of an export task that omicopy starts for `request`."""
    return {EXPORT_TAG: version} | _retention_tags(request)


def _retention_tags(request: CopyRequest) -> dict[str, str]:
    """What `prune` needs to know when the source image is gone."""
    tags = {JOB_TAG: request.job} if request.job else {}
    if isinstance(request.source, Source):
        image = request.source.image
        tags |= {NAME_TAG: image.name} if image.name else {}
        tags |= {DATE_TAG: image.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")} if image.created_at else {}
    return tags


def missing_tags(image: Image, request: CopyRequest, version: str) -> dict[str, str]:
    """The tags that still have to be written to a copy."""
    settings = request.target.settings if request.target else ImageSettings()
    source = request.source.image.tags if isinstance(request.source, Source) and settings.copy_tags else {}
    # Our own tags on the source describe the source, so they are not copied.
    wanted = {key: value for key, value in source.items() if not key.startswith(OWN_PREFIX)}
    wanted |= {**settings.tags, **provenance_tags(request, image.image_id, version)}
    # The values of these must match; all others stay as first written.
    firm = {COPY_TAG, *settings.tags}
    return {
        key: value
        for key, value in wanted.items()
        if key not in image.tags or (key in firm and image.tags[key] != value)
    }


def is_ours_to_delete(image: Image, journaled: frozenset[str]) -> bool:
    """True if a marked image of our account may be deleted: its tag contains its own ID, or our journal does (R4)."""
    return image.tags.get(COPY_TAG) == image.image_id or image.image_id in journaled


def is_ours(task: ExportTask) -> bool:
    return EXPORT_TAG in task.tags


def url_expiry(task: ExportTask) -> datetime | None:
    """Until when a URL of the export may be in use; None if none was handed out. An unreadable date counts as never."""
    text = task.tags.get(URL_EXPIRY_TAG)
    if text is None:
        return None
    return parse_timestamp(text) or FOR_EVER


def is_cleaned(tasks: Iterable[ExportTask]) -> bool:
    """True if the deletion of all of them has begun."""
    return all(CLEANED_TAG in task.tags for task in tasks)

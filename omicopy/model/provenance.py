"""The tags that tell where a copy came from, and that an image or an export is ours to touch (R4)."""

from __future__ import annotations

from collections.abc import Mapping

from omicopy.model.image import Image
from omicopy.model.request import CopyRequest, Origin

COPY_TAG = "omicopy:copy"
"""On a copy: its own image ID. A tag that was copied along with others names another image, and proves nothing."""
EXPORT_TAG = "omicopy:export"
"""On an export task that this tool started."""


def provenance_tags(request: CopyRequest, image_id: str, version: str) -> dict[str, str]:
    """The tags that the copy `image_id` bears when it is complete."""
    tags = {COPY_TAG: image_id, "omicopy:version": version}
    if isinstance(request.source, Origin):
        origin = request.source
        tags["omicopy:source-image"] = origin.image.image_id
        tags["omicopy:source-region"] = origin.party.region
        tags["omicopy:source-account"] = origin.party.account_id
    else:
        tags["omicopy:source-manifest"] = request.source.manifest.fingerprint()[:12]
    return tags


def missing_tags(image: Image, wanted: Mapping[str, str]) -> dict[str, str]:
    """What of `wanted` has to be written. Only the image's own ID must match; other values stay as first written."""
    return {
        key: value
        for key, value in wanted.items()
        if key not in image.tags or (key == COPY_TAG and image.tags[key] != value)
    }


def is_ours_to_delete(image: Image, journaled: frozenset[str]) -> bool:
    """Whether a marked image of our account may be deleted: its tag names itself, or our journal knows its ID (R4)."""
    return image.tags.get(COPY_TAG) == image.image_id or image.image_id in journaled

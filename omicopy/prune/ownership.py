"""Decides which copies and exports a retention applies to: only ours (R4), and only those that match the job. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from omicopy.model.export import ExportTask, Phase, export_key
from omicopy.model.image import Image, last_marker, source_marker
from omicopy.model.json_fields import parse_timestamp
from omicopy.model.own_tags import COPY_TAG, DATE_TAG, JOB_TAG, NAME_TAG, SOURCE_ACCOUNT_TAG, SOURCE_IMAGE_TAG, is_ours
from omicopy.model.request import AccountRef
from omicopy.plans.model import Retention, Selector
from omicopy.prune.retention import name_pattern

NOT_SELECTED = "no entry of the job matches it"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a retention applies to: copies and exports of one source account, made by one job or, without a job, by any
    run."""

    source: AccountRef
    retention: Retention
    job: str | None = None
    selectors: tuple[Selector, ...] = ()
    """The job's entries. They must match, too, because another plan may have a job of the same name."""
    bucket: str | None = None
    prefix: str = ""
    """Without a job: the folder of the exports. Without a bucket, exports are ignored."""

    def matches(self, source: SourceFacts) -> bool:
        """True if an entry of the job may match that image, and always without a job."""
        return self.job is None or any(_may_match(selector, source) for selector in self.selectors)

    def group(self, name: str, source: SourceFacts) -> str:
        """Returns the group in which a copy or export with that name is counted.

        A job may change the names of its copies, so its groups use the source's name. Without a job, groups use the
        copy's name. Without any name, each source image is a group.
        """
        names = (source.name, name) if self.job is not None else (name, source.name)
        found = next((text for text in names if text), None)
        return name_pattern(found, source.image_id) if found else source.image_id


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known about the source image of a copy or an export. The image may be deleted."""

    image_id: str
    name: str | None
    created: datetime | None


def source_facts(image_id: str, tags: Mapping[str, str], known: Image | None) -> SourceFacts:
    """Returns facts from the tags of a copy or an export, else from the source itself: older versions set fewer
    tags."""
    created = parse_timestamp(tags.get(DATE_TAG)) or (known.created_at if known else None)
    return SourceFacts(image_id, tags.get(NAME_TAG) or (known.name if known else None), created)


def source_id(image: Image) -> str:
    return image.tags.get(SOURCE_IMAGE_TAG, "")


def is_our_copy(image: Image, target: AccountRef, source: AccountRef) -> bool:
    """True if omicopy made the image from the source account, and so may delete it (R4)."""
    return (
        image.account_id == target.account_id
        and image.tags.get(COPY_TAG) == image.image_id
        and image.tags.get(SOURCE_ACCOUNT_TAG) == source.account_id
        and last_marker(image.description) == source_marker(source.region, source_id(image))
    )


def has_job_tag(scope: Scope, tags: Mapping[str, str]) -> bool:
    """True if the tags name the scope's job, and always without a job."""
    return scope.job in (None, tags.get(JOB_TAG))


def is_own_export(scope: Scope, task: ExportTask) -> bool:
    """True if it is our complete export, with the job's tag or, without a job, in the scope's folder."""
    if scope.job is not None:
        is_in = has_job_tag(scope, task.tags)
    else:
        is_in = task.key == export_key(task.image_id, scope.bucket or "", scope.prefix)
    return is_in and is_ours(task) and task.phase is Phase.COMPLETE


def _may_match(selector: Selector, source: SourceFacts) -> bool:
    """True if the selector may match. It ignores tags, because the source's tags may have changed since. An unknown
    name matches no selector that has a name."""
    if selector.id is not None:
        return selector.id == source.image_id
    if source.name is None:
        return selector.name is None and selector.name_regex is None
    is_named = selector.name in (None, source.name)
    return is_named and (selector.name_regex is None or re.search(selector.name_regex, source.name) is not None)

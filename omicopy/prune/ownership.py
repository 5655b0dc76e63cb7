"""Which copies and exports one retention is for: ours alone (R4), and of a plan's job only what it could mean. Pure."""

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

NOT_SELECTED = "no entry of the job means it"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one retention is for: the copies and exports of one source account, of a plan's job or of any."""

    source: AccountRef
    retention: Retention
    job: str | None = None
    selectors: tuple[Selector, ...] = ()
    """The job's entries. Another plan may have a job of the same name, and what it copied is not this one's."""
    bucket: str | None = None
    prefix: str = ""
    """Without a job: where the exports lie. Without a bucket no export is looked at."""

    def matches(self, source: SourceFacts) -> bool:
        """Whether an entry of the job could mean that image; without a job any is meant."""
        return self.job is None or any(_may_match(selector, source) for selector in self.selectors)

    def group(self, name: str, source: SourceFacts) -> str:
        """What a copy or export of that name is counted with: those of the same kind of image.

        A job may change what it calls its copies, so that the source's name tells the kind; where there is no job, the
        copy's own does. What has no name is of a kind of its own.
        """
        names = (source.name, name) if self.job is not None else (name, source.name)
        found = next((text for text in names if text), None)
        return name_pattern(found, source.image_id) if found else source.image_id


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of the image that a copy or an export was made from; it may be gone."""

    image_id: str
    name: str | None
    created: datetime | None


def source_facts(image_id: str, tags: Mapping[str, str], known: Image | None) -> SourceFacts:
    """What the tags of a copy or of an export say; where older versions said nothing, what the source itself does."""
    created = parse_timestamp(tags.get(DATE_TAG)) or (known.created_at if known else None)
    return SourceFacts(image_id, tags.get(NAME_TAG) or (known.name if known else None), created)


def source_id(image: Image) -> str:
    return image.tags.get(SOURCE_IMAGE_TAG, "")


def is_our_copy(image: Image, target: AccountRef, source: AccountRef) -> bool:
    """Whether it is one that this tool made from the source account, and may delete (R4)."""
    return (
        image.account_id == target.account_id
        and image.tags.get(COPY_TAG) == image.image_id
        and image.tags.get(SOURCE_ACCOUNT_TAG) == source.account_id
        and last_marker(image.description) == source_marker(source.region, source_id(image))
    )


def has_job_tag(scope: Scope, tags: Mapping[str, str]) -> bool:
    """Whether the tags name the scope's job; without a job any do."""
    return scope.job in (None, tags.get(JOB_TAG))


def is_own_export(scope: Scope, task: ExportTask) -> bool:
    """Whether it is a complete export of ours with the job's name on it, or in the scope's place."""
    if scope.job is not None:
        is_in = has_job_tag(scope, task.tags)
    else:
        is_in = task.key == export_key(task.image_id, scope.bucket or "", scope.prefix)
    return is_in and is_ours(task) and task.phase is Phase.COMPLETE


def _may_match(selector: Selector, source: SourceFacts) -> bool:
    """Tags that the source has or had nobody can tell. A name that is not known fits no entry that asks for one."""
    if selector.id is not None:
        return selector.id == source.image_id
    if source.name is None:
        return selector.name is None and selector.name_regex is None
    is_named = selector.name in (None, source.name)
    return is_named and (selector.name_regex is None or re.search(selector.name_regex, source.name) is not None)

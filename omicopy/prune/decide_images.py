"""Decides which of our copies retention deletes, and finds snapshots of deleted copies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omicopy.model import json_fields
from omicopy.model.image import Image, is_image_id
from omicopy.model.own_tags import DELETED_IMAGE_TAG
from omicopy.model.request import AccountRef
from omicopy.model.verification import differences, image_properties
from omicopy.prune.entries import Action, Entry, Kind, PruneFacts, StillNeeded
from omicopy.prune.ownership import NOT_SELECTED, Scope, SourceFacts, has_job_tag, is_our_copy, source_facts, source_id
from omicopy.prune.retention import Item, Verdict, apply_retention


@dataclass(frozen=True, slots=True)
class _Copy:
    target: AccountRef
    image: Image
    source: SourceFacts
    flaw: str
    """Why the copy is not usable; empty if nothing is known to be wrong."""

    @property
    def created(self) -> datetime | None:
        """When the source was created. Older versions did not tag that: then when the copy itself was."""
        return self.source.created or self.image.created_at


def decide_copies(scope: Scope, known: PruneFacts) -> list[Entry]:
    """Returns an entry per copy of the scope, in all target accounts."""
    copies = [
        _copy(target, image, known.sources.get(source_id(image)))
        for target, shown in known.images.items()
        for image in shown
        if is_our_copy(image, target, scope.source) and has_job_tag(scope, image.tags)
    ]
    selected = [copy for copy in copies if scope.matches(copy.source)]
    items = [
        Item((copy.target, scope.group(copy.image.name, copy.source)), copy.created, not copy.flaw, copy.image.image_id)
        for copy in selected
    ]
    keys = [(copy.target, copy.image.image_id) for copy in selected]
    verdicts = dict(zip(keys, apply_retention(items, scope.retention, known.now), strict=True))
    return [_entry(scope, copy, verdicts.get((copy.target, copy.image.image_id)), known.wanted) for copy in copies]


def _copy(target: AccountRef, image: Image, source: Image | None) -> _Copy:
    """Compares an available copy with its source, except for boot settings: options may have changed those."""
    flaw = "" if image.is_available else f"it is {image.state}"
    if not flaw and source and (found := differences(image_properties(source), image_properties(image))):
        flaw = f"it differs from its source: {'; '.join(found)}"
    return _Copy(target, image, source_facts(source_id(image), image.tags, source), flaw)


def _entry(scope: Scope, copy: _Copy, verdict: Verdict | None, wanted: StillNeeded) -> Entry:
    """Returns the entry of a copy. `verdict` is None if no entry of the job matches the copy; it is then kept."""
    image, source = copy.image, copy.source
    action, why = Action.KEEP, verdict.why if verdict else NOT_SELECTED
    if verdict and copy.flaw:
        why = copy.flaw
    elif verdict and verdict.delete:
        if (scope.source.account_id, scope.source.region, source.image_id) in wanted.selected:
            why = "the plan still asks for it"
        else:
            action = Action.DELETE
    return Entry(Kind.IMAGE, copy.target, image.image_id, image.name, source.image_id, copy.created, action, why, image)


def decide_snapshots(
    target: AccountRef, snapshots: Iterable[Mapping[str, Any]], images: Iterable[Image]
) -> Iterator[Entry]:
    """Yields the snapshots that interrupted deletions left: tagged as part of an image that is not in `images`, and not
    used by any of them. `images` are all of the account, `snapshots` raw items of the API."""
    images = list(images)
    there = {image.image_id for image in images}
    mapped = {volume.snapshot_id for image in images for volume in image.volumes}
    for raw in snapshots:
        snapshot_id, image_id = json_fields.text(raw, "SnapshotId"), json_fields.tags(raw).get(DELETED_IMAGE_TAG, "")
        is_own = json_fields.text(raw, "AccountId") == target.account_id
        if is_own and is_image_id(image_id) and image_id not in there and snapshot_id and snapshot_id not in mapped:
            yield Entry(Kind.SNAPSHOT, target, snapshot_id, "", "", None, Action.DELETE, "its image was deleted")

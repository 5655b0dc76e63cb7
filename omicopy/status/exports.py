"""Finds the exports that `status` reports, and what the bucket contains of completed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.parallel import by_item
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_task import find_export, warn_without_key
from omicopy.model.export import ExportKey, ExportTask, FoundExport, Phase, export_key
from omicopy.model.image import Image
from omicopy.model.lookup import Absent, BucketFact, Present
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.status.entries import ExportEntry, FoundManifest, ManifestState
from omicopy.status.report import StatusReport

MAX_BUCKET_READS = 50
"""How many exports' folders in the bucket are read without --deep."""
_TASK = "image-export-"


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """Selects images (by ID or exact name) and export tasks; no names select all.

    `bucket` and `prefix` restrict the exports; None allows any.
    """

    names: Sequence[str] = ()
    bucket: str | None = None
    prefix: str | None = None
    deep: bool = False
    """True to read the bucket of every complete export."""

    @property
    def task_ids(self) -> list[str]:
        return [name for name in self.names if name.startswith(_TASK)]

    @property
    def image_names(self) -> list[str]:
        return [name for name in self.names if not name.startswith(_TASK)]

    def matches(self, key: ExportKey) -> bool:
        return self.bucket in (None, key.bucket) and self.prefix in (None, key.prefix)


def normalized(wanted: ExportFilter) -> ExportFilter:
    """Returns the filter with its prefix as export keys have it. Raises USAGE for an invalid bucket or prefix."""
    if wanted.bucket is not None:
        check_bucket(wanted.bucket)
    if wanted.prefix is None:
        return wanted
    parts = check_prefix(wanted.prefix).split("/")
    return replace(wanted, prefix="/".join(part for part in parts if part))


def export_entries(
    session: AccountSession,
    images: Sequence[Image],
    tasks: Sequence[ExportTask],
    wanted: ExportFilter,
    ids: set[str],
    now: datetime,
) -> StatusReport:
    """Every task, and what the bucket holds of the complete ones where something was named (or, deep, of all).

    `ids` are the named images. If the filter has a bucket, their exports are searched there even without a task.
    """
    names = {image.image_id: image.name for image in images}
    shown = [
        ExportEntry(session.ref, task.key, names.get(task.image_id), task)
        for task in sorted(tasks, key=lambda task: (task.image_id, task.task_id))
        if wanted.matches(task.key)
    ]
    if not wanted.names and not wanted.deep:
        return StatusReport(shown)
    worth = list(dict.fromkeys(entry.key for entry in shown if _may_be_there(entry)))
    looked_into = worth if wanted.deep else worth[:MAX_BUCKET_READS]
    unlisted = _unlisted_keys(tasks, wanted, ids)
    facts = _read_buckets(session, [*looked_into, *unlisted], tasks, now)
    for index, entry in enumerate(shown):
        if _may_be_there(entry) and entry.key in facts:
            shown[index] = replace(entry, found=_found_for(entry, facts[entry.key], now))
    places = {entry.found.location for entry in shown if entry.found}
    for key in unlisted:
        if isinstance(facts[key], Absent):
            continue
        found = _found(facts[key], now)
        if found.location not in places:
            places.add(found.location)
            shown.append(ExportEntry(session.ref, key, names.get(key.image_id), None, found))
    return StatusReport(shown, errors=_errors(facts), left_out=len(worth) - len(looked_into))


def _may_be_there(entry: ExportEntry) -> bool:
    return entry.task is not None and entry.task.phase is Phase.COMPLETE and not entry.is_cleaned_up


def _unlisted_keys(tasks: Sequence[ExportTask], wanted: ExportFilter, ids: set[str]) -> list[ExportKey]:
    """Returns where exports may exist whose tasks the service no longer lists."""
    if wanted.bucket is None:
        return []
    complete = {task.key for task in tasks if task.phase is Phase.COMPLETE}
    keys = [export_key(image_id, wanted.bucket, wanted.prefix or "") for image_id in sorted(ids)]
    return [key for key in keys if key not in complete]


def _read_buckets(
    session: AccountSession, keys: Sequence[ExportKey], tasks: Sequence[ExportTask], now: datetime
) -> dict[ExportKey, BucketFact]:
    if not keys:
        return {}
    session.prepare_storage()
    facts = by_item(lambda key: find_export(session, key, [task for task in tasks if task.key == key], now), keys)
    warn_without_key(session)
    return facts


def _found_for(entry: ExportEntry, fact: BucketFact, now: datetime) -> FoundManifest:
    """Returns what the bucket contains of that task. Of several tasks with one folder, the last one's manifest
    remains."""
    found = _found(fact, now)
    if entry.task is None or found.format in (None, entry.task.format):
        return found
    return FoundManifest(ManifestState.MISSING, reason=f"a later export in {found.format} replaced its manifest")


def _found(fact: BucketFact, now: datetime) -> FoundManifest:
    if isinstance(fact, Absent):
        return FoundManifest(ManifestState.MISSING)
    if isinstance(fact, Present):
        return _found_stored(fact.value, now)
    if not isinstance(fact.error, ServiceError):
        return FoundManifest(ManifestState.DAMAGED, reason=fact.error.message)
    is_gone = fact.error.code is ErrorCode.NOT_FOUND
    return FoundManifest(ManifestState.MISSING if is_gone else ManifestState.UNREADABLE, reason=fact.error.message)


def _found_stored(stored: FoundExport, now: datetime) -> FoundManifest:
    expiry, place, form = stored.expiry, str(stored.location), stored.format
    if stored.damage:
        more = f" and {len(stored.damage) - 1} more" if len(stored.damage) > 1 else ""
        return FoundManifest(ManifestState.DAMAGED, place, expiry.at, stored.damage[0] + more, form)
    if stored.flaw and stored.task_url is None:
        return FoundManifest(ManifestState.UNREADABLE, place, None, stored.flaw, form)
    if expiry.earliest_known is not None and expiry.earliest_known <= now:
        return FoundManifest(ManifestState.EXPIRED, place, expiry.earliest_known, f"{expiry.first} expired", form)
    if stored.dead_urls or stored.flaw:
        why = stored.flaw or f"the store refuses the URL of {stored.dead_urls[0]}"
        return FoundManifest(ManifestState.REFUSED, place, expiry.at, why, form)
    return FoundManifest(ManifestState.ALIVE, place, expiry.at, format=form)


def _errors(facts: Mapping[ExportKey, BucketFact]) -> list[OmicopyError]:
    """Returns why buckets could not be read. A damaged export is not such an error: its entry says so."""
    errors = [
        fact.error
        for fact in facts.values()
        if not isinstance(fact, Present | Absent) and isinstance(fact.error, ServiceError)
    ]
    return list({error.message.partition(" [request")[0]: error for error in errors}.values())

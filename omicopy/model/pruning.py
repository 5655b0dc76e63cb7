"""What `prune` looks at and what becomes of it: copies and exports of ours, and nothing else (R4). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from omicopy.errors import OmicopyError
from omicopy.model.cleaning import Left, is_cleaned, is_ours, judge_tasks
from omicopy.model.export import ExportKey, ExportTask, Phase
from omicopy.model.image import Image, last_marker, source_marker
from omicopy.model.plan import Retention
from omicopy.model.provenance import COPY_TAG, DATE_TAG, JOB_TAG, NAME_TAG, SOURCE_ACCOUNT_TAG, SOURCE_IMAGE_TAG
from omicopy.model.report import describe_error, rfc3339
from omicopy.model.request import CopyRequest, Origin, Party
from omicopy.model.retention import Item, judge, series

BEGUN = "its clean-up has begun"


class Kind(StrEnum):
    IMAGE = "image"
    EXPORT = "export"


class Action(StrEnum):
    """What becomes, or became, of a thing."""

    KEEP = "keep"
    DELETE = "delete"
    DELETED = "deleted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one retention is for: the copies and exports of one source account, of a plan's job or of any."""

    source: Party
    retention: Retention
    job: str | None = None
    bucket: str | None = None
    prefix: str = ""
    """Without a job: where the exports lie. Without a bucket no export is looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy or export of ours."""

    kind: Kind
    party: Party
    """The account that it is in."""
    id: str
    name: str
    source_image_id: str
    created: datetime | None
    """When the source image was."""
    action: Action
    why: str
    thing: Image | ExportKey
    error: OmicopyError | None = None

    @property
    def where(self) -> str:
        """An export's folder, a copy's profile."""
        if isinstance(self.thing, ExportKey):
            return f"s3://{self.thing.bucket}/{self.thing.folder}"
        return self.party.profile


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must stay whatever the rules say, by (account, Region, source image)."""

    selected: Collection[tuple[str, str, str]] = ()
    """What a plan still asks to be copied: the next run would only copy it again."""
    unfed: Collection[tuple[str, str, ExportKey]] = ()
    """Exports that a copy of the plan is still to be made from."""


def is_our_copy(image: Image, target: Party, source: Party) -> bool:
    """Whether it is one that this tool made from the source account, and may delete (R4)."""
    image_id = image.tags.get(SOURCE_IMAGE_TAG, "")
    return (
        image.account_id == target.account_id
        and image.tags.get(COPY_TAG) == image.image_id
        and image.tags.get(SOURCE_ACCOUNT_TAG) == source.account_id
        and last_marker(image.description) == source_marker(source.region, image_id)
    )


def judge_copies(scope: Scope, images: Mapping[Party, Sequence[Image]], wanted: Wanted, now: datetime) -> list[Entry]:
    """The copies of a scope in each target account, and what is to become of them."""
    ours = [
        (target, image)
        for target, shown in images.items()
        for image in shown
        if is_our_copy(image, target, scope.source) and scope.job in (None, image.tags.get(JOB_TAG))
    ]
    items = [
        Item((target, _group(scope, image.name, _source_id(image))), _date(image), image.is_available, image.image_id)
        for target, image in ours
    ]
    entries = []
    for (target, image), fate in zip(ours, judge(items, scope.retention, now), strict=True):
        action, why = (Action.DELETE, fate.why) if fate.goes else (Action.KEEP, fate.why)
        if not image.is_available:
            why = f"it is {image.state}"
        elif fate.goes and _place(scope.source, _source_id(image)) in wanted.selected:
            action, why = Action.KEEP, "the plan still asks for it"
        created, source_id = _date(image), _source_id(image)
        entries.append(Entry(Kind.IMAGE, target, image.image_id, image.name, source_id, created, action, why, image))
    return entries


def judge_exports(
    scope: Scope,
    tasks: Sequence[ExportTask],
    source_images: Sequence[Image],
    images: Mapping[Party, Sequence[Image]],
    wanted: Wanted,
    now: datetime,
) -> list[Entry]:
    """The exports of a scope, each once however many tasks made it, and what is to become of them.

    Whether anything is left of one whose clean-up has begun, the bucket knows: such a one is to be deleted.
    """
    by_key = _own_exports(scope, tasks)
    known = {image.image_id: image for image in source_images}
    made = [_export(scope, key, own, known.get(key.image_id)) for key, own in by_key.items()]
    fresh = [entry for entry in made if not is_cleaned(by_key[_key(entry)])]
    items = [Item(_group(scope, entry.name, entry.source_image_id), entry.created, True, entry.id) for entry in fresh]
    fates = dict(zip((entry.id for entry in fresh), judge(items, scope.retention, now), strict=True))
    entries = []
    for entry in made:
        fate = fates.get(entry.id)
        if fate is not None and not fate.goes:
            entries.append(replace(entry, why=fate.why))
            continue
        firm = _needed(scope, entry, tasks, images, wanted, now)
        why = firm or (fate.why if fate else BEGUN)
        entries.append(replace(entry, action=Action.KEEP if firm else Action.DELETE, why=why))
    return entries


def unfed_exports(
    requests: Iterable[CopyRequest], images: Mapping[Party, Sequence[Image] | OmicopyError]
) -> set[tuple[str, str, ExportKey]]:
    """The exports that feed a copy that is not there, or of which nobody knows."""
    unfed = set()
    for request in requests:
        origin, destination = request.source, request.destination
        if not isinstance(origin, Origin) or destination is None:
            continue
        shown = images.get(destination.party, ())
        if isinstance(shown, OmicopyError) or not any(
            image.is_available
            and is_our_copy(image, destination.party, origin.party)
            and last_marker(image.description) == request.marker
            for image in shown
        ):
            unfed.add((origin.party.account_id, origin.party.region, origin.export))
    return unfed


def describe_entry(entry: Entry) -> dict[str, Any]:
    """One entry of `pruned`."""
    return {
        "kind": entry.kind.value,
        "action": entry.action.value,
        "id": entry.id,
        "name": entry.name or None,
        "account": asdict(entry.party),
        "location": entry.where if entry.kind is Kind.EXPORT else None,
        "source_image_id": entry.source_image_id,
        "source_created_at": rfc3339(entry.created),
        "reason": entry.why,
        "error": describe_error(entry.error) if entry.error else None,
    }


def exit_code(entries: Sequence[Entry], errors: Sequence[OmicopyError]) -> int:
    """0 when all is well; 3 when something failed and something else did not; else the failures' own code, or 1."""
    failed = [entry for entry in entries if entry.action is Action.FAILED]
    codes = {error.exit_code for error in (*errors, *(entry.error for entry in failed if entry.error))}
    if not codes:
        return 1 if failed else 0
    if any(entry.action in (Action.DELETED, Action.DELETE) for entry in entries):
        return 3
    return codes.pop() if len(codes) == 1 else 1


def _own_exports(scope: Scope, tasks: Sequence[ExportTask]) -> dict[ExportKey, list[ExportTask]]:
    """The complete exports of ours that the scope is about."""
    by_key: dict[ExportKey, list[ExportTask]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.task_id):
        if scope.job is not None:
            is_in = task.tags.get(JOB_TAG) == scope.job
        else:
            is_in = (task.key.bucket, task.key.prefix) == (scope.bucket, scope.prefix)
        if is_in and is_ours(task) and task.phase is Phase.COMPLETE:
            by_key[task.key].append(task)
    return by_key


def _export(scope: Scope, key: ExportKey, tasks: Sequence[ExportTask], source: Image | None) -> Entry:
    names = [task.tags[NAME_TAG] for task in tasks if task.tags.get(NAME_TAG)]
    dates = [date for task in tasks if (date := _moment(task.tags.get(DATE_TAG)))]
    name = names[0] if names else source.name if source else ""
    created = dates[0] if dates else source.created_at if source else None
    return Entry(Kind.EXPORT, scope.source, tasks[0].task_id, name, key.image_id, created, Action.KEEP, "", key)


def _needed(
    scope: Scope,
    entry: Entry,
    tasks: Sequence[ExportTask],
    images: Mapping[Party, Sequence[Image]],
    wanted: Wanted,
    now: datetime,
) -> str | None:
    """Why an export must stay although the rules let it go."""
    key, source = _key(entry), scope.source
    judgement = judge_tasks([task for task in tasks if task.image_id == key.image_id], key, now)
    if isinstance(judgement, Left):
        return judgement.why
    if (source.account_id, source.region, key) in wanted.unfed:
        return "a copy is still to be made from it"
    marker = source_marker(source.region, key.image_id)
    for target, shown in images.items():
        for image in shown:
            if last_marker(image.description) == marker and not image.is_available and not image.is_failed:
                return f"{image.image_id} of {target.profile} is being made from it"
    return None


def _key(entry: Entry) -> ExportKey:
    if not isinstance(entry.thing, ExportKey):
        raise TypeError("a copy lies in no bucket")
    return entry.thing


def _group(scope: Scope, name: str, source_image_id: str) -> str:
    """A job's copies are counted together; where there is no job, those of like names."""
    return "" if scope.job is not None else series(name, source_image_id)


def _place(source: Party, image_id: str) -> tuple[str, str, str]:
    return source.account_id, source.region, image_id


def _source_id(image: Image) -> str:
    return image.tags.get(SOURCE_IMAGE_TAG, "")


def _date(image: Image) -> datetime | None:
    """The source's creation date; of a copy that older versions made, its own."""
    return _moment(image.tags.get(DATE_TAG)) or image.created_at


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

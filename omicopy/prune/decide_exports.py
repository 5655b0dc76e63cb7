"""Decides which of our exports retention deletes, and why others are kept. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from omicopy.deletion.export_rules import Kept, deletable_tasks
from omicopy.errors import OmicopyError
from omicopy.model.export import ExportKey, ExportTask
from omicopy.model.image import Image, last_marker, source_marker
from omicopy.model.own_tags import is_cleaned
from omicopy.model.request import AccountRef, CopyRequest, Source
from omicopy.model.verification import flaws
from omicopy.prune.entries import Action, Entry, Kind, PruneFacts
from omicopy.prune.ownership import NOT_SELECTED, Scope, SourceFacts, is_our_copy, is_own_export, source_facts
from omicopy.prune.retention import Item, apply_retention


def decide_exports(scope: Scope, tasks: Sequence[ExportTask], known: PruneFacts) -> list[Entry]:
    """Returns an entry per export of the scope, even if several tasks wrote it. `tasks` are all of the account.

    An export whose clean-up has begun gets the action DELETE. The caller then checks if its bucket still has objects.
    """
    by_key: dict[ExportKey, list[ExportTask]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.task_id):
        if is_own_export(scope, task):
            by_key[task.key].append(task)
    facts = {key: _facts(key, own, known.sources.get(key.image_id)) for key, own in by_key.items()}
    selected = [key for key in by_key if scope.matches(facts[key])]
    fresh = [key for key in selected if not is_cleaned(by_key[key])]
    items = [Item(scope.group("", facts[key]), facts[key].created, True, by_key[key][0].task_id) for key in fresh]
    verdicts = dict(zip(fresh, apply_retention(items, scope.retention, known.now), strict=True))
    entries = []
    for key, own in by_key.items():
        entry = _entry(scope, key, own[0].task_id, facts[key])
        verdict = verdicts.get(key)
        if key not in selected:
            entries.append(replace(entry, why=NOT_SELECTED))
        elif verdict is not None and not verdict.delete:
            entries.append(replace(entry, why=verdict.why))
        else:
            reason = _reason_to_keep(scope, key, tasks, known)
            why = reason or (verdict.why if verdict else "its clean-up has begun")
            action = Action.KEEP if reason else Action.DELETE
            entries.append(replace(entry, action=action, why=why, is_begun=verdict is None))
    return entries


def _facts(key: ExportKey, tasks: Sequence[ExportTask], source: Image | None) -> SourceFacts:
    """Returns the facts from the tags of all tasks, which export the same image. The first task with a tag counts."""
    tags: dict[str, str] = {}
    for task in tasks:
        tags = {**task.tags, **{name: value for name, value in tags.items() if value}}
    return source_facts(key.image_id, tags, source)


def _entry(scope: Scope, key: ExportKey, task_id: str, source: SourceFacts) -> Entry:
    name = source.name or ""
    return Entry(Kind.EXPORT, scope.source, task_id, name, key.image_id, source.created, Action.KEEP, "", key)


def _reason_to_keep(scope: Scope, key: ExportKey, tasks: Sequence[ExportTask], known: PruneFacts) -> str | None:
    """Returns why an export must be kept although retention would delete it, or None."""
    source = scope.source
    decision = deletable_tasks([task for task in tasks if task.image_id == key.image_id], key, known.now)
    if isinstance(decision, Kept):
        return decision.why
    if (source.account_id, source.region, key) in known.wanted.exports:
        return "a copy that the plan asks for needs it"
    marker = source_marker(source.region, key.image_id)
    for target, shown in known.images.items():
        for image in shown:
            if last_marker(image.description) == marker and not image.is_available and not image.is_failed:
                return f"{image.image_id} of {target.profile} is being made from it"
    return None


def exports_still_needed(
    requests: Iterable[CopyRequest], images: Mapping[AccountRef, Sequence[Image] | OmicopyError]
) -> set[tuple[str, str, ExportKey]]:
    """Returns the exports of copies that are missing, incomplete or unknown."""
    exports = set()
    for request in requests:
        source, target = request.source, request.target
        if not isinstance(source, Source) or target is None:
            continue
        shown = images.get(target.account, ())
        if isinstance(shown, OmicopyError) or not any(
            image.is_available
            and not flaws(request, image)
            and is_our_copy(image, target.account, source.account)
            and last_marker(image.description) == request.marker
            for image in shown
        ):
            exports.add((source.account.account_id, source.account.region, source.export))
    return exports

"""Deletes what retention doesn't keep: our own copies, exports and snapshots (R4). Continues after failures (R3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.session import AccountSession
from omicopy.deletion.cleaner import INTERRUPTED, CleanupOptions, CleanupOutcome
from omicopy.deletion.exports import clean_exports
from omicopy.deletion.images import delete_image, delete_snapshot, delete_snapshots, tag_snapshots
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.export import ExportKey
from omicopy.model.image import Image
from omicopy.prune.entries import Action, Entry


def apply_deletions(
    clients: Clients, entries: Sequence[Entry], tell: Callable[[str], None], options: CleanupOptions
) -> list[Entry]:
    """Deletes every entry whose action is DELETE and returns all entries, in order, with their outcomes.

    Raises only Interrupted, whose `results` are all entries with the outcomes so far.
    """
    exports: dict[str, list[ExportKey]] = {}
    for entry in entries:
        if entry.action is Action.DELETE and isinstance(entry.resource, ExportKey):
            exports.setdefault(entry.account.profile, []).append(entry.resource)
    done: dict[int, Entry] = {}
    cleaned: dict[str, list[CleanupOutcome]] = {}
    try:
        for index, entry in enumerate(entries):
            if entry.action is Action.DELETE and not isinstance(entry.resource, ExportKey):
                done[index] = _delete(clients.session(entry.account.profile), entry, tell)
        for profile, keys in exports.items():
            clean_exports(clients.session(profile), keys, options, cleaned.setdefault(profile, []))
            for one in cleaned[profile]:
                if one.deleted and one.unnamed:
                    tell(f"Not deleted in {one.location}: {one.unnamed}")
    except Interrupted as interruption:
        interruption.results = list(_with_outcomes(entries, done, cleaned))
        raise
    return list(_with_outcomes(entries, done, cleaned))


def _with_outcomes(
    entries: Sequence[Entry], done: Mapping[int, Entry], cleaned: Mapping[str, Sequence[CleanupOutcome]]
) -> Iterator[Entry]:
    """Yields every entry with its outcome, or unchanged if it has none yet."""
    outcomes = {(profile, one.export): one for profile, several in cleaned.items() for one in several}
    for index, entry in enumerate(entries):
        outcome = None
        if entry.action is Action.DELETE and isinstance(entry.resource, ExportKey):
            outcome = outcomes.get((entry.account.profile, entry.resource))
        yield _with_outcome(entry, outcome) if outcome else done.get(index, entry)


def _with_outcome(entry: Entry, cleaned: CleanupOutcome) -> Entry:
    if cleaned.error:
        return replace(entry, action=Action.FAILED, error=cleaned.error)
    if cleaned.left is INTERRUPTED:
        return replace(entry, why=cleaned.left.why)
    if cleaned.left:
        return replace(entry, action=Action.KEEP, why=cleaned.left.why)
    if not cleaned.deleted:
        return replace(entry, action=Action.GONE, why="all of it was already deleted")
    return replace(entry, action=Action.DELETED, why="; ".join(filter(None, [entry.why, cleaned.unnamed])))


def _delete(session: AccountSession, entry: Entry, tell: Callable[[str], None]) -> Entry:
    def send(action: str, parameters: Mapping[str, Any]) -> object:
        return session.api.write_idempotent(action, session.patience, parameters)

    try:
        if isinstance(entry.resource, Image):
            # tags first: after an interruption, a later run finds the snapshots by their tags
            tag_snapshots(session, entry.resource, send)
            delete_image(send, entry.resource.image_id)
            delete_snapshots(session, entry.resource, tell, send)
        else:
            delete_snapshot(send, entry.id)
    except OmicopyError as error:
        if not isinstance(entry.resource, Image) and error.code is ErrorCode.NAME_CONFLICT:
            return replace(entry, action=Action.KEEP, why="another resource uses it")
        return replace(entry, action=Action.FAILED, error=error)
    return replace(entry, action=Action.DELETED)

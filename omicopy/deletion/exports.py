"""Deletes exported objects that are no longer needed, and only those of omicopy's own exports (R4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import filter_unless_long, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.deletion.cleaner import Cleaner, CleanupOptions, CleanupOutcome, plan_cleanup
from omicopy.deletion.export_rules import Deletable, Kept
from omicopy.errors import Interrupted, OmicopyError
from omicopy.manifests.find import read_folder
from omicopy.model.export import ExportKey, ExportTask
from omicopy.model.request import CopyRequest, Source

_NO_TIME = Kept("--deadline leaves no time for the clean-up; run the same command again to continue")


def clean_up(
    clients: Clients,
    requests: Sequence[CopyRequest],
    tell: Callable[[str], None],
    options: CleanupOptions,
    cleaned: list[CleanupOutcome] | None = None,
) -> list[CleanupOutcome]:
    """Deletes the exports of `requests`, whose copies all exist. Warns about each export that is kept, with the reason.

    Adds the result of each export to `cleaned`, and returns it. Raises only Interrupted; then `cleaned` has the results
    so far, and the next clean-up continues.
    """
    cleaned = [] if cleaned is None else cleaned
    exports: dict[tuple[str, str, ExportKey], str] = {}
    for request in requests:
        if isinstance(request.source, Source):
            account = request.source.account
            place = (account.account_id, account.region, request.source.export)
            if place in exports and clients.session(exports[place]).storage_refusal is None:
                continue
            exports[place] = account.profile  # of several profiles of one account, one with a key for the bucket
    for profile in dict.fromkeys(exports.values()):
        keys = [key for (_, _, key), owner in exports.items() if owner == profile]
        clean_exports(clients.session(profile), keys, options, cleaned)
    failures: dict[str, list[str]] = {}
    for one in cleaned:
        if one.error:
            failures.setdefault(f"{one.error.message}. {one.error.hint}".strip(), []).append(one.location)
    for why, places in failures.items():
        where = places[0] + (f" and {len(places) - 1} more places" if places[1:] else "")
        tell(f"The exported objects in {where} could not all be deleted: {why}")
    for one in cleaned:
        if one.error:
            continue
        if one.left:
            tell(f"The exported objects in {one.location} were not deleted: {one.left.why}")
        elif one.unnamed:
            tell(f"Not deleted in {one.location}: {one.unnamed}")
    return cleaned


def clean_exports(
    session: AccountSession, exports: Sequence[ExportKey], options: CleanupOptions, cleaned: list[CleanupOutcome]
) -> None:
    """Adds the outcome of each of one account's exports to `cleaned`, in order, even if interrupted. Raises only
    Interrupted.

    Deletes in two phases. 1. Tag each export as deleted; every other run then ignores it. 2. After the grace period,
    read the tags again and delete the objects of exports that are still unused.
    """
    cleaners = [Cleaner(session, export, options) for export in exports]
    try:
        for cleaner in cleaners:
            cleaner.error = session.storage_refusal
        if not options.has_time():
            for cleaner in cleaners:
                cleaner.left = _NO_TIME
        _step_all(cleaners, Cleaner.tag_as_deleted)
        if any(cleaner.deletable for cleaner in cleaners):
            options.wait_for_grace()
            _step_all(cleaners, Cleaner.delete_snapshots)
            _step_all(cleaners, Cleaner.delete_manifests)
    except Interrupted:
        for cleaner in cleaners:
            cleaner.interrupt()
        raise
    finally:
        cleaned += [cleaner.outcome() for cleaner in cleaners]


def _step_all(cleaners: Sequence[Cleaner], step: Callable[[Cleaner, Sequence[ExportTask]], None]) -> None:
    """Takes one step with each cleaner, after one read of all of their tasks. Raises only Interrupted."""
    waiting = [cleaner for cleaner in cleaners if cleaner.has_work]
    if not waiting:
        return
    session = waiting[0].session

    def take(cleaner: Cleaner) -> None:
        try:
            cleaner.importer = importers.get(cleaner.export)
            step(cleaner, tasks)
        except OmicopyError as error:
            cleaner.error = error

    try:
        importers = waiting[0].options.importers(session.profile, [cleaner.export for cleaner in waiting])
        tasks = read_tasks(session, filter_unless_long("ImageIds", (one.export.image_id for one in waiting)))
        session.prepare_storage()
    except OmicopyError as error:
        for cleaner in waiting:
            cleaner.error = error
        return
    in_parallel(take, waiting)
    why = session.storage_refusal
    for cleaner in waiting if why else ():  # one cleaner has just been refused
        cleaner.error = cleaner.error and why


def has_deletable_objects(session: AccountSession, export: ExportKey) -> bool:
    """True if a clean-up of the export would still delete something. Raises a ServiceError."""
    deletable = plan_cleanup(export, read_folder(session.storage, export, ()))
    return isinstance(deletable, Deletable) and bool(deletable.manifests)

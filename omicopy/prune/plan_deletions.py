"""Finds our copies, exports and snapshots and applies retention. Deletes nothing. Reads are flat (R7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import by_item, in_parallel
from omicopy.cloud.queries import read_own_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.deletion.exports import has_deletable_objects
from omicopy.errors import OmicopyError, attempt
from omicopy.model import json_fields
from omicopy.model.export import ExportKey, ExportTask, export_key
from omicopy.model.image import Image
from omicopy.model.own_tags import DELETED_IMAGE_TAG
from omicopy.model.request import AccountRef, Budgets, Source, check_accounts
from omicopy.plans.model import Job, Plan
from omicopy.plans.requests_from_plan import PreparedPlan, plan_requests
from omicopy.plans.select import SourceImages
from omicopy.prune.decide_exports import decide_exports, exports_still_needed
from omicopy.prune.decide_images import decide_copies, decide_snapshots
from omicopy.prune.entries import Action, Entry, PruneFacts, PruneReport, StillNeeded
from omicopy.prune.ownership import Scope

T = TypeVar("T")
ImagesByAccount = Mapping[AccountRef, Sequence[Image] | OmicopyError]


def plan_account_deletions(clients: Clients, scope: Scope, targets: Sequence[str], now: datetime) -> PruneReport:
    """Returns the targets' copies of the source account's images, and the exports in the scope's bucket.

    Raises USAGE if a target is the source account.
    """
    clients.prepare(targets)
    found = in_parallel(lambda profile: attempt(lambda: clients.session(profile).ref), targets)
    accounts = {_account(account): account for account in found if isinstance(account, AccountRef)}
    for account in accounts.values():
        check_accounts(scope.source, account)
    deletions = PruneReport(errors=_errors(found), accounts=[scope.source, *accounts.values()])
    shown = _read(clients, [scope.source, *accounts.values()], read_own_images)
    deletions.errors += _errors(shown.values())
    sources = shown.pop(scope.source)
    images = _readable(shown)
    _add_snapshots(clients, images, deletions)
    if isinstance(sources, OmicopyError):  # without the sources, no copy can be compared: delete none
        return deletions
    known = PruneFacts(images, _by_id(sources), StillNeeded(), now)
    deletions.entries += decide_copies(scope, known)
    if scope.bucket:
        _add_exports(clients, scope, _read_tasks(clients, [scope.source])[scope.source], known, deletions)
    return deletions


def plan_job_deletions(clients: Clients, plan: Plan, now: datetime) -> PruneReport:
    """Returns the same for every job of the plan that has a retention.

    If any job's images could not be selected, nothing of its source account is deleted: that job may still need it.
    """
    prepared = plan_requests(clients, plan, Budgets())
    deletions = PruneReport(errors=_errors(prepared.accounts.values()))
    deletions.accounts = [account for account in prepared.accounts.values() if isinstance(account, AccountRef)]
    shown = _read(clients, _targets(prepared, plan.jobs), read_own_images)
    deletions.errors += _errors(shown.values())
    hidden = _unknown_sources(prepared, plan.jobs, deletions)
    jobs = [job for job in plan.jobs if job.retention]
    images, concerned = _readable(shown), _targets(prepared, jobs)
    _add_snapshots(clients, {account: images[account] for account in concerned if account in images}, deletions)
    sources = {job.name: _source(prepared, job) for job in jobs}
    known = {account for account in sources.values() if account and _account(account) not in hidden}
    tasks = _read_tasks(clients, sorted(known, key=str))
    wanted = _still_needed(prepared, plan.jobs, shown)
    for job in jobs:
        source, source_images = sources[job.name], prepared.source_images_by_account.get(job.source)
        if source in known and source and isinstance(source_images, SourceImages) and job.retention:
            scope = Scope(source, job.retention, job.name, job.images)
            everything = PruneFacts(images, _by_id([*source_images.others, *source_images.own]), wanted, now)
            own = {account: images[account] for account in _targets(prepared, [job]) if account in images}
            deletions.entries += decide_copies(scope, replace(everything, images=own))
            _add_exports(clients, scope, tasks[source], everything, deletions)
    return deletions


def _add_snapshots(clients: Clients, images: Mapping[AccountRef, Sequence[Image]], deletions: PruneReport) -> None:
    """Adds the snapshots that interrupted deletions left. A failed read is only a note: the snapshots then stay."""
    found = _read(clients, list({_account(account): account for account in images}.values()), _read_marked_snapshots)
    for account, snapshots in found.items():
        if isinstance(snapshots, OmicopyError):
            deletions.notes.append(f"Can't look for snapshots of interrupted deletions in {account}: {snapshots}")
        else:
            deletions.entries += decide_snapshots(account, snapshots, images[account])


def _read_marked_snapshots(session: AccountSession) -> list[Mapping[str, Any]]:
    filters = {"AccountIds": [session.ref.account_id], "TagKeys": [DELETED_IMAGE_TAG]}
    return session.api.read_all("ReadSnapshots", "Snapshots", session.patience, filters, _marked)


def _marked(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the item unchanged. Raises MalformedAnswer if it lacks an ID or an account, or has malformed tags."""
    json_fields.required(raw, "SnapshotId"), json_fields.required(raw, "AccountId"), json_fields.tags(raw)
    return raw


def _add_exports(
    clients: Clients,
    scope: Scope,
    tasks: Sequence[ExportTask] | OmicopyError,
    known: PruneFacts,
    deletions: PruneReport,
) -> None:
    """Adds the scope's exports; those whose clean-up has begun only if the bucket still has objects of them."""
    if isinstance(tasks, OmicopyError):
        deletions.errors += [tasks] if tasks not in deletions.errors else []
        return
    entries = decide_exports(scope, tasks, known)
    begun = [entry for entry in entries if entry.is_begun and entry.action is Action.DELETE]
    session = clients.session(scope.source.profile)
    if begun:
        session.prepare_storage()
    left = in_parallel(lambda each: _has_objects_left(session, each), begun)
    is_left = dict(zip((entry.id for entry in begun), left, strict=True))
    deletions.entries += [entry for entry in entries if is_left.get(entry.id, True) is True]
    deletions.errors += _errors(is_left.values())


def _has_objects_left(session: AccountSession, entry: Entry) -> bool | OmicopyError:
    key = entry.resource
    return isinstance(key, ExportKey) and attempt(lambda: has_deletable_objects(session, key))


def _unknown_sources(prepared: PreparedPlan, jobs: Sequence[Job], deletions: PruneReport) -> set[tuple[str, str]]:
    """Returns the source accounts whose wanted images are not all known, and adds the reasons to the errors."""
    unclear = [failure for failure in prepared.failures if failure.image is None]
    deletions.errors += _distinct(failure.error for failure in unclear if failure.error not in deletions.errors)
    names = {failure.job for failure in unclear}
    return {_account(account) for job in jobs if job.name in names and (account := _source(prepared, job))}


def _still_needed(prepared: PreparedPlan, jobs: Sequence[Job], shown: ImagesByAccount) -> StillNeeded:
    """Returns the source images and exports that the plan asks for, including copies that can't be made."""
    selected, exports = set(), exports_still_needed(prepared.requests, shown)
    for request in prepared.requests:
        if isinstance(request.source, Source):
            account_ref = request.source.account
            selected.add((*_account(account_ref), request.source.image.image_id))
    by_name = {job.name: job for job in jobs}
    for failure in prepared.failures:
        if failure.image is not None:
            job, account, image_id = by_name[failure.job], _account(failure.source), failure.image.image_id
            selected.add((*account, image_id))
            exports.add((*account, export_key(image_id, job.bucket, job.prefix)))
    return StillNeeded(selected, exports)


def _source(prepared: PreparedPlan, job: Job) -> AccountRef | None:
    account = prepared.accounts.get(job.source)
    return account if isinstance(account, AccountRef) else None


def _targets(prepared: PreparedPlan, jobs: Sequence[Job]) -> list[AccountRef]:
    """Returns the known target accounts, each profile once."""
    profiles = dict.fromkeys(target.profile for job in jobs for target in job.targets)
    return [account for profile in profiles if isinstance(account := prepared.accounts.get(profile), AccountRef)]


def _account(account: AccountRef) -> tuple[str, str]:
    return account.account_id, account.region


def _read(
    clients: Clients, accounts: Sequence[AccountRef], look: Callable[[AccountSession], T]
) -> dict[AccountRef, T | OmicopyError]:
    """Reads each account once, even if several profiles belong to it, and returns the result or the error of each."""
    first: dict[tuple[str, str], AccountRef] = {}
    for account in accounts:
        first.setdefault(_account(account), account)
    clients.prepare(account.profile for account in first.values())
    seen = by_item(lambda key: attempt(lambda: look(clients.session(first[key].profile))), list(first))
    return {account: seen[_account(account)] for account in accounts}


def _read_tasks(clients: Clients, sources: Sequence[AccountRef]) -> dict[AccountRef, list[ExportTask] | OmicopyError]:
    return _read(clients, sources, lambda session: read_tasks(session, {}, True))


def _readable(shown: ImagesByAccount) -> dict[AccountRef, Sequence[Image]]:
    return {account: images for account, images in shown.items() if not isinstance(images, OmicopyError)}


def _by_id(images: Iterable[Image]) -> dict[str, Image]:
    return {image.image_id: image for image in images}


def _errors(found: Iterable[object]) -> list[OmicopyError]:
    return _distinct(one for one in found if isinstance(one, OmicopyError))


def _distinct(errors: Iterable[OmicopyError]) -> list[OmicopyError]:
    return list(dict.fromkeys(errors))

"""Retention: which copies and exports of ours may go, and their going (R4). What fails stops nothing else (R3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from omicopy.cloud.clients import Clients
from omicopy.copying.cleanup import Cleaned, clean_exports, is_anything_left
from omicopy.copying.overview import attempt, read_images, read_tasks
from omicopy.copying.parallel import in_parallel
from omicopy.copying.prepare import identify
from omicopy.copying.prepare_plan import Prepared, plan_requests
from omicopy.copying.removal import delete_image, delete_snapshots
from omicopy.errors import OmicopyError
from omicopy.model.export import ExportKey, export_key
from omicopy.model.image import Image
from omicopy.model.plan import Job, Plan
from omicopy.model.pruning import BEGUN, Action, Entry, Scope, Wanted, judge_copies, judge_exports, unfed_exports
from omicopy.model.request import Budgets, Origin, Party, check_parties

Shown = Mapping[Party, Sequence[Image] | OmicopyError]


@dataclass(slots=True)
class Survey:
    """What is there of ours and what is to become of it. Nothing has been deleted."""

    entries: list[Entry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """Why an account or a job was left out."""


def survey_accounts(clients: Clients, scope: Scope, targets: Sequence[str], now: datetime) -> Survey:
    """The copies that the targets have of the source account's images, and the exports in the scope's bucket.

    Raises USAGE for a target that is the source account.
    """
    found = _identify(clients, targets)
    parties = {(party.account_id, party.region): party for party in found.values() if isinstance(party, Party)}
    for party in parties.values():
        check_parties(scope.source, party)
    shown = _read_targets(clients, list(parties.values()))
    survey = Survey(errors=[one for one in (*found.values(), *shown.values()) if isinstance(one, OmicopyError)])
    images = _readable(shown)
    survey.entries += judge_copies(scope, images, Wanted(), now)
    if scope.bucket:
        _survey_exports(clients, scope, images, Wanted(), now, survey)
    return survey


def survey_plan(clients: Clients, plan: Plan, now: datetime) -> Survey:
    """The same for every job of the plan that has a retention. Of a job whose source account also feeds one that can't
    be told what it asks for, nothing is to go."""
    prepared = plan_requests(clients, plan, Budgets())
    found = _identify(clients, plan.profiles)
    survey = Survey(errors=[one for one in found.values() if isinstance(one, OmicopyError)])
    parties = {profile: one for profile, one in found.items() if isinstance(one, Party)}
    targets = dict.fromkeys(target.profile for job in plan.jobs for target in job.targets)
    shown = _read_targets(clients, [parties[profile] for profile in targets if profile in parties])
    survey.errors += [one for one in shown.values() if isinstance(one, OmicopyError)]
    unclear = [failure for failure in prepared.failures if failure.image is None]
    survey.errors += [failure.error for failure in unclear if failure.error not in survey.errors]
    hidden = {parties.get(job.source) for job in plan.jobs if job.name in {failure.job for failure in unclear}}
    wanted, images = _wanted(prepared, plan.jobs, shown), _readable(shown)
    for job in plan.jobs:
        source = parties.get(job.source)
        if job.retention is None or source is None or source in hidden:
            continue
        scope = Scope(source, job.retention, job.name)
        own = {parties[target.profile] for target in job.targets if target.profile in parties}
        survey.entries += judge_copies(scope, {party: images[party] for party in images if party in own}, wanted, now)
        _survey_exports(clients, scope, images, wanted, now, survey)
    return survey


def prune(clients: Clients, entries: Sequence[Entry], tell: Callable[[str], None], now: datetime) -> list[Entry]:
    """Deletes what is to go; every entry, in their order, with what became of it. Raises nothing but Interrupted."""
    exports: dict[str, list[ExportKey]] = {}
    for entry in entries:
        if entry.action is Action.DELETE and isinstance(entry.thing, ExportKey):
            exports.setdefault(entry.party.profile, []).append(entry.thing)
    done: list[Entry] = []
    cleaned: dict[tuple[str, ExportKey], Cleaned] = {}
    for profile, keys in exports.items():
        cleaned |= {(profile, one.export): one for one in clean_exports(clients, profile, keys, now)}
    for entry in entries:
        if entry.action is not Action.DELETE:
            done.append(entry)
        elif isinstance(entry.thing, ExportKey):
            done.append(_with_outcome(entry, cleaned[entry.party.profile, entry.thing]))
        else:
            done.append(_delete_copy(clients, entry, entry.thing, tell))
    return done


def _with_outcome(entry: Entry, cleaned: Cleaned) -> Entry:
    if cleaned.error:
        return replace(entry, action=Action.FAILED, error=cleaned.error)
    if cleaned.left:
        return replace(entry, action=Action.KEEP, why=cleaned.left.why)
    return replace(entry, action=Action.DELETED)


def _delete_copy(clients: Clients, entry: Entry, image: Image, tell: Callable[[str], None]) -> Entry:
    api = clients.api(entry.party.profile)
    try:
        delete_image(lambda action, parameters: api.write_again(action, clients.patience, parameters), image.image_id)
    except OmicopyError as error:
        return replace(entry, action=Action.FAILED, error=error)
    delete_snapshots(clients, entry.party.profile, image, tell)
    return replace(entry, action=Action.DELETED)


def _survey_exports(
    clients: Clients,
    scope: Scope,
    images: Mapping[Party, Sequence[Image]],
    wanted: Wanted,
    now: datetime,
    survey: Survey,
) -> None:
    try:
        tasks = read_tasks(clients, scope.source.profile, {})
        sources = read_images(clients, scope.source)
    except OmicopyError as error:
        survey.errors.append(error)
        return
    for entry in judge_exports(scope, tasks, sources, images, wanted, now):
        try:
            if entry.why != BEGUN or _is_left(clients, entry):
                survey.entries.append(entry)
        except OmicopyError as error:
            survey.errors.append(error)


def _is_left(clients: Clients, entry: Entry) -> bool:
    return isinstance(entry.thing, ExportKey) and is_anything_left(clients, entry.party.profile, entry.thing)


def _wanted(prepared: Prepared, jobs: Sequence[Job], shown: Shown) -> Wanted:
    """What the plan asks for, be it that it can't be had."""
    selected, unfed = set(), unfed_exports(prepared.requests, shown)
    for request in prepared.requests:
        if isinstance(request.source, Origin):
            party = request.source.party
            selected.add((party.account_id, party.region, request.source.image.image_id))
    by_name = {job.name: job for job in jobs}
    for failure in prepared.failures:
        if failure.image is not None:
            job, party, image_id = by_name[failure.job], failure.source, failure.image.image_id
            selected.add((party.account_id, party.region, image_id))
            unfed.add((party.account_id, party.region, export_key(image_id, job.bucket, job.prefix, job.format)))
    return Wanted(selected, unfed)


def _identify(clients: Clients, profiles: Sequence[str]) -> dict[str, Party | OmicopyError]:
    for profile in profiles:
        clients.api(profile)  # made before the threads start, once
    found = in_parallel(lambda profile: attempt(lambda: identify(clients, profile)), profiles)
    return dict(zip(profiles, found, strict=True))


def _read_targets(clients: Clients, targets: Sequence[Party]) -> Shown:
    for target in targets:
        clients.api(target.profile)
    read = in_parallel(lambda target: attempt(lambda: read_images(clients, target)), targets)
    return dict(zip(targets, read, strict=True))


def _readable(shown: Shown) -> dict[Party, Sequence[Image]]:
    return {party: images for party, images in shown.items() if not isinstance(images, OmicopyError)}

"""From a plan to complete requests. What keeps one copy from being asked for keeps no other from it (R3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import identify
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import export_key
from omicopy.model.image import Image, render_name
from omicopy.model.image_settings import Aftercare
from omicopy.model.request import Budgets, CopyRequest, Destination, Origin, Party, Unprepared, check_parties
from omicopy.plans.conflicts import distinct_failures, origin_of, settle
from omicopy.plans.model import Job, Plan, Target
from omicopy.plans.select import Gallery, read_galleries
from omicopy.plans.shard import Shard, shard_of

Parties = Mapping[str, Party | OmicopyError]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a plan comes to."""

    requests: list[CopyRequest] = field(default_factory=list)
    failures: list[Unprepared] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Entries that find nothing at present, in words: no failure, but worth to be told."""
    parties: Parties = field(default_factory=dict)
    """Who each profile of the plan is, or why that is not known."""
    galleries: Mapping[str, Gallery | OmicopyError] = field(default_factory=dict)
    """The images of each source profile as they were read."""


def plan_requests(
    clients: Clients,
    plan: Plan,
    budgets: Budgets,
    *,
    only: Sequence[str] = (),
    shard: Shard | None = None,
) -> Prepared:
    """The requests of the jobs named in `only`, or of all; with `shard` those that belong to it.

    Identifies each profile once, and reads each source account's images once. Raises USAGE for a name of no job, and
    for two targets of a job that turn out to be one account.
    """
    plan = plan.only(only)
    parties = _identify_all(clients, plan.profiles)
    galleries = read_galleries(clients, plan.jobs, parties)
    whole = Prepared()
    for job in plan.jobs:
        _check_different(job, parties)
        for item in _JobReader(clients, job, parties, galleries, budgets, whole.notes).items():
            if isinstance(item, Unprepared):
                whole.failures.append(item)
            else:
                whole.requests.append(item)
    requests, contradictions = settle(whole.requests)
    failures = distinct_failures([*whole.failures, *contradictions])
    if shard is None:
        return Prepared(requests, failures, whole.notes, parties, galleries)
    return Prepared(
        [request for request in requests if _is_in(shard, origin_of(request).party, origin_of(request).image)],
        [one for one in failures if one.is_whole_job or _is_in(shard, one.source, one.image)],
        whole.notes if shard[0] == 0 else [],
        parties,
        galleries,
    )


def _identify_all(clients: Clients, profiles: Sequence[str]) -> Parties:
    def ask(profile: str) -> Party | OmicopyError:
        try:
            return identify(clients, profile)
        except OmicopyError as error:
            return error

    for profile in profiles:
        clients.api(profile)  # made in one thread
    return dict(zip(profiles, in_parallel(ask, profiles), strict=True))


def _check_different(job: Job, parties: Parties) -> None:
    """Two profiles of one account would each make the copy. Raises USAGE."""
    seen: dict[tuple[str, str], Party] = {}
    for target in job.targets:
        party = parties[target.profile]
        if isinstance(party, Party):
            other = seen.setdefault((party.account_id, party.region), party)
            if other is not party:
                raise OmicopyError(
                    ErrorCode.USAGE,
                    f"Job {job.name}: {other} and {party.profile} are the same target",
                    "Name each account once a job.",
                )


@dataclass(slots=True)
class _JobReader:
    """What one job comes to."""

    clients: Clients
    job: Job
    parties: Parties
    galleries: Mapping[str, Gallery | OmicopyError]
    budgets: Budgets
    notes: list[str]

    def items(self) -> Iterator[CopyRequest | Unprepared]:
        source = self._party(self.job.source)
        gallery = self.galleries[self.job.source]
        if isinstance(gallery, OmicopyError):
            yield replace(self._failure(source, gallery), is_whole_job=True)
            return
        images: dict[str, Image] = {}
        for selector in self.job.images:
            try:
                found = gallery.select(selector)
            except OmicopyError as error:
                yield self._failure(source, error)
                continue
            if not found:
                self.notes.append(f"Job {self.job.name}: no available image of {source} fits {selector}")
            images |= {image.image_id: image for image in found}
        for image in images.values():
            for target in self.job.targets:
                yield self._copy(source, image, target)

    def _failure(self, source: Party, error: OmicopyError) -> Unprepared:
        """One of all the targets."""
        best_effort = all(target.best_effort for target in self.job.targets)
        return Unprepared(self.job.name, source, error, best_effort=best_effort)

    def _copy(self, source: Party, image: Image, target: Target) -> CopyRequest | Unprepared:
        party, name = self._party(target.profile), None
        try:
            name = _name(target, image, source)
            identified = self.parties[target.profile]
            if isinstance(identified, OmicopyError):
                raise identified
            _check_parties(source, identified)
        except OmicopyError as error:
            return Unprepared(self.job.name, source, error, image, party, name, target.best_effort)
        job = self.job
        text = image.description if target.description is None else target.description
        care = Aftercare(target.tags, target.copy_tags, target.share_with)
        return CopyRequest(
            Origin(source, image, export_key(image.image_id, job.bucket, job.prefix), job.format),
            Destination(party, name, text, job.if_exists, care, target.boot),
            job.min_validity,
            budgets=replace(self.budgets, export=job.export_timeout, import_=job.import_timeout),
            parallel=job.parallel,
            create_bucket=job.create_bucket,
            cleanup=job.cleanup,
            job=job.name,
            best_effort=target.best_effort,
        )

    def _party(self, profile: str) -> Party:
        found = self.parties[profile]
        return found if isinstance(found, Party) else Party(profile, "", self.clients.accounts[profile].region)


def _name(target: Target, image: Image, source: Party) -> str:
    try:
        return render_name(target.name, image, source.region)
    except OmicopyError as error:
        raise OmicopyError(error.code, error.message, "Change `name` of this target in the plan.") from None


def _check_parties(source: Party, target: Party) -> None:
    try:
        check_parties(source, target)
    except OmicopyError as error:
        raise OmicopyError(error.code, error.message, "Take this target out of the job.") from None


def _is_in(shard: Shard, source: Party, image: Image | None) -> bool:
    """An entry that finds no image is told by the first shard alone."""
    index, count = shard
    return index == (shard_of(source.account_id, image.image_id, count) if image else 0)

"""Turns a plan into requests. A copy that can't be requested doesn't stop the others (R3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import by_item
from omicopy.errors import OmicopyError, attempt, named
from omicopy.model.image import Image
from omicopy.model.image_settings import ImageSettings
from omicopy.model.request import AccountRef, Budgets, CopyRequest, RejectedCopy, check_accounts, check_distinct
from omicopy.plans.build_request import CopyOptions, ExportOptions, TargetOptions, copy_request
from omicopy.plans.conflicts import distinct_failures, merge_duplicates, source_of_copy
from omicopy.plans.model import Job, Plan, PlanTarget
from omicopy.plans.select import SourceImages, read_source_images
from omicopy.plans.shard import Shard, shard_of

AccountsByProfile = Mapping[str, AccountRef | OmicopyError]


@dataclass(frozen=True, slots=True)
class PreparedPlan:
    """The requests and problems of a plan."""

    requests: list[CopyRequest] = field(default_factory=list)
    failures: list[RejectedCopy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Messages about entries that currently match no image, which is not a failure."""
    accounts: AccountsByProfile = field(default_factory=dict)
    """The account of each profile, or why it is unknown."""
    source_images_by_account: Mapping[str, SourceImages | OmicopyError] = field(default_factory=dict)
    """The images of each source profile."""


def plan_requests(
    clients: Clients, plan: Plan, budgets: Budgets, *, only: Sequence[str] = (), shard: Shard | None = None
) -> PreparedPlan:
    """The requests of the jobs in `only`, or of all jobs; with `shard` only those that belong to it.

    Identifies each profile once and reads each source account's images once. Raises USAGE for an unknown job, and for
    two targets of a job that are the same account.
    """
    plan = plan.only(only)
    accounts = _identify_all(clients, plan.profiles)
    source_images_by_account = read_source_images(clients, plan.jobs, accounts)
    whole = PreparedPlan()
    for job in plan.jobs:
        targets = [found for target in job.targets if isinstance(found := accounts[target.profile], AccountRef)]
        with named(f"Job {job.name}"):
            check_distinct(targets, "Name each account once a job.")
        for item in _JobReader(clients, job, accounts, source_images_by_account, budgets, whole.notes).items():
            if isinstance(item, RejectedCopy):
                whole.failures.append(item)
            else:
                whole.requests.append(item)
    requests, contradictions = merge_duplicates(whole.requests)
    failures = distinct_failures([*whole.failures, *contradictions])
    if shard is None:
        return PreparedPlan(requests, failures, whole.notes, accounts, source_images_by_account)
    sources = ((request, source_of_copy(request)) for request in requests)
    return PreparedPlan(
        [request for request, source in sources if _is_in(shard, source.account, source.image)],
        [one for one in failures if one.is_whole_job or _is_in(shard, one.source, one.image)],
        whole.notes if shard[0] == 0 else [],
        accounts,
        source_images_by_account,
    )


def _identify_all(clients: Clients, profiles: Sequence[str]) -> AccountsByProfile:
    clients.prepare(profiles)
    return by_item(lambda profile: attempt(lambda: clients.session(profile).ref), profiles)


@dataclass(slots=True)
class _JobReader:
    """Turns one job into requests and rejections."""

    clients: Clients
    job: Job
    accounts: AccountsByProfile
    source_images_by_account: Mapping[str, SourceImages | OmicopyError]
    budgets: Budgets
    notes: list[str]

    def items(self) -> Iterator[CopyRequest | RejectedCopy]:
        source = self._account(self.job.source)
        source_images = self.source_images_by_account[self.job.source]
        if isinstance(source_images, OmicopyError):
            yield replace(self._failure(source, source_images), is_whole_job=True)
            return
        images: dict[str, Image] = {}
        for selector in self.job.images:
            try:
                found = source_images.select(selector)
            except OmicopyError as error:
                yield self._failure(source, error)
                continue
            if not found:
                self.notes.append(f"Job {self.job.name}: no available image of {source} matches {selector}")
            images |= {image.image_id: image for image in found}
        targets = [(target, self._options(target)) for target in self.job.targets]
        for image in images.values():
            for target, options in targets:
                yield self._copy(source, image, target.profile, options)

    def _options(self, target: PlanTarget) -> CopyOptions:
        job, settings = self.job, ImageSettings(target.tags, target.copy_tags, target.share_with)
        return CopyOptions(
            ExportOptions(job.bucket, job.prefix, job.format, create_bucket=job.create_bucket),
            TargetOptions(target.name, target.description, job.if_exists, settings, target.boot),
            job.min_validity,
            job.cleanup,
            replace(self.budgets, export=job.export_timeout, import_=job.import_timeout),
            job.parallel,
            job.name,
            target.best_effort,
        )

    def _failure(self, source: AccountRef, error: OmicopyError) -> RejectedCopy:
        """The rejection of all targets."""
        best_effort = all(target.best_effort for target in self.job.targets)
        return RejectedCopy(self.job.name, source, error, best_effort=best_effort)

    def _copy(self, source: AccountRef, image: Image, profile: str, options: CopyOptions) -> CopyRequest | RejectedCopy:
        account, name = self._account(profile), None
        try:
            with _hint("Change `name` of this target in the plan."):
                request = copy_request(source, image, account, options)
            name = request.names[0]
            if isinstance(unknown := self.accounts[profile], OmicopyError):
                raise unknown
            with _hint("Take this target out of the job."):
                check_accounts(source, account)
        except OmicopyError as error:
            return RejectedCopy(self.job.name, source, error, image, account, name, options.best_effort)
        return request

    def _account(self, profile: str) -> AccountRef:
        found = self.accounts[profile]
        if isinstance(found, AccountRef):
            return found
        return AccountRef(profile, "", self.clients.accounts[profile].region)


@contextmanager
def _hint(hint: str) -> Iterator[None]:
    """Puts what to do in a plan in the place of what to do on a command line."""
    try:
        yield
    except OmicopyError as error:
        raise OmicopyError(error.code, error.message, hint) from None


def _is_in(shard: Shard, source: AccountRef, image: Image | None) -> bool:
    """True if the image belongs to the shard. An entry without an image is reported by the first shard only."""
    index, count = shard
    return index == (shard_of(source.account_id, image.image_id, count) if image else 0)

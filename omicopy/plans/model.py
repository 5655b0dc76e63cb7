"""The plan: which images should be in which accounts. Parsed, checked and complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.boot import Boot, check_boot
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.urls.presigned_url import LONGEST_VALIDITY
from omicopy.plans.schema import (
    Cleanup,
    DefaultsEntry,
    JobEntry,
    PlanEntry,
    RetentionEntry,
    SelectorEntry,
    TargetEntry,
    plan_schema,
    read_plan_file,
)
from omicopy.plans.yaml_reader import Problem, read_yaml

__all__ = ["Job", "Plan", "PlanTarget", "Retention", "Selector", "parse_plan", "plan_schema"]


@dataclass(frozen=True, slots=True)
class Selector:
    """Selects images: all given conditions must hold; of the matches, the `latest` newest."""

    id: str | None
    name: str | None
    name_regex: str | None
    tags: Mapping[str, str]
    latest: int | None

    def __str__(self) -> str:
        """As in messages: `id ami-12345678`, `name_regex '^golden-', tag stage=prod`."""
        message = [f"id {self.id}"] if self.id else []
        message += [f"name {self.name!r}"] if self.name else []
        message += [f"name_regex {self.name_regex!r}"] if self.name_regex else []
        return ", ".join(message + [f"tag {key}={value}" for key, value in self.tags.items()])


@dataclass(frozen=True, slots=True)
class PlanTarget:
    """A target account of a job. `name` is a template; `description` None keeps the source's."""

    profile: str
    name: str
    description: str | None
    share_with: tuple[str, ...]
    tags: Mapping[str, str]
    copy_tags: bool
    best_effort: bool
    boot: Boot = field(default_factory=Boot)
    """What the plan asks for; the source's settings apply to the rest."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What to keep. A copy is kept if either rule keeps it. At least one rule is set."""

    keep_last: int | None
    keep_within: timedelta | None


@dataclass(frozen=True, slots=True)
class Job:
    """Images of one source account and their targets, with the plan's defaults filled in."""

    name: str
    source: str
    """A profile."""
    storage: str | None
    """The profile whose key opens the source's object storage; None: the source's own."""
    bucket: str
    prefix: str
    format: DiskFormat | None
    images: tuple[Selector, ...]
    targets: tuple[PlanTarget, ...]
    create_bucket: bool
    if_exists: IfExists
    cleanup: bool
    retention: Retention | None
    export_timeout: timedelta
    import_timeout: timedelta
    min_validity: timedelta
    parallel: int


@dataclass(frozen=True, slots=True)
class Plan:
    jobs: tuple[Job, ...]

    def only(self, names: Sequence[str]) -> Plan:
        """The plan reduced to these jobs; all jobs if none is named. Raises USAGE for an unknown name."""
        known = [job.name for job in self.jobs]
        for name in names:
            if name not in known:
                hint = f"Its jobs: {', '.join(known)}."
                raise OmicopyError(ErrorCode.USAGE, f"There is no job {name!r} in the plan", hint)
        return Plan(tuple(job for job in self.jobs if not names or job.name in names))

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile in the plan, each once."""
        named = [profile for job in self.jobs for profile in (job.source, *(target.profile for target in job.targets))]
        return tuple(dict.fromkeys(named))

    @property
    def storage(self) -> dict[str, str | None]:
        """For each source profile, whose key opens its object storage; None: its own."""
        return {job.source: job.storage for job in self.jobs}


def parse_plan(text: str, where: str, environ: Mapping[str, str]) -> Plan:
    """Parses the text of a plan. `where` names the file in messages.

    Raises OmicopyError(USAGE) with lines and keys of the first few mistakes, and what is allowed there.
    """
    document = read_yaml(text, where, environ)
    entry = read_plan_file(document)
    document.require_no_problems(_contradictions(entry))
    return Plan(tuple(_job(job, entry.defaults) for job in entry.jobs))


def _contradictions(plan: PlanEntry) -> Iterator[Problem]:
    """Problems that involve more than one entry."""
    first: dict[str, int] = {}
    storages: dict[str, tuple[int, str | None]] = {}
    for index, job in enumerate(plan.jobs):
        here = ("jobs", index)
        if first.setdefault(job.name, index) != index:
            hint = "Give each job its own name."
            yield Problem((*here, "name"), f"is also the name of jobs[{first[job.name]}]", hint)
        for key, name in (("from", "source"), ("bucket", "bucket")):
            if _merged(job, plan.defaults, name) is None:
                yield Problem(here, f"{key} is missing", f"Set {key} here or in defaults.")
        source, storage = _merged(job, plan.defaults, "source"), _merged(job, plan.defaults, "storage")
        other, before = storages.setdefault(source, (index, storage))
        if before != storage:
            now, then = storage or "its own key", before or "its own key"
            message = f"is {now} here, but {then} in jobs[{other}], for the same source {source}"
            yield Problem((*here, "storage"), message, "Use the same value in both, or set it once in defaults.")
        profiles = [target.profile for target in job.to]
        for position, profile in enumerate(profiles):
            if profile in profiles[:position]:
                hint = "Name each target once."
                yield Problem((*here, "to", position, "profile"), "is already a target of this job", hint)


def _merged(job: JobEntry, defaults: DefaultsEntry, name: str) -> Any:
    """The job's own value, else that of the defaults."""
    return getattr(job if name in job.model_fields_set else defaults, name)


def _job(job: JobEntry, defaults: DefaultsEntry) -> Job:
    merged = {name: _merged(job, defaults, name) for name in DefaultsEntry.model_fields}
    merged["cleanup"] = merged["cleanup"] is Cleanup.ON_SUCCESS
    merged["retention"] = _retention(merged["retention"])
    if merged["min_validity"] is None:
        merged["min_validity"] = min(merged["import_timeout"], LONGEST_VALIDITY)
    images = tuple(_selector(entry) for entry in job.images)
    boot = check_boot(merged.pop("boot_modes"), merged.pop("tpm"))
    return Job(name=job.name, images=images, targets=tuple(_target(entry, boot) for entry in job.to), **merged)


def _selector(entry: SelectorEntry) -> Selector:
    return Selector(entry.id, entry.name, entry.name_regex, entry.tags or {}, entry.latest)


def _target(entry: TargetEntry, of_job: Boot) -> PlanTarget:
    return PlanTarget(
        entry.profile,
        entry.name,
        entry.description,
        tuple(dict.fromkeys(entry.share_with)),
        entry.tags,
        entry.copy_tags,
        entry.best_effort,
        check_boot(entry.boot_modes, entry.tpm).or_else(of_job),
    )


def _retention(entry: RetentionEntry | None) -> Retention | None:
    return Retention(entry.keep_last, entry.keep_within) if entry else None

"""The plan: which images should be where, as a file says it. Read, checked, and complete before anybody acts on it."""

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
    """Which images are meant: those for which all that is given holds; of these the `latest` so many."""

    id: str | None
    name: str | None
    name_regex: str | None
    tags: Mapping[str, str]
    latest: int | None

    def __str__(self) -> str:
        """As messages name it: `id ami-12345678`, `name_regex '^golden-', tag stage=prod`."""
        message = [f"id {self.id}"] if self.id else []
        message += [f"name {self.name!r}"] if self.name else []
        message += [f"name_regex {self.name_regex!r}"] if self.name_regex else []
        return ", ".join(message + [f"tag {key}={value}" for key, value in self.tags.items()])


@dataclass(frozen=True, slots=True)
class PlanTarget:
    """Where a job's images go. `name` is a template; `description` None keeps the source's."""

    profile: str
    name: str
    description: str | None
    share_with: tuple[str, ...]
    tags: Mapping[str, str]
    copy_tags: bool
    best_effort: bool
    boot: Boot = field(default_factory=Boot)
    """What is asked for; else the source's counts."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept; what either rule keeps is kept. At least one is given."""

    keep_last: int | None
    keep_within: timedelta | None


@dataclass(frozen=True, slots=True)
class Job:
    """Some images of one account, and where they should be. The defaults are worked in."""

    name: str
    source: str
    """A profile."""
    storage: str | None
    """Whose key opens the source's object storage; None: its own."""
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
        """The plan with these jobs alone; with all of them, if none is named. Raises USAGE for a name of no job."""
        known = [job.name for job in self.jobs]
        for name in names:
            if name not in known:
                raise OmicopyError(
                    ErrorCode.USAGE, f"There is no job {name!r} in the plan", f"Its jobs: {', '.join(known)}."
                )
        return Plan(tuple(job for job in self.jobs if not names or job.name in names))

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that takes part, each once."""
        named = [profile for job in self.jobs for profile in (job.source, *(target.profile for target in job.targets))]
        return tuple(dict.fromkeys(named))

    @property
    def storage(self) -> dict[str, str | None]:
        """By source profile whose key opens its object storage; None: its own."""
        return {job.source: job.storage for job in self.jobs}


def parse_plan(text: str, where: str, environ: Mapping[str, str]) -> Plan:
    """The plan in a file's text. `where` is what messages call the file.

    Raises OmicopyError(USAGE) that names the file, lines and keys of the first few mistakes, and what is allowed there.
    """
    document = read_yaml(text, where, environ)
    entry = read_plan_file(document)
    document.demand(_contradictions(entry))
    return Plan(tuple(_job(job, entry.defaults) for job in entry.jobs))


def _contradictions(plan: PlanEntry) -> Iterator[Problem]:
    """What no entry shows by itself."""
    first: dict[str, int] = {}
    storages: dict[str, tuple[int, str | None]] = {}
    for index, job in enumerate(plan.jobs):
        here = ("jobs", index)
        if first.setdefault(job.name, index) != index:
            yield Problem(
                (*here, "name"), f"is the name of jobs[{first[job.name]}], too", "Give each job its own name."
            )
        for key, value in (
            ("from", _merged(job, plan.defaults, "source")),
            ("bucket", _merged(job, plan.defaults, "bucket")),
        ):
            if value is None:
                yield Problem(here, f"{key} is missing", f"Set {key} here or in defaults.")
        source, storage = _merged(job, plan.defaults, "source"), _merged(job, plan.defaults, "storage")
        other, before = storages.setdefault(source, (index, storage))
        if before != storage:
            now, then = storage or "its own key", before or "its own key"
            message = f"is {now}, and {then} in jobs[{other}], for one source {source}"
            yield Problem((*here, "storage"), message, "Say the same in both, or once in defaults.")
        profiles = [target.profile for target in job.to]
        for position, profile in enumerate(profiles):
            if profile in profiles[:position]:
                yield Problem((*here, "to", position, "profile"), "is a target of this job already", "Name each once.")


def _merged(job: JobEntry, defaults: DefaultsEntry, name: str) -> Any:
    """The job's own value, else that of the defaults, whether written there or not."""
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

"""The last run's figures as text for Prometheus (format 0.0.4), which node_exporter's textfile collector takes.

All are of the last run alone but the moments of success: those are kept from the file that the run before it wrote.
Labels bear names of profiles and jobs, never a key or a URL.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from omicopy.model.request import CopyRequest, RejectedCopy, SharedManifest, Source
from omicopy.model.result import CallCount, CopyResult, Status
from omicopy.model.units import GIB

Sample = tuple[dict[str, str], float]
"""Labels and a value."""

_LAST_SUCCESS = "omicopy_last_success_timestamp_seconds"
_JOB_LAST_SUCCESS = "omicopy_job_last_success_timestamp_seconds"
_KEPT = re.compile(rf'({_LAST_SUCCESS}|{_JOB_LAST_SUCCESS}\{{job="((?:[^"\\]|\\.)*)"\}}) ([0-9.]{{1,20}})')


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run as a monitor sees it; without results when it failed before its first copy."""

    ended_at: datetime
    seconds: float
    exit_code: int
    results: Sequence[CopyResult] = ()
    calls: Mapping[str, CallCount] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """Whether it ended well, with every copy there. One that only looked, or did not wait, has done nothing yet."""
        return self.exit_code == 0 and _is_there(self.results)

    def jobs(self) -> dict[str, list[CopyResult]]:
        """The results of each job of a plan, by its name."""
        jobs: dict[str, list[CopyResult]] = {}
        for result in self.results:
            if result.request.job is not None:
                jobs.setdefault(_readable(result.request.job), []).append(result)
        return dict(sorted(jobs.items()))


_SET_BACK = 60.0
"""Seconds by which a clock may have been set back since, or a figure been rounded up."""


@dataclass(frozen=True, slots=True)
class Successes:
    """When the last ones were, in seconds since 1970; 0: never, as far as is known."""

    run: float = 0
    jobs: Mapping[str, float] = field(default_factory=dict)

    def after(self, run: EndedRun) -> Successes:
        """With those of this run. A job that it left out keeps its own."""
        now = run.ended_at.timestamp()
        jobs = {job: now if _is_there(results) else self.jobs.get(job, 0) for job, results in run.jobs().items()}
        return Successes(now if run.is_success else self.run, {**self.jobs, **jobs})


def read_successes(old: str, now: datetime) -> Successes:
    """What an earlier file tells. What is no line of ours, or lies in the future, is passed over."""
    run, jobs = 0.0, {}
    for line in old.split("\n"):
        found = _KEPT.fullmatch(line)
        moment = _moment(found[3], now) if found else None
        if not found or moment is None:
            continue
        if found[2] is None:
            run = moment
        else:
            jobs[_unescaped(found[2])] = moment
    return Successes(run, jobs)


def render_metrics(run: EndedRun, old: str = "") -> str:
    """The whole new file. `old` is the text of the one it replaces, whatever that is."""
    successes = read_successes(old, run.ended_at).after(run)
    jobs = run.jobs()
    families = [
        _family(
            "omicopy_run_timestamp_seconds", "When the last run ended, since 1970.", [({}, run.ended_at.timestamp())]
        ),
        _family(_LAST_SUCCESS, "When a run last succeeded, since 1970; 0: never.", [({}, successes.run)]),
        _family(
            _JOB_LAST_SUCCESS,
            "When all copies of a job were last there, since 1970; 0: never.",
            [({"job": job}, moment) for job, moment in sorted(successes.jobs.items())],
        ),
        _family("omicopy_run_duration_seconds", "How long the last run took.", [({}, run.seconds)]),
        _family("omicopy_run_exit_code", "The exit code of the last run.", [({}, run.exit_code)]),
        _family("omicopy_copies", "Copies of the last run by how they ended.", _by_status(run.results)),
        _family(
            "omicopy_exports_left",
            "Exports that the last run was to delete and had to leave in their bucket, in whole or in part.",
            [({}, _exports_left(run))],
        ),
        _family("omicopy_copied_bytes", "Sizes of the volumes that the last run copied.", [({}, _copied_bytes(run))]),
        _family(
            "omicopy_job_copies",
            "Copies of the last run by job and by how they ended.",
            [({"job": job} | labels, count) for job in jobs for labels, count in _by_status(jobs[job])],
        ),
        *_calls(run.calls),
    ]
    return "".join(families)


def count_by_status(results: Iterable[CopyResult]) -> dict[str, int]:
    """Every status there is, those of no copy too."""
    counts = Counter(result.status for result in results)
    return {status.value: counts[status] for status in Status}


def _is_there(results: Sequence[CopyResult]) -> bool:
    """Whether a job has all its copies, those aside that may fail."""
    return all(result.is_done or (result.error is not None and result.request.best_effort) for result in results)


def _by_status(results: Iterable[CopyResult]) -> list[Sample]:
    return [({"status": status}, count) for status, count in count_by_status(results).items()]


def _exports_left(run: EndedRun) -> int:
    left = {
        (source.account.account_id, source.account.region, source.export)
        for result in run.results
        if result.cleanup and not result.cleanup.is_done and isinstance(source := result.request.source, Source)
    }
    return len(left)


def _copied_bytes(run: EndedRun) -> int:
    return sum(_volume_bytes(result.request) for result in run.results if result.status is Status.COPIED)


def _volume_bytes(request: CopyRequest | RejectedCopy) -> int:
    if isinstance(request.source, Source):
        return sum((volume.size_gib or 0) * GIB for volume in request.source.image.volumes)
    if isinstance(request.source, SharedManifest):
        return sum(snapshot.size_bytes for snapshot in request.source.manifest.snapshots)
    return 0


def _calls(calls: Mapping[str, CallCount]) -> list[str]:
    sent = [
        ({"profile": profile, "kind": kind}, number)
        for profile, count in sorted(calls.items())
        for kind, number in (("read", count.reads), ("write", count.writes))
    ]
    again = [({"profile": profile}, count.retries) for profile, count in sorted(calls.items())]
    return [
        _family("omicopy_api_calls", "Requests that the last run sent, repeated ones too.", sent),
        _family("omicopy_api_retries", "Reads that the last run had to repeat.", again),
    ]


def _family(name: str, message: str, samples: Sequence[Sample]) -> str:
    """One metric with all its samples; without any there is nothing to describe either."""
    lines = [f"# HELP {name} {message}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return "".join(f"{line}\n" for line in lines) if samples else ""


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else format(round(value, 3), ".15g")


def _readable(name: str) -> str:
    """The name, in other words where it has no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()


def _escaped(value: str) -> str:
    return _readable(value).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)


def _moment(text: str, now: datetime) -> float | None:
    try:
        moment = float(text)
    except ValueError:
        return None
    return moment if math.isfinite(moment) and moment <= now.timestamp() + _SET_BACK else None

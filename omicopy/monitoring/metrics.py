"""Metrics of the last run in Prometheus' text format, for node_exporter's textfile collector.

Only the times of the last successes are kept between runs: they are read from the file of the run before.
Labels contain names of profiles and jobs, never a key or a URL. Needs the extra `monitoring`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from omicopy.model.request import CopyRequest, RejectedCopy, SharedManifest, Source
from omicopy.model.result import CopyResult, Status
from omicopy.model.units import GIB
from omicopy.monitoring.ended_run import EndedRun, count_by_status, is_there, readable

_LAST_SUCCESS = "omicopy_last_success_timestamp_seconds"
_JOB_LAST_SUCCESS = "omicopy_job_last_success_timestamp_seconds"
_SET_BACK = 60.0
"""Seconds by which the clock may have been set back since the old file was written."""
Sample = tuple[dict[str, str], float]
"""Labels and a value."""


@dataclass(frozen=True, slots=True)
class Successes:
    """Times of the last successes in seconds since 1970; 0 if none is known."""

    run: float = 0
    jobs: Mapping[str, float] = field(default_factory=dict)

    def after(self, run: EndedRun) -> Successes:
        """Returns the times after this run. A job that was not part of it keeps its time."""
        now = run.ended_at.timestamp()
        jobs = {job: now if is_there(results) else self.jobs.get(job, 0) for job, results in run.jobs().items()}
        return Successes(now if run.is_success else self.run, {**self.jobs, **jobs})


def read_successes(old: str, now: datetime) -> Successes:
    """Returns the times from an earlier file. Ignores damaged lines, other programs' lines and times in the future."""
    run, jobs = 0.0, {}
    for line in old.split("\n"):
        if not line.startswith((_LAST_SUCCESS, _JOB_LAST_SUCCESS)):
            continue
        try:
            [family] = text_string_to_metric_families(line)
            [sample] = family.samples
            moment = float(sample.value)
        except (ValueError, OverflowError):
            continue
        if not 0 <= moment <= now.timestamp() + _SET_BACK:  # a time in the future would hide failures until then
            continue
        if sample.name == _LAST_SUCCESS and not sample.labels:
            run = moment
        elif sample.name == _JOB_LAST_SUCCESS and sample.labels.keys() == {"job"}:
            jobs[sample.labels["job"]] = moment
    return Successes(run, jobs)


def render_metrics(run: EndedRun, old: str = "") -> str:
    """Returns the text of the new file. `old` is the text of the file that it replaces; it may be anything."""
    return generate_latest(_Metrics(run, read_successes(old, run.ended_at).after(run))).decode()


@dataclass(frozen=True, slots=True)
class _Metrics(Collector):
    run: EndedRun
    successes: Successes

    def collect(self) -> list[Metric]:
        """Returns every metric that has a value."""
        run, jobs = self.run, self.run.jobs()
        metrics = [
            _metric(
                "omicopy_run_timestamp_seconds",
                "When the last run ended, since 1970.",
                [({}, run.ended_at.timestamp())],
            ),
            _metric(_LAST_SUCCESS, "When a run last succeeded, since 1970; 0: never.", [({}, self.successes.run)]),
            _metric(
                _JOB_LAST_SUCCESS,
                "When all copies of a job were last there, since 1970; 0: never.",
                [({"job": job}, moment) for job, moment in sorted(self.successes.jobs.items())],
            ),
            _metric("omicopy_run_duration_seconds", "How long the last run took.", [({}, run.seconds)]),
            _metric("omicopy_run_exit_code", "The exit code of the last run.", [({}, run.exit_code)]),
            _metric("omicopy_copies", "Copies of the last run by how they ended.", _by_status(run.results)),
            _metric(
                "omicopy_exports_left",
                "Exports that the last run was to delete and had to leave in their bucket, in whole or in part.",
                [({}, run.exports_left())],
            ),
            _metric(
                "omicopy_copied_bytes", "Sizes of the volumes that the last run copied.", [({}, _copied_bytes(run))]
            ),
            _metric(
                "omicopy_job_copies",
                "Copies of the last run by job and by how they ended.",
                [({"job": job} | labels, count) for job in jobs for labels, count in _by_status(jobs[job])],
            ),
            *_calls(run),
        ]
        return [metric for metric in metrics if metric.samples]


def _calls(run: EndedRun) -> list[Metric]:
    sent = [
        ({"profile": readable(profile), "kind": kind}, number)
        for profile, count in sorted(run.calls.items())
        for kind, number in (("read", count.reads), ("write", count.writes))
    ]
    again = [({"profile": readable(profile)}, count.retries) for profile, count in sorted(run.calls.items())]
    return [
        _metric("omicopy_api_calls", "Requests that the last run sent, repeated ones too.", sent),
        _metric("omicopy_api_retries", "Reads that the last run had to repeat.", again),
    ]


def _by_status(results: Iterable[CopyResult]) -> list[Sample]:
    return [({"status": status}, count) for status, count in count_by_status(results).items()]


def _copied_bytes(run: EndedRun) -> int:
    return sum(_volume_bytes(result.request) for result in run.results if result.status is Status.COPIED)


def _volume_bytes(request: CopyRequest | RejectedCopy) -> int:
    if isinstance(request.source, Source):
        return sum((volume.size_gib or 0) * GIB for volume in request.source.image.volumes)
    if isinstance(request.source, SharedManifest):
        return sum(snapshot.size_bytes for snapshot in request.source.manifest.snapshots)
    return 0


def _metric(name: str, meaning: str, samples: Sequence[Sample]) -> Metric:
    metric = Metric(name, meaning, "gauge")
    for labels, value in samples:
        metric.add_sample(name, labels, round(value, 3))
    return metric

"""The metrics of a run, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import prometheus_client.parser
import pytest
from hypothesis import given, strategies as st

from omicopy.model.result import CallCount, CopyResult, Status
from omicopy.monitoring.ended_run import EndedRun
from omicopy.monitoring.metrics import render_metrics
from tests.support.builders import NOON, copy_request, import_request, source_image
from tests.support.runs import CALLS, LAST, RUN, result, samples

JOB_LAST = 'omicopy_job_last_success_timestamp_seconds{job="%s"}'


def ended(*results: CopyResult, code: int = 0, hours: float = 0, calls: Mapping[str, CallCount] = CALLS) -> EndedRun:
    return EndedRun(NOON + timedelta(hours=hours), 61.25, code, results, calls)


def at(hours: float) -> float:
    return (NOON + timedelta(hours=hours)).timestamp()


def test_the_metrics_of_a_run() -> None:
    image = source_image(
        BlockDeviceMappings=[
            {"DeviceName": d, "Bsu": {"VolumeSize": s}} for d, s in (("a", 10), ("b", 20), ("c", None))
        ]
    )
    request = copy_request()
    copied = result(request=replace(request, source=replace(request.source, image=image)))
    imported = result(request=import_request())
    found = samples(render_metrics(ended(copied, imported, result(Status.PRESENT), result(Status.FAILED), code=3)))
    assert found == {
        RUN: at(0),
        LAST: 0,
        "omicopy_run_duration_seconds": 61.25,
        "omicopy_run_exit_code": 3,
        'omicopy_copies{status="copied"}': 2,
        'omicopy_copies{status="present"}': 1,
        'omicopy_copies{status="skipped"}': 0,
        'omicopy_copies{status="failed"}': 1,
        'omicopy_copies{status="unfinished"}': 0,
        'omicopy_copies{status="running"}': 0,
        'omicopy_copies{status="planned"}': 0,
        'omicopy_copies{status="not-begun"}': 0,
        "omicopy_exports_left": 0,
        "omicopy_copied_bytes": 40 * 2**30,
        'omicopy_api_calls{kind="read",profile="env:SRC"}': 3,
        'omicopy_api_calls{kind="write",profile="env:SRC"}': 2,
        'omicopy_api_calls{kind="read",profile="source"}': 9,
        'omicopy_api_calls{kind="write",profile="source"}': 1,
        'omicopy_api_retries{profile="env:SRC"}': 0,
        'omicopy_api_retries{profile="source"}': 2,
    }


BEFORE = r"""
# HELP omicopy_run_timestamp_seconds When the last run ended, since 1970.
# TYPE omicopy_run_timestamp_seconds gauge
omicopy_run_timestamp_seconds 1768478400
# HELP omicopy_last_success_timestamp_seconds When a run last succeeded, since 1970; 0: never.
# TYPE omicopy_last_success_timestamp_seconds gauge
omicopy_last_success_timestamp_seconds 1768392000
# HELP omicopy_job_last_success_timestamp_seconds When all copies of a job were last there, since 1970; 0: never.
# TYPE omicopy_job_last_success_timestamp_seconds gauge
omicopy_job_last_success_timestamp_seconds{job="b"} 1768478400
omicopy_job_last_success_timestamp_seconds{job="night \"1\"\\\n"} 1768392000
# HELP omicopy_run_duration_seconds How long the last run took.
# TYPE omicopy_run_duration_seconds gauge
omicopy_run_duration_seconds 61.25
# HELP omicopy_run_exit_code The exit code of the last run.
# TYPE omicopy_run_exit_code gauge
omicopy_run_exit_code 3
# HELP omicopy_copies Copies of the last run by how they ended.
# TYPE omicopy_copies gauge
omicopy_copies{status="copied"} 2
omicopy_copies{status="present"} 1
omicopy_copies{status="skipped"} 0
omicopy_copies{status="failed"} 1
omicopy_copies{status="unfinished"} 0
omicopy_copies{status="running"} 0
omicopy_copies{status="planned"} 0
omicopy_copies{status="not-begun"} 0
# HELP omicopy_exports_left Exports that the last run was to delete and had to leave in their bucket, in whole or in part.
# TYPE omicopy_exports_left gauge
omicopy_exports_left 0
# HELP omicopy_copied_bytes Sizes of the volumes that the last run copied.
# TYPE omicopy_copied_bytes gauge
omicopy_copied_bytes 42949672960
# HELP omicopy_job_copies Copies of the last run by job and by how they ended.
# TYPE omicopy_job_copies gauge
omicopy_job_copies{job="b",status="copied"} 1
omicopy_job_copies{job="b",status="present"} 0
omicopy_job_copies{job="b",status="skipped"} 0
omicopy_job_copies{job="b",status="failed"} 0
omicopy_job_copies{job="b",status="unfinished"} 0
omicopy_job_copies{job="b",status="running"} 0
omicopy_job_copies{job="b",status="planned"} 0
omicopy_job_copies{job="b",status="not-begun"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="copied"} 1
omicopy_job_copies{job="night \"1\"\\\n",status="present"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="skipped"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="failed"} 1
omicopy_job_copies{job="night \"1\"\\\n",status="unfinished"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="running"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="planned"} 0
omicopy_job_copies{job="night \"1\"\\\n",status="not-begun"} 0
# HELP omicopy_api_calls Requests that the last run sent, repeated ones too.
# TYPE omicopy_api_calls gauge
omicopy_api_calls{profile="env:SRC",kind="read"} 3
omicopy_api_calls{profile="env:SRC",kind="write"} 2
omicopy_api_calls{profile="source",kind="read"} 9
omicopy_api_calls{profile="source",kind="write"} 1
# HELP omicopy_api_retries Reads that the last run had to repeat.
# TYPE omicopy_api_retries gauge
omicopy_api_retries{profile="env:SRC"} 0
omicopy_api_retries{profile="source"} 2
""".lstrip()  # noqa: E501
"""What version 0.1, which had a writer of its own, made of the run below."""


def test_metrics_are_those_of_the_version_that_wrote_them_by_hand() -> None:
    """Names, types, help, labels, values and order; only numbers may be written in another way."""
    night = 'night "1"\\\n'
    first = render_metrics(ended(result(request=copy_request(), job=night), hours=-24))
    image = source_image(
        BlockDeviceMappings=[
            {"DeviceName": d, "Bsu": {"VolumeSize": s}} for d, s in (("a", 10), ("b", 20), ("c", None))
        ]
    )
    request = copy_request()
    run = ended(
        result(request=replace(request, source=replace(request.source, image=image)), job=night),
        result(request=import_request(), job="b"),
        result(Status.PRESENT),
        result(Status.FAILED, job=night),
        code=3,
    )
    text = render_metrics(run, first)
    assert parsed(text) == parsed(BEFORE)
    assert samples(render_metrics(ended(code=1, calls={}), BEFORE))[LAST] == at(-24), "an older version's file is read"


def parsed(text: str) -> list[prometheus_client.Metric]:
    return list(prometheus_client.parser.text_string_to_metric_families(text))


def test_the_last_success_is_kept_until_there_is_a_new_one() -> None:
    text, seen = "", []
    for hour, code in enumerate([1, 0, 3, 143, 0, 6]):
        text = render_metrics(ended(code=code, hours=hour), text)
        seen.append((samples(text)[RUN], samples(text)[LAST]))
    assert seen == [
        (at(0), 0),
        (at(1), at(1)),
        (at(2), at(1)),
        (at(3), at(1)),
        (at(4), at(4)),
        (at(5), at(4)),
    ]


def test_a_dry_run_is_no_success() -> None:
    assert samples(render_metrics(ended(result(Status.PLANNED))))[LAST] == 0
    assert samples(render_metrics(ended(result(Status.RUNNING))))[LAST] == 0


def test_every_job_has_its_own_metrics() -> None:
    """It keeps its last success."""
    first = render_metrics(ended(result(job="a"), result(Status.PRESENT, job="a"), result(job="b")))
    failing = ended(result(Status.FAILED, job="a"), result(job="a"), result(Status.SKIPPED, job="c"), code=3, hours=1)
    found = samples(render_metrics(failing, first))
    assert [found[JOB_LAST % job] for job in "abc"] == [at(0), at(0), at(1)]  # b was left out
    assert found['omicopy_job_copies{job="a",status="failed"}'] == 1
    assert found['omicopy_job_copies{job="a",status="planned"}'] == 0
    assert 'omicopy_job_copies{job="b",status="copied"}' not in found
    before_the_loop = samples(render_metrics(ended(code=12, hours=2), render_metrics(failing, first)))
    assert [before_the_loop[JOB_LAST % job] for job in "abc"] == [at(0), at(0), at(1)]


@pytest.mark.parametrize(
    ("status", "best_effort", "is_there"),
    [
        (Status.FAILED, False, False),
        (Status.FAILED, True, True),
        (Status.RUNNING, False, False),
        (Status.PLANNED, False, False),
        (Status.NOT_BEGUN, True, False),
        (Status.SKIPPED, False, True),
    ],
)
def test_a_job_succeeds_when_its_copies_exist(status: Status, best_effort: bool, is_there: bool) -> None:
    text = render_metrics(ended(result(job="a"), result(status, job="a", best_effort=best_effort)))
    assert samples(text)[JOB_LAST % "a"] == (at(0) if is_there else 0)


def test_a_value_that_ends_a_line_or_a_label_is_escaped() -> None:
    text = render_metrics(ended(result(job='a"\nb\\'), calls={'x"} 1\nomicopy_run_exit_code 0': CallCount()}))
    assert JOB_LAST % r"a\"\nb\\" in samples(text)
    assert samples(text)["omicopy_run_exit_code"] == 0
    assert text.encode()


@given(st.text(st.characters() | st.sampled_from('\\"\nn,={}\r\u2028\udcff')))
def test_any_name_of_a_job_is_read_back(name: str) -> None:
    first = render_metrics(ended(result(job=name)))
    again = render_metrics(ended(result(Status.FAILED, job=name), code=1, hours=1), first)
    wanted = [line for line in first.split("\n") if line.startswith("omicopy_job_last")]
    assert [line for line in again.split("\n") if line.startswith("omicopy_job_last")] == wanted
    assert first.encode()


@pytest.mark.parametrize(
    "old",
    [
        "<html>\n",
        f"{LAST} NaN\n",
        f"{LAST} 1.7.6\n",
        f"{LAST} -5\n",
        f"{LAST} 1e300\n",
        f"{LAST} {at(1)}\n",  # in the future: it would hide every failure until then
        f"other_{LAST} 12\n",
        f"# HELP {LAST} 12\n",
        f"{JOB_LAST % 'x'} what\n",
        'omicopy_job_last_success_timestamp_seconds{job="x\\"} 12\n',
    ],
)
def test_an_unknown_or_damaged_metrics_file_is_no_error(old: str) -> None:
    assert samples(render_metrics(ended(code=1), old)) == samples(render_metrics(ended(code=1)))


@given(st.sampled_from([LAST, JOB_LAST % "x", LAST + "{", LAST + " "]), st.text())
def test_any_text_in_an_old_file_is_no_error(name: str, text: str) -> None:
    assert samples(render_metrics(ended(code=1), f"{name}{text}\n{name} {text}\n"))[RUN] == at(0)


@given(st.text(st.characters() | st.sampled_from('\\"\n\r\udcff'), min_size=1))
def test_any_name_of_a_profile_can_be_written(name: str) -> None:
    assert render_metrics(ended(calls={name: CallCount(1, 2, 3)})).encode()

"""What a monitor sees of unattended runs: figures for Prometheus, pings, and the report."""

from __future__ import annotations

import json
import logging
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import prometheus_client.parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omicopy.cli import console
from omicopy.cli.forms import LogFormat
from omicopy.cli.monitoring import OLD_METRICS_LIMIT, Monitor
from omicopy.cloud import secrets
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.result import CallCount, CopyResult, Status
from omicopy.monitoring import ping
from omicopy.monitoring.ended_run import EndedRun
from omicopy.monitoring.metrics import render_metrics
from tests.support.builders import NOON, SOURCE_ID, copy_request, import_request, signed, source_image
from tests.support.children import PATIENCE, wait_until
from tests.support.hostile import Hostile, Reply, hostile, port_of_nobody

UUID = "5f3a1c9e-canary-8d24-77b0e1"
CALLS = {"source": CallCount(9, 1, 2), "env:SRC": CallCount(3, 2)}
DENIED = OmicopyError(ErrorCode.DENIED, "ReadImages in eu-west-2: HTTP 401", "Check the access key.")
RUN, LAST = "omicopy_run_timestamp_seconds", "omicopy_last_success_timestamp_seconds"
JOB_LAST = 'omicopy_job_last_success_timestamp_seconds{job="%s"}'


@pytest.fixture(autouse=True)
def own_voice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test makes secret or loud ends with it; and nobody waits long."""
    monkeypatch.setattr(console, "_state", console._ConsoleState())
    monkeypatch.setattr(secrets, "_values", set())
    monkeypatch.setattr(ping, "PAUSE", 0.0)
    monkeypatch.setattr(ping, "TIMEOUT", PATIENCE)
    root, ours = logging.getLogger(), logging.getLogger("omicopy")
    before = (root.handlers, root.level, ours.level)
    yield
    root.handlers, root.level, ours.level = before


def result(status: Status = Status.COPIED, job: str | None = None, **changed: Any) -> CopyResult:
    error = DENIED if status is Status.FAILED else None
    request = replace(changed.pop("request", copy_request()), job=job, best_effort=changed.pop("best_effort", False))
    return CopyResult(request, status, changed=True, seconds=1.5, error=error, **changed)


def ended(*results: CopyResult, code: int = 0, hours: float = 0, calls: Mapping[str, CallCount] = CALLS) -> EndedRun:
    return EndedRun(NOON + timedelta(hours=hours), 61.25, code, results, calls)


def at(hours: float) -> float:
    return (NOON + timedelta(hours=hours)).timestamp()


_SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (\S+)')


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels as written; each family is described once, and stands together."""
    found: dict[str, float] = {}
    described: list[str] = []
    assert text.endswith("\n")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            described.append(line.split(" ")[2])
        elif line.startswith("#"):
            assert line == f"# TYPE {described[-1]} gauge"
        else:
            sample = _SAMPLE.fullmatch(line)
            assert sample, line
            key, _, value = line.rpartition(" ")
            assert sample[1] == described[-1]
            assert key not in found
            found[key] = float(value)
    assert len(set(described)) == len(described)
    return found


# --- the figures


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


# --- the files


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_the_files_are_written_atomically_with_their_modes(tmp_path: Path) -> None:
    metrics, report = tmp_path / "omicopy.prom", tmp_path / "report.json"
    report.write_text("older and longer" * 1000)
    report.chmod(0o666)
    monitor = Monitor(str(metrics), None, str(report))
    monitor.begin()
    monitor.end([result(job="nightly"), result(Status.FAILED)], CALLS, 5, 3)
    assert (mode(metrics), mode(report)) == (0o644, 0o600)
    assert samples(metrics.read_text())["omicopy_run_exit_code"] == 3
    written = json.loads(report.read_text())
    assert [copy["status"] for copy in written["copies"]] == ["copied", "failed"]
    assert written["api_calls"]["source"] == {"reads": 9, "writes": 1, "retries": 2}
    assert report.read_text().endswith("}\n")
    assert {file.name for file in tmp_path.iterdir()} == {"omicopy.prom", "report.json"}


def test_a_failure_before_the_first_copy_is_reported_too(tmp_path: Path) -> None:
    metrics, report = tmp_path / "omicopy.prom", tmp_path / "report.json"
    monitor = Monitor(str(metrics), None, str(report))
    monitor.end([], {}, 1, 0)
    succeeded = samples(metrics.read_text())[LAST]
    monitor.failed(DENIED, 2.5)
    found = samples(metrics.read_text())
    assert (found[LAST], found["omicopy_run_exit_code"], found["omicopy_run_duration_seconds"]) == (succeeded, 12, 2.5)
    assert succeeded > 0
    assert json.loads(report.read_text()) == {
        "schema": "omicopy/1",
        "copies": [],
        "api_calls": {},
        "error": {"code": "denied", "exit_code": 12, "message": DENIED.message, "hint": DENIED.hint}
        | {"retryable": False},
    }


@pytest.mark.parametrize("old", [b"\xff\x00" * 50, b"x" * (OLD_METRICS_LIMIT + 1), f"{LAST} 12".encode()])
def test_an_unreadable_old_file_is_replaced(tmp_path: Path, old: bytes) -> None:
    metrics = tmp_path / "omicopy.prom"
    metrics.write_bytes(old)
    Monitor(str(metrics), None, None).end([], {}, 1, 1)
    assert samples(metrics.read_text())[LAST] == 0


def test_a_folder_removed_meanwhile_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monitor = Monitor(str(folder / "omicopy.prom"), None, str(folder / "report.json"))
    folder.rmdir()
    monitor.end([], {}, 1, 0)
    warnings = capsys.readouterr().err.splitlines()
    assert [line.split(" can't")[0] for line in warnings] == ["Warning: The metrics", "Warning: The report"]
    assert all(line.endswith("No such file or directory") for line in warnings)


@pytest.mark.parametrize("place", ["no/such", "", "file/below"])
@pytest.mark.parametrize("option", ["metrics_file", "report"])
def test_an_impossible_file_is_reported_before_the_start(tmp_path: Path, option: str, place: str) -> None:
    (tmp_path / "file").write_text("")
    files: dict[str, str | None] = {"metrics_file": None, "ping_url_file": None, "report": None}
    with pytest.raises(OmicopyError) as caught:
        Monitor(**files | {option: f"{tmp_path}/{place}"})
    assert caught.value.code is ErrorCode.USAGE
    assert option.replace("_", "-") in caught.value.message


def test_without_the_extra_metrics_are_refused_and_all_else_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # as if it was not installed
    with pytest.raises(OmicopyError, match="prometheus_client") as caught:
        Monitor(str(tmp_path / "omicopy.prom"), None, None)
    assert caught.value.code is ErrorCode.USAGE
    assert "pip install 'omicopy[monitoring]'" in caught.value.hint
    monkeypatch.delitem(sys.modules, "omicopy.monitoring.metrics", raising=False)
    Monitor(None, None, str(tmp_path / "report.json")).end([], {}, 1, 0)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


# --- the pings


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(Reply()) as server:
        yield server


def pinging(tmp_path: Path, url: str) -> Monitor:
    file = tmp_path / "ping-url"
    file.write_text(f"\n  {url}\n")
    return Monitor(None, str(file), None)


def asked(server: Hostile) -> list[str]:
    return [f"{method} {path}" for method, path, _, _ in server.requests]


def test_start_success_and_failure_are_pinged(tmp_path: Path, server: Hostile) -> None:
    monitor = pinging(tmp_path, f"{server.url}/{UUID}")
    monitor.begin()
    monitor.end([result()], CALLS, 1, 0)
    monitor.end([result(), result(Status.FAILED)], CALLS, 1, 3)
    monitor.failed(DENIED, 1)
    assert asked(server) == [f"POST /{UUID}{ending}" for ending in ("/start", "", "/fail", "/fail")]
    bodies = [body.decode() for _, _, _, body in server.requests]
    assert bodies == [
        "",
        "exit code 0\n1 copied\n",
        f"exit code 3\n1 copied, 1 failed\ngolden: {DENIED.message}\n",
        f"exit code 12\nno copies\n{DENIED.message}\n",
    ]
    assert all("Authorization" not in headers for _, _, headers, _ in server.requests)


def test_a_ping_keeps_the_query_of_its_url(tmp_path: Path, server: Hostile) -> None:
    monitor = pinging(tmp_path, f"{server.url}/ping/?token=a%20b&x=1#part")
    monitor.begin()
    monitor.end([], {}, 1, 0)
    assert asked(server) == ["POST /ping/start?token=a%20b&x=1", "POST /ping/?token=a%20b&x=1"]


def test_r8_the_body_of_a_ping_is_short_without_secrets(tmp_path: Path, server: Hostile) -> None:
    secrets.register_secret("SOMESECRETKEY")
    url = signed(f"{SOURCE_ID}/manifest.json", NOON, signature="c0ffee" * 10)
    error = OmicopyError(ErrorCode.FAILED, f"{url} SOMESECRETKEY\x1b[31m " + "ü" * 9000)
    pinging(tmp_path, f"{server.url}/{UUID}").end([replace(result(Status.FAILED), error=error)] * 2, {}, 1, 1)
    body = server.requests[0][3]
    assert 9_990 < len(body) <= 10_000
    text = body.decode()
    assert [word for word in ("c0ffee", "AK%2F", "SOMESECRETKEY", "\x1b", UUID) if word in text] == []


@pytest.mark.parametrize(
    ("replies", "times"),
    [
        pytest.param([Reply(404)], 1, id="refuses"),
        pytest.param([Reply(302, headers={"Location": f"/elsewhere/{UUID}"})], 1, id="redirects"),
        pytest.param([Reply(500)], 2, id="fails"),
        pytest.param([Reply(silence=PATIENCE)], 2, id="hangs"),
    ],
)
def test_a_refused_ping_is_a_warning(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    replies: list[Reply],
    times: int,
) -> None:
    if replies[0].silence:
        monkeypatch.setattr(ping, "TIMEOUT", 0.2)
    with hostile(*replies) as server:
        pinging(tmp_path, f"{server.url}/{UUID}").begin()
        wait_until(lambda: len(server.requests) >= times)
        assert asked(server) == [f"POST /{UUID}/start"] * times
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Warning")]
    assert warning.startswith("Warning: The monitor was not told: Ping in 127.0.0.1:")
    assert UUID not in warning


def test_a_ping_is_retried_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hostile(Reply(503), Reply()) as server:
        pinging(tmp_path, f"{server.url}/{UUID}").begin()
    assert len(server.requests) == 2
    with port_of_nobody() as port:
        pinging(tmp_path, f"http://127.0.0.1:{port}/{UUID}").begin()
    assert "can't be reached (Connection refused)" in capsys.readouterr().err


def test_r8_a_ping_url_is_in_no_log(
    tmp_path: Path, server: Hostile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [str(tmp_path / name) for name in ("omicopy.prom", "ping-url", "report.json")]
    url = f"{server.url}/{UUID}/%7euser?token={UUID[::-1]}"
    (tmp_path / "ping-url").write_text(url)
    for form in LogFormat:
        console.configure(form, 2)
        monitor = Monitor(*files)
        monitor.begin()
        monitor.end([result()], CALLS, 1, 0)
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.setenv("no_proxy", "")
        monitor.failed(OmicopyError(ErrorCode.FAILED, f"somebody says {url}"), 1)
        monkeypatch.undo()
        monkeypatch.setattr(ping, "PAUSE", 0.0)
        monkeypatch.setattr(ping, "TIMEOUT", PATIENCE)
    assert len(server.requests) == 6
    message = capsys.readouterr().err
    written = (tmp_path / "omicopy.prom").read_text() + (tmp_path / "report.json").read_text()
    assert "Ping in 127.0.0.1" in message
    assert "urllib3" in message
    assert UUID not in message + written
    assert UUID[::-1] not in message + written


@pytest.mark.parametrize(
    "content",
    [
        "",
        f"http://monitor.example/{UUID}",
        f"ftp://monitor.example/{UUID}",
        f"https://user:{UUID}@monitor.example/",
        f"https://monitor.example/{UUID}\nhttps://monitor.example/{UUID}",
        f"https://monitor.example/{UUID}/" + "x" * 4096,
        f"https://[{UUID}",
        f"{UUID}\0\xff",
    ],
)
def test_a_ping_file_without_a_usable_url_is_reported_first(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ping-url"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(OmicopyError) as caught:
        Monitor(None, str(file), None)
    assert caught.value.code is ErrorCode.USAGE
    assert "ping-url" in caught.value.message
    assert UUID not in caught.value.message + caught.value.hint


def test_a_missing_ping_file_is_reported_before_the_start(tmp_path: Path) -> None:
    for missing in (tmp_path / "no-such", tmp_path):
        with pytest.raises(OmicopyError, match="ping-url-file can't read") as caught:
            Monitor(None, str(missing), None)
        assert caught.value.code is ErrorCode.USAGE


def test_without_options_a_monitor_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = Monitor(None, None, None)
    monitor.begin()
    monitor.end([result()], CALLS, 1, 0)
    monitor.failed(DENIED, 1)
    assert capsys.readouterr() == ("", "")

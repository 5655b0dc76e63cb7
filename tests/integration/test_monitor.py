"""What a monitor sees of unattended runs: figures for Prometheus, pings, and the report."""

from __future__ import annotations

import json
import logging
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omicopy.cli import console
from omicopy.cli.forms import LogFormat
from omicopy.cli.monitoring import OLD_METRICS_LIMIT, Monitor
from omicopy.cloud import secrets
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.result import Status
from omicopy.monitoring import ping
from tests.support.builders import NOON, SOURCE_ID, signed
from tests.support.children import PATIENCE, wait_until
from tests.support.hostile import Hostile, Reply, hostile, refused_port
from tests.support.runs import CALLS, DENIED, LAST, result, samples

UUID = "5f3a1c9e-canary-8d24-77b0e1"


@pytest.fixture(autouse=True)
def fresh_console(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test makes secret or loud ends with it; and nobody waits long."""
    monkeypatch.setattr(secrets, "_values", set())
    monkeypatch.setattr(ping, "PAUSE", 0.0)
    monkeypatch.setattr(ping, "TIMEOUT", PATIENCE)
    root, ours = logging.getLogger(), logging.getLogger("omicopy")
    before = (root.handlers, root.level, ours.level)
    yield
    console.configure(LogFormat.TEXT, 0)
    root.handlers, root.level, ours.level = before


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
    assert warning.startswith("Warning: The ping failed: Ping in 127.0.0.1:")
    assert UUID not in warning


def test_a_ping_is_retried_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hostile(Reply(503), Reply()) as server:
        pinging(tmp_path, f"{server.url}/{UUID}").begin()
    assert len(server.requests) == 2
    with refused_port() as port:
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

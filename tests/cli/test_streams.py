"""R11: talk is not the job. Whatever happens to stderr, the work goes on; what stdout loses is said at the end."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omicopy.cli.streams import SafeStream
from tests.support import children
from tests.support.children import Child
from tests.support.tool import LINUX, Tool

COPY = ("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
LOST = re.compile(r"^Error: The result could not be written to stdout: .+$", re.MULTILINE)
PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports}
jobs: [{name: one, images: [{id: ami-00000001}], to: [{profile: target}]}]
"""
WRITERS = """
import logging, sys, threading, traceback, warnings
from omicopy.cli import streams
streams.install()
def fail():
    raise RuntimeError("in a thread")
for _ in range(3):
    warnings.warn("of a library")
    logging.getLogger("of.a.library").warning("for the last resort")
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError:
        traceback.print_exc()
    sys.stderr.write("x" * 100_000)
    sys.stderr.close()
print("done")
sys.exit(7)
"""


def redirected(how: str, *args: str, **env: str) -> Child:
    """The command with its streams as the shell's words say."""
    return Child(["sh", "-c", f'exec "$@" {how}', "sh", sys.executable, "-m", "omicopy", *args], env or None)


def ended(child: Child) -> tuple[int, str, str]:
    out, err = child.communicate()
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return child.returncode, out, err


# --- stderr


@pytest.mark.parametrize("gone", ["2>/dev/full", "2>&-", "2</dev/null"])
@pytest.mark.parametrize("how", [(), ("-o", "jsonl", "--log-format", "json"), ("-o", "json", "-vv")], ids=" ".join)
def test_r11_an_unwritable_stderr_stops_nothing(tool: Tool, gone: str, how: tuple[str, ...]) -> None:
    code, out, err = ended(redirected(gone, *COPY, *how, **tool.env))
    assert (code, err) == (0, "")
    (copy,) = tool.copies()
    assert (copy.state, copy.image_id in out) == ("available", True)


@pytest.mark.parametrize("reader", ["head -1", "head -c0", "true"])
def test_r11_a_stderr_whose_reader_exits_stops_nothing(tool: Tool, tmp_path: Path, reader: str) -> None:
    code, out = tmp_path / "code", tmp_path / "out"
    command = f'{{ "$@" 2>&1 >{out}; echo $? >{code}; }} | {reader}'
    children.run(["sh", "-c", command, "sh", sys.executable, "-m", "omicopy", *COPY], tool.env)
    children.wait_until(lambda: code.exists() and code.read_text().endswith("\n"))
    assert code.read_text() == "0\n"
    assert out.read_text() == f"{tool.copies()[0].image_id}\tgolden-linux\tcopied\n"


def test_r11_a_run_whose_log_breaks_off_continues(tool: Tool) -> None:
    """It still prints its results, its report and its metrics."""
    plan, report, metrics = tool.home / "plan.yaml", tool.home / "report.json", tool.home / "m.prom"
    plan.write_text(PLAN)
    tool.hold()
    child = tool.start("run", str(plan), "-v", "--report", str(report), "--metrics-file", str(metrics), "-o", "json")
    assert all(child.line("stderr") for _ in range(4))
    child.stderr.close()
    tool.await_request("CreateImageExportTask")
    tool.go()
    out = child.stdout.read()
    assert child.wait() == 0
    assert [copy["status"] for copy in json.loads(out)["copies"]] == ["copied"]
    assert json.loads(report.read_text()) == json.loads(out)
    assert "omicopy_run_exit_code 0.0\n" in metrics.read_text()


def test_r11_a_failure_keeps_its_exit_code_without_a_stderr(tool: Tool) -> None:
    assert ended(redirected("2>/dev/full", "copy", "no-such-image", *COPY[2:], **tool.env))[0] == 4
    assert ended(redirected("2>/dev/full", "copy", "--no-such-option", **tool.env))[0] == 2
    assert ended(redirected("2>&-", "copy", "--help"))[:2] == (0, children.run(command("copy", "--help")).stdout)


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "omicopy", *args]


@pytest.mark.parametrize("gone", ["2>/dev/full", "2>&-", "2>&1"])
def test_r11_every_writer_to_stderr_continues_silently(gone: str, tmp_path: Path) -> None:
    out, code = tmp_path / "out", tmp_path / "code"
    script = f'{{ "$@" {gone} >{out}; echo $? >{code}; }} | true'
    children.run(["sh", "-c", script, "sh", sys.executable, "-c", WRITERS])
    children.wait_until(lambda: code.exists() and code.read_text().endswith("\n"))
    assert code.read_text() == "7\n", "and not 120, with which Python ends when it can't flush"
    assert "done" in out.read_text()


@pytest.mark.parametrize("stdout_too", [False, True])
def test_r11_a_terminal_that_is_closed_stops_nothing(tool: Tool, stdout_too: bool) -> None:
    """Without SIGHUP, as under nohup, or where it is no controlling terminal: every write fails with EIO."""
    tool.hold()
    ours, theirs = pty.openpty()
    env = tool.env | {"TERM": "xterm-256color"}
    child = Child(command(*COPY), env, stderr=theirs, **{"stdout": theirs} if stdout_too else {})
    os.close(theirs)
    shown = b""
    while b"exporting" not in shown:
        shown += os.read(ours, 65536)
    os.close(ours)
    tool.go()
    out = "" if stdout_too else child.stdout.read()
    assert child.wait() == (1 if stdout_too else 0)
    (copy,) = tool.copies()
    assert (copy.state, dict(copy.tags)["omicopy:copy"]) == ("available", copy.image_id)
    assert out == ("" if stdout_too else f"{copy.image_id}\tgolden-linux\tcopied\n")


def test_r11_the_sandbox_ends_with_its_commands_exit_code() -> None:
    """It does so in silence when stderr can't be written."""
    assert ended(redirected("2>/dev/full", "sandbox", "--", "sh", "-c", "echo in it; exit 3"))[:2] == (3, "in it\n")
    assert ended(redirected("2>&-", "sandbox", "--", "/no/such/command"))[0] == 127


# --- stdout


def words_of_every_kind(tool: Tool) -> Iterator[tuple[str, ...]]:
    """A command of each kind that prints something."""
    key = tool.exported()
    tool.copy("golden-linux")
    yield ("--version",)
    yield ("--help",)
    yield ("url", "--help")
    yield ("run", "--schema")
    yield COPY
    yield (*COPY, "-o", "json")
    yield ("url", f"s3://omi-exports/{key}", "--from", "source", "--no-check")
    yield ("inspect", LINUX, "--from", "source", "-o", "json")
    yield ("status", "--from", "source")
    yield ("doctor", "--from", "source", "--retry", "0s")
    yield ("copy", "no-such-image", *COPY[2:], "-o", "json")


@pytest.mark.parametrize("gone", [">/dev/full", ">&-"])
def test_r11_an_unwritable_stdout_is_exit_1_and_one_line(tool: Tool, gone: str) -> None:
    for words in words_of_every_kind(tool):
        code, _, err = ended(redirected(gone, *words, **tool.env))
        assert code == (4 if "no-such-image" in words else 1), words
        assert ("The work itself is done." in err) == (code == 1), err
        assert len(LOST.findall(err)) == 1, err


@pytest.mark.parametrize("gone", [">/dev/full", ">&-", "<&- >&- 2>&-"])
def test_r11_a_copy_is_completed_without_a_stdout(tool: Tool, gone: str) -> None:
    assert ended(redirected(gone, *COPY, **tool.env))[0] == 1
    assert [image.state for image in tool.copies()] == ["available"]


def test_r11_a_command_without_output_needs_no_stdout(tool: Tool) -> None:
    assert ended(redirected(">&-", "cors", "s3://omi-exports", "--from", "source", **tool.env))[0] == 0
    assert ended(redirected(">&-", "copy", "no-such-image", *COPY[2:], **tool.env))[0] == 4


def test_r11_the_work_is_done_when_the_reader_of_jsonl_exits(tool: Tool) -> None:
    tool.hold()
    child = tool.start(*COPY, "-o", "jsonl", "-q")
    assert json.loads(child.line())["event"] == "moved"
    child.stdout.close()
    tool.await_request("CreateImageExportTask")
    tool.go()
    err = child.stderr.read()
    assert child.wait() == 1
    assert err == "Error: The result could not be written to stdout: Broken pipe. The work itself is done.\n"
    assert [image.state for image in tool.copies()] == ["available"]


def test_r10_json_lines_in_a_pipe_are_not_shown_on_the_terminal(tool: Tool) -> None:
    ours, theirs = pty.openpty()
    child = Child(command(*COPY, "-o", "jsonl"), tool.env | {"TERM": "xterm-256color"}, stderr=theirs)
    os.close(theirs)
    shown = drained(ours)
    events = [json.loads(line) for line in child.stdout.read().splitlines()]
    assert child.wait() == 0
    assert {event.get("event") for event in events} == {"moved", "ended", None}
    assert b'"event"' not in shown()


def drained(descriptor: int):
    """Reads a terminal to its end, beside; what was shown there, once it has ended."""
    shown: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(descriptor, 65536):
                shown.append(chunk)
        except OSError:  # the other end is closed
            os.close(descriptor)

    reader = threading.Thread(target=read)
    reader.start()

    def all_of_it() -> bytes:
        reader.join(children.PATIENCE)
        return b"".join(shown)

    return all_of_it


# --- the streams themselves


def test_a_full_non_blocking_pipe_is_waited_for() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    content = b"x" * 1_000_000
    received = b""

    def read() -> None:
        nonlocal received
        while len(received) < len(content):
            received += os.read(ours, 65536)

    reader = threading.Thread(target=read, daemon=True)
    stream = SafeStream(theirs)
    left = memoryview(content)
    reader.start()
    while left:
        left = left[stream.write(left) :]
    reader.join(children.PATIENCE)
    assert (received, stream.error) == (content, None)
    os.close(ours)
    assert stream.write(b"lost") == len(b"lost")
    assert isinstance(stream.error, BrokenPipeError)
    os.close(theirs)

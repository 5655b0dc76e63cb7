"""Interrupted, killed, repeated: nothing is lost, nothing is made twice, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from omicopy.sandbox.faults import Fault, FaultKind
from omicopy.sandbox.variants import Names, Variant
from tests.tool import LINUX, Ran, Tool

COPY = ("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
SLOW = {"OMICOPY_POLL_MIN": "30s", "OMICOPY_POLL_MAX": "30s"}


def interrupted(tool: Tool, process: subprocess.Popen[str], number: signal.Signals) -> Ran:
    """Sends the signal; the end must come within two seconds and look like an end."""
    began = time.monotonic()
    ran = tool.finish(process, number)
    assert time.monotonic() - began < 2
    assert ran.code == 128 + number
    assert "Interrupted" in ran.err
    return ran


def assert_finished_by_the_same_command(tool: Tool, *args: str) -> None:
    again = tool.run(*(args or COPY))
    assert again.row[2] in ("copied", "present")
    assert len(tool.tasks()) == 1
    assert [image.state for image in tool.copies()] == ["available"]
    assert tool.count("CreateImageExportTask", status=200) == tool.count("CreateImage", status=200) == 1


@pytest.mark.parametrize(
    ("number", "code", "action"),
    [(signal.SIGINT, 130, "CreateImageExportTask"), (signal.SIGTERM, 143, "CreateImage")],
)
def test_a_signal_ends_a_wait_at_once_and_the_same_command_goes_on(tool, number, code, action) -> None:
    tool.again(variant=Variant(names=Names.FREE), export_seconds=0.6, import_seconds=0.6)
    env = SLOW if action == "CreateImageExportTask" else {}
    process = tool.start(*COPY, **env)
    tool.await_request(action)
    tool.wait(lambda: tool.count("CreateTags", account="source"))
    time.sleep(0.1)
    ran = interrupted(tool, process, number)
    assert ran.code == code
    assert ran.out == ""
    assert f"omicopy {' '.join(COPY)}" in ran.err
    going_on = tool.tasks()[0].task_id if action == "CreateImageExportTask" else tool.copies()[0].image_id
    assert going_on in ran.err
    assert_finished_by_the_same_command(tool)


def test_a_signal_ends_a_request_that_nobody_answers(tool) -> None:
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "ReadImageExportTasks"))
    process = tool.start(*COPY, OMICOPY_HTTP_TIMEOUT="60s")
    tool.wait(lambda: tool.sandbox.faults.struck(hang))
    interrupted(tool, process, signal.SIGINT)
    assert_finished_by_the_same_command(tool)


def test_a_signal_ends_the_wait_for_a_throttled_account(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.THROTTLE_CALL, "ReadAccounts", retry_after=100))
    process = tool.start(*COPY, OMICOPY_RETRY="5m")
    tool.await_request("ReadAccounts")
    time.sleep(0.1)
    interrupted(tool, process, signal.SIGTERM)


def test_an_interrupted_copy_shows_no_signature_of_the_url_it_was_given(tool) -> None:
    tool.again(import_seconds=5)
    url = tool.sign(tool.exported())
    process = tool.start("import", url, "--to", "target")
    tool.await_request("CreateImage")
    ran = interrupted(tool, process, signal.SIGINT)
    assert "import" in ran.err


def test_r2_an_interrupted_create_whose_answer_never_came_is_found_again(tool) -> None:
    tool.again(variant=Variant(names=Names.FREE))
    for action in ("CreateImageExportTask", "CreateImage"):
        tool.sandbox.faults.add(Fault(FaultKind.HANG_AFTER, action))
        process = tool.start(*COPY, OMICOPY_HTTP_TIMEOUT="60s")
        tool.await_request(action)
        assert "perhaps" in interrupted(tool, process, signal.SIGINT).err
    assert_finished_by_the_same_command(tool)


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
def test_r2_killed_right_after_a_create_took_effect_nothing_is_made_twice(tool, action) -> None:
    tool.again(variant=Variant(names=Names.FREE), lag_seconds=0.6, export_seconds=0.7)
    tool.sandbox.faults.add(Fault(FaultKind.HANG_AFTER, action))
    process = tool.start(*COPY, OMICOPY_GRACE="1s", OMICOPY_HTTP_TIMEOUT="60s")
    tool.await_request(action)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    again = tool.run(*COPY, OMICOPY_GRACE="1s")
    assert again.row[2] in ("copied", "present")
    assert len(tool.tasks()) == len(tool.copies()) == 1
    assert tool.count(action) == 1


def test_r2_killed_before_the_create_had_an_effect_the_next_run_makes_it_after_the_grace(tool) -> None:
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "CreateImageExportTask"))
    process = tool.start(*COPY)
    tool.wait(lambda: tool.sandbox.faults.struck(hang))
    process.kill()
    process.communicate()
    began = time.monotonic()
    assert tool.run(*COPY, OMICOPY_GRACE="1s").row[2] == "copied"
    assert time.monotonic() - began > 1
    assert len(tool.tasks()) == 1


@pytest.mark.parametrize(("ignored", "number"), [("INT", signal.SIGTERM), ("TERM", signal.SIGINT)])
def test_a_signal_that_it_was_started_to_ignore_it_goes_on_ignoring(tool, ignored, number) -> None:
    tool.hold()
    process = tool.start(*COPY, ignoring=ignored)
    tool.await_request("ReadImageExportTasks", 3)
    process.send_signal(signal.Signals[f"SIG{ignored}"])
    more = tool.count("ReadImageExportTasks") + 5
    tool.wait(lambda: tool.count("ReadImageExportTasks") >= more or process.poll() is not None)
    interrupted(tool, process, number)


def test_a_second_signal_ends_what_the_first_could_not(tool) -> None:
    tool.again(export_seconds=5)
    process = tool.start(*COPY, **SLOW)
    tool.wait(lambda: tool.count("CreateTags"))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=2)
    assert process.returncode == 130

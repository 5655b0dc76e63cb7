"""Interrupted, killed, repeated: nothing is lost, nothing is made twice, and the same command goes on."""

from __future__ import annotations

import signal

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, NameRule
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.interrupting import COPY, FOR_EVER, interrupted
from tests.support.tool import LINUX, Tool

SLOW = {"OMICOPY_POLL_MIN": "1h", "OMICOPY_POLL_MAX": "1h"}


def assert_finished_by_the_same_command(tool: Tool, *args: str) -> None:
    again = tool.run(*(args or COPY))
    assert again.row[2] in ("copied", "present")
    assert len(tool.tasks()) == 1
    assert [image.state for image in tool.copies()] == ["available"]
    assert tool.count("CreateImageExportTask", status=200) == tool.count("CreateImage", status=200) == 1


@pytest.mark.parametrize(
    ("number", "code", "action"),
    [
        (signal.SIGINT, 130, "CreateImageExportTask"),
        (signal.SIGTERM, 143, "CreateImage"),
        (signal.SIGHUP, 129, "CreateImage"),
    ],
)
def test_a_signal_ends_a_wait_at_once(tool, number, code, action) -> None:
    """The same command continues."""
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    tool.hold()
    env = SLOW if action == "CreateImageExportTask" else {}
    process = tool.start(*COPY, **env)
    tool.await_request(action if env else "CreateImageExportTask")
    tool.wait(lambda: tool.count("CreateTags", account="source"))
    if action == "CreateImage":
        tool.advance(1)
        tool.await_request(action)
        tool.await_polls("ReadImages")
    ran = interrupted(tool, process, number)
    assert ran.code == code
    created = "-" if action == "CreateImageExportTask" else tool.copies()[0].image_id
    assert ran.row == [created, "golden-linux", "running"]
    assert f"omicopy {' '.join(COPY)}" in ran.err
    assert "Interrupted. 0 of 1 copy is done. The service goes on with: golden-linux: " in ran.err
    going_on = tool.tasks()[0].task_id if action == "CreateImageExportTask" else tool.copies()[0].image_id
    assert going_on in ran.err
    tool.go()
    assert_finished_by_the_same_command(tool)


def test_a_signal_ends_a_request_without_an_answer(tool) -> None:
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "ReadImageExportTasks"))
    process = tool.start(*COPY, **FOR_EVER)
    tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
    interrupted(tool, process, signal.SIGINT)
    assert_finished_by_the_same_command(tool)


def test_a_signal_ends_the_wait_for_a_throttled_account(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.THROTTLE_CALL, "ReadAccounts", retry_after=3600))
    process = tool.start(*COPY, OMICOPY_RETRY="2h")
    tool.await_request("ReadAccounts")
    interrupted(tool, process, signal.SIGTERM)


def test_an_interrupted_import_prints_no_signature_of_its_url(tool) -> None:
    url = tool.sign(tool.exported())
    tool.hold()
    process = tool.start("import", url, "--to", "target")
    tool.await_request("CreateImage")
    ran = interrupted(tool, process, signal.SIGINT)
    assert "import" in ran.err


def test_r2_an_interrupted_create_without_answer_is_found(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    for action in ("CreateImageExportTask", "CreateImage"):
        tool.sandbox.faults.add(Fault(FaultKind.HANG_AFTER, action))
        process = tool.start(*COPY, **FOR_EVER)
        tool.await_request(action)
        assert "perhaps" in interrupted(tool, process, signal.SIGINT).err
    assert_finished_by_the_same_command(tool)


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
def test_r2_killed_after_a_create_nothing_is_made_twice(tool, action) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE), lag_seconds=0.6, export_seconds=0.7)
    tool.sandbox.faults.add(Fault(FaultKind.HANG_AFTER, action))
    process = tool.start(*COPY, OMICOPY_GRACE="1h", **FOR_EVER)
    tool.await_request(action)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    again = tool.run(*COPY, OMICOPY_GRACE="1h")
    assert again.row[2] in ("copied", "present")
    assert len(tool.tasks()) == len(tool.copies()) == 1
    assert tool.count(action) == 1


def test_r2_killed_before_a_create_the_next_run_creates(tool) -> None:
    """After the grace."""
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "CreateImageExportTask"))
    process = tool.start(*COPY)
    tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
    process.kill()
    process.communicate()
    early = tool.copy(LINUX, "--export-timeout", "0.5s", code=6, OMICOPY_GRACE="1h")
    assert early.copy["error"]["code"] == "out-of-time"
    assert tool.tasks() == []
    assert tool.run(*COPY, OMICOPY_GRACE="0.1s").row[2] == "copied"
    assert len(tool.tasks()) == 1


@pytest.mark.parametrize(
    ("ignored", "number"), [("INT", signal.SIGTERM), ("HUP", signal.SIGTERM), ("TERM", signal.SIGINT)]
)
def test_a_signal_ignored_at_start_stays_ignored(tool, ignored, number) -> None:
    tool.hold()
    process = tool.start(*COPY, ignoring=ignored)
    tool.await_request("ReadImageExportTasks", 3)
    process.send_signal(signal.Signals[f"SIG{ignored}"])
    more = tool.count("ReadImageExportTasks") + 5
    tool.wait(lambda: tool.count("ReadImageExportTasks") >= more or process.poll() is not None)
    interrupted(tool, process, number)


def test_a_second_signal_ends_a_command_that_hangs(tool) -> None:
    tool.hold()
    process = tool.start(*COPY, **SLOW)
    tool.wait(lambda: tool.count("CreateTags"))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode in (130, -signal.SIGINT)  # the latter where Python was about to end anyway

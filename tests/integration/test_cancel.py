"""`cancel`: an export of ours is asked to stop once, and what became of it is read (R1, R4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, CancelWindow
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import TaskState
from tests.support.tool import LINUX, THREE, Ran, Tool


@pytest.fixture
def tool(tool: Tool) -> Tool:
    """Exports stay in the queue."""
    tool.hold()
    return tool


def cancel(tool: Tool, *args: str, code: int | None = 0, **env: str) -> Ran:
    return tool.run("cancel", *args, "--from", "source", code=code, **env)


def started(tool: Tool, image: str = LINUX) -> str:
    """An export of ours; its ID."""
    return tool.export(image, "--no-wait").out.strip()


def moved(tool: Tool, task_id: str, state: TaskState) -> None:
    tool.source.change_task(task_id, state=state, comment="The disk is on fire.")


def state(tool: Tool, task_id: str) -> TaskState:
    return tool.source.tasks.get(task_id).state


def journal(tool: Tool) -> list[Path]:
    return list((tool.home / "state" / "omicopy" / "journal").glob("*.json"))


def test_our_queued_export_is_cancelled_and_its_entry_closed(tool: Tool) -> None:
    task_id = started(tool)
    assert len(journal(tool)) == 1
    tool.forget()
    assert cancel(tool, task_id, "--dry-run", "-o", "json").json["exports"][0]["status"] == "planned"
    assert (tool.writes(), state(tool, task_id)) == ([], TaskState.QUEUED)
    assert cancel(tool, task_id).row == [task_id, "cancelled"]
    assert (tool.writes(), state(tool, task_id)) == (["DeleteExportTask"], TaskState.CANCELLED)
    assert journal(tool) == []
    parts = cancel(tool, task_id, "-o", "json").json["exports"]
    assert [(one["status"], one["changed"], one["state"]) for one in parts] == [("present", False, "cancelled")]
    assert parts[0]["source"] == {
        **{"profile": "source", "account_id": "100000000001", "region": "eu-west-2"},
        "image_id": LINUX,
    }
    assert tool.writes() == ["DeleteExportTask"]


def test_r4_an_export_of_somebody_else_is_never_cancelled(tool: Tool) -> None:
    strangers, mine = tool.start_export(THREE), started(tool)
    tool.forget()
    ran = cancel(tool, strangers, mine, "image-export-0badc0de", code=3)
    assert ran.out.splitlines() == [
        f"{strangers}\tpending/queued",
        f"{mine}\tcancelled",
        "image-export-0badc0de\t-",
    ]
    assert "not started by omicopy" in ran.err
    assert (state(tool, strangers), tool.writes()) == (TaskState.QUEUED, ["DeleteExportTask"])
    cancel(tool, strangers, code=2)
    cancel(tool, "image-export-0badc0de", code=4)
    cancel(tool, LINUX, code=2)
    assert tool.writes() == ["DeleteExportTask"]


def test_an_untagged_export_is_ours_if_the_journal_knows_it(tool: Tool) -> None:
    task_id = started(tool)
    tool.source.change_task(task_id, tags=())
    cancel(tool.on_other_machine(), task_id, code=2)
    assert cancel(tool, task_id).row == [task_id, "cancelled"]


@pytest.mark.parametrize(
    ("kind", "code", "after"),
    [(CancelWindow.QUEUED, 1, TaskState.PENDING), (CancelWindow.RUNNING, 0, TaskState.CANCELLED)],
)
def test_after_the_queue_the_service_decides_and_is_quoted(
    tool: Tool, kind: CancelWindow, code: int, after: TaskState
) -> None:
    tool.change_settings(behaviour=Behaviour(cancel=kind))
    task_id = started(tool)
    moved(tool, task_id, TaskState.PENDING)
    ran = cancel(tool, task_id, code=code)
    assert (ran.row, state(tool, task_id)) == ([task_id, after.value], after)
    assert (tool.count("DeleteExportTask"), len(journal(tool))) == (1, code)
    assert ("The task is pending." in ran.err) is bool(code)


def test_an_ended_or_unknown_export_is_not_cancelled(tool: Tool) -> None:
    task_id = started(tool)
    for ended, code in ((TaskState.COMPLETED, 1), (TaskState.FAILED, 7)):
        moved(tool, task_id, ended)
        ran = cancel(tool, task_id, code=code)
        assert ran.row == [task_id, ended.value]
    assert "The disk is on fire." in ran.err
    tool.sandbox.faults.add(Fault(FaultKind.UNKNOWN_STATE, "ReadImageExportTasks", times=None))
    assert cancel(tool, task_id, code=1).row == [task_id, "reticulating"]
    assert tool.count("DeleteExportTask") == 0


@pytest.mark.parametrize(
    ("kind", "code", "after"),
    [
        (FaultKind.LOST_ANSWER, 0, TaskState.CANCELLED),
        (FaultKind.ERROR_500, 5, TaskState.QUEUED),
        (FaultKind.DENIED, 12, TaskState.QUEUED),
    ],
)
def test_r1_it_cancels_once_and_a_read_shows_the_effect(
    tool: Tool, kind: FaultKind, code: int, after: TaskState
) -> None:
    """Also when the answer was lost."""
    task_id = started(tool)
    tool.sandbox.faults.add(Fault(kind, "DeleteExportTask"))
    ran = cancel(tool, task_id, code=code)
    assert (ran.row, state(tool, task_id)) == ([task_id, after.value], after)
    assert (tool.count("DeleteExportTask"), len(journal(tool))) == (1, int(code != 0))


def test_a_cancel_that_surely_failed_is_decided_again(tool: Tool) -> None:
    task_id = started(tool)
    tool.forget()
    tool.sandbox.faults.add(Fault(FaultKind.THROTTLE_CALL, "DeleteExportTask", retry_after=0.05))
    assert cancel(tool, task_id).row == [task_id, "cancelled"]
    calls = [call for call in tool.calls() if "Export" in call]
    assert calls == ["ReadImageExportTasks", "DeleteExportTask"] * 2 + ["ReadImageExportTasks"]


def test_a_lagging_read_is_waited_for_during_the_grace(tool: Tool) -> None:
    one, other = started(tool), started(tool, THREE)
    for region in (tool.source, tool.target):
        region.forget_history()
    tool.sandbox.faults.add(Fault(FaultKind.LAG, "ReadImageExportTasks", after=1, times=2))
    assert cancel(tool, one, OMICOPY_GRACE="1h").row == [one, "cancelled"]
    tool.sandbox.faults.add(Fault(FaultKind.LAG, "ReadImageExportTasks", times=None, lag_seconds=1e6))
    ran = cancel(tool, other, code=6)
    assert ran.row == [other, "pending/queued"]
    assert state(tool, other) is TaskState.CANCELLED


def test_a_sent_cancel_is_reported_if_later_reads_fail(tool: Tool) -> None:
    task_id = started(tool)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImageExportTasks", after=1, times=None))
    ran = cancel(tool, task_id, code=12)
    assert ran.row == [task_id, "pending/queued"]
    assert "ReadImageExportTasks" in ran.err

"""Failures at the service, other runs, quotas, and several copies: exit code, message, next step."""

from __future__ import annotations

import re

import pytest

from omicopy.sandbox.model.behaviours import BadManifest, Behaviour, NameRule
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import TaskState
from omicopy.sandbox.model.task_behaviours import LimitCode
from tests.support.tool import LINUX, THREE


def test_a_failed_export_is_reported_and_the_next_run_retries(tool) -> None:
    tool.hold()
    process = tool.start("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.wait(lambda: tool.count("CreateTags", account="source"))
    (task,) = tool.tasks()
    tool.source.change_task(task.task_id, state=TaskState.CANCELLED, comment="The disk is on fire.", ended=0.0)
    ran = tool.finish(process)
    assert (ran.code, ran.row) == (7, ["-", "golden-linux", "failed"])
    assert f"{task.task_id} ended as cancelled: The disk is on fire." in ran.err
    tool.go()
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == 2


def test_a_failed_import_is_replaced_by_the_next_run(tool) -> None:
    """The first run ends with the reason."""
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account="(service)"))
    ran = tool.copy("golden-linux", code=7)
    (failed,) = tool.copies()
    assert ran.copy["error"]["code"] == "remote-failed"
    assert ran.copy["target"]["image_id"] == failed.image_id
    assert failed.state_message in ran.copy["error"]["message"]
    elsewhere = tool.on_other_machine().copy("golden-linux", code=4)
    assert failed.image_id in elsewhere.copy["error"]["message"]
    assert tool.copies() == [failed]

    tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, "DeleteImage"))
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert [image.state for image in tool.copies()] == ["available"]
    assert tool.count("DeleteImage") == 1
    assert len(tool.tasks()) == 1


def test_a_refused_manifest_is_no_image_and_no_success(tool) -> None:
    tool.again(behaviour=Behaviour(bad_manifest=BadManifest.REFUSED))
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account="(service)"))
    ran = tool.copy("golden-linux", code=1)
    assert "CreateImage in target (us-east-2): HTTP 400, code 4088" in ran.copy["error"]["message"]
    assert tool.copies() == []


def test_a_name_taken_during_the_import_quotes_the_service(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.LATE))
    tool.exported()
    tool.hold()
    process = tool.start("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.await_request("CreateImage")
    tool.existing("golden-linux")
    tool.go()
    ran = tool.finish(process)
    assert ran.code == 7
    assert "already used" in ran.err


def test_a_copy_of_another_run_is_left_to_it_or_waited_for(tool) -> None:
    tool.hold()
    first = tool.start("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.await_request("CreateImageExportTask")
    left = tool.copy("golden-linux", code=11)
    assert left.copy["error"]["code"] == "locked"
    assert "--lock-wait" in left.copy["error"]["hint"]
    tool.forget()
    words = ("copy", "golden-linux", "--from", "source", "--to", "target", "--bucket", "omi-exports", "-o", "json")
    waiting = tool.start(*words, "--lock-wait", "1h")
    tool.await_request("ReadAccounts", 2)
    tool.go()
    waited = tool.finish(waiting)
    assert (waited.copy["status"], waited.copy["changed"]) == ("present", False)
    assert tool.finish(first).row[2] == "copied"
    assert (len(tool.tasks()), tool.count("CreateImageExportTask"), tool.count("CreateImage")) == (1, 0, 1)


def test_a_snapshot_quota_is_exit_13_and_keeps_the_export(tool) -> None:
    tool.again(snapshots=1)
    ran = tool.copy("golden-linux", code=13)
    assert (ran.copy["error"]["code"], bool(ran.copy["error"]["hint"])) == ("quota", True)
    assert ran.copy["manifest"] == f"s3://omi-exports/{LINUX}/manifest"
    tool.change_settings(snapshots=10)
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == 1


@pytest.mark.parametrize("way", list(LimitCode))
def test_an_export_quota_means_waiting_while_others_run(tool, way) -> None:
    tool.again(exports_in_flight=1, export_seconds=0.3, behaviour=Behaviour(limit_code=way))
    tool.start_export("ami-00000003", OsuPrefix="theirs")
    ran = tool.copy(LINUX, THREE)
    assert [entry["status"] for entry in ran.json["copies"]] == ["copied", "copied"]
    assert len(tool.tasks()) == 3


def test_one_failure_of_two_is_exit_3_and_keeps_the_other(tool) -> None:
    ran = tool.copy("shared-linux", LINUX, code=4)
    failed, copied = ran.json["copies"]
    assert (failed["status"], failed["error"]["exit_code"], failed["target"]["image_id"]) == ("failed", 4, None)
    assert (copied["status"], copied["target"]["image_id"]) == ("copied", tool.copies()[0].image_id)
    assert re.search("^Error: .*shared-linux", ran.err, re.MULTILINE)


def test_a_shared_failure_code_is_the_exit_code_else_1(tool) -> None:
    tool.again(snapshots=1)
    assert len(tool.copy("shared-linux", "public-linux", code=4).json["copies"]) == 2
    ran = tool.copy("shared-linux", LINUX, code=1)
    assert [entry["error"]["exit_code"] for entry in ran.json["copies"]] == [4, 13]
    assert ran.err.count("Error: ") == 2


def test_an_unwritable_state_folder_is_a_warning(tool) -> None:
    blocked = tool.home / "file"
    blocked.write_text("")
    ran = tool.copy("golden-linux", XDG_STATE_HOME=str(blocked))
    assert ran.copy["status"] == "copied"
    assert "Warning: " in ran.err


def test_the_journal_holds_no_secret_and_is_empty_in_the_end(tool) -> None:
    tool.exported()
    tool.hold()
    tool.copy("golden-linux", "--no-wait")
    files = list((tool.home / "state").rglob("*.json"))
    assert files
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    text = "".join(path.read_text() for path in files)
    assert "Signature" not in text
    assert not [a for a in tool.sandbox.accounts.values() if a.secret_key in text or a.access_key in text]
    tool.go()
    assert tool.copy("golden-linux").copy["status"] in ("present", "copied")
    left = [path for path in (tool.home / "state").rglob("*") if path.is_file()]
    assert {path.suffix for path in left} == {".lock"}  # byte ranges of empty files, free without their process
    assert {path.read_text() for path in left} == {""}

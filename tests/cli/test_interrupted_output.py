"""What an interrupted command prints (R3): the status of every copy, and the command that continues."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
from pathlib import Path

import pytest

from omicopy.cli import output
from omicopy.cli.failing import interrupted_early, typed_form
from omicopy.errors import Interrupted
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children
from tests.support.children import Child
from tests.support.hostile import Reply, hostile
from tests.support.interrupting import COPY, FOR_EVER
from tests.support.tool import LINUX, THREE, Ran, Tool

BOTH = ("copy", LINUX, THREE, *COPY[2:])
PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports}
jobs: [{name: two, images: [{id: ami-00000001}, {id: ami-00000002}, {id: ami-0000dead}], to: [{profile: target}]}]
"""


def waiting(tool: Tool, *args: str, **env: str) -> Child:
    """A command whose first export runs, and gets no further."""
    tool.hold()
    child = tool.start(*args, **env)
    tool.await_request("CreateImageExportTask")
    looks = tool.count("ReadImageExportTasks")
    tool.wait(lambda: tool.count("ReadImageExportTasks") >= looks + 3)
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_r3_an_interruption_prints_the_status_of_every_copy(tool, form, number) -> None:
    """Done, running, not begun."""
    tool.copy("golden-windows")
    tool.forget()
    child = waiting(tool, *BOTH[:3], "golden-windows", *BOTH[3:], "--parallel", "1", "-o", form)
    ran = tool.finish(child, number)
    statuses = {"golden-linux": "running", "golden-three": "not-begun", "golden-windows": "present"}
    assert ran.code == 128 + number
    if form == "table":
        assert {row.split("\t")[1]: row.split("\t")[2] for row in ran.out.splitlines()} == statuses
    else:
        last = json.loads(ran.out if form == "json" else ran.out.splitlines()[-1])
        assert {copy["target"]["image_name"]: copy["status"] for copy in last["copies"]} == statuses
        assert {copy["error"] for copy in last["copies"]} == {None}
        assert last["copies"][0]["export_task_id"] == tool.tasks()[-1].task_id
        assert (last["error"]["code"], last["error"]["exit_code"]) == ("interrupted", ran.code)
    assert "1 of 3 copies is done. The service goes on with: golden-linux: exporting (image-export-" in ran.err


def test_r3_an_interruption_prints_finished_copies(tool) -> None:
    """In the wait before the clean-up nothing is lost, and nothing held back: the lines were printed before it."""
    child = tool.start(*BOTH, "--cleanup", OMICOPY_GRACE="1h")
    lines = [child.line(), child.line()]
    assert sorted(line.split("\t")[2] for line in lines) == ["copied\n"] * 2
    tool.wait(lambda: any("omicopy:cleaned-up" in dict(task.tags) for task in tool.tasks()))
    assert child.poll() is None
    ran = tool.finish(child, signal.SIGTERM)
    assert (ran.code, ran.out) == (143, "")
    assert "2 of 2 copies are done. Exported objects are left in their bucket" in ran.err
    assert "goes on with" not in ran.err
    assert len(tool.manifests()) == 2


def test_r3_an_interrupted_clean_up_prints_the_json_object(tool) -> None:
    """With what it left undone."""
    child = tool.start(*COPY, "--cleanup", "-o", "json", OMICOPY_GRACE="1h")
    tool.wait(lambda: any("omicopy:cleaned-up" in dict(task.tags) for task in tool.tasks()))
    ran = tool.finish(child, signal.SIGINT)
    assert (ran.code, ran.copy["status"], ran.copy["cleanup"]["deleted_objects"]) == (130, "copied", 0)
    assert "interrupted" in ran.copy["cleanup"]["left"]
    again = tool.run(*COPY, "--cleanup", "-o", "json")
    assert (again.copy["status"], again.copy["cleanup"]["deleted_objects"]) == ("present", 2)


def test_r3_the_table_is_printed_before_the_clean_up(tool) -> None:
    ours, theirs = pty.openpty()
    child = Child(
        [sys.executable, "-m", "omicopy", *COPY, "--cleanup"],
        tool.env | {"TERM": "xterm-256color", "OMICOPY_GRACE": "1h"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while b"Deleting" not in shown:
        shown += os.read(ours, 65536)
    assert re.search(rb"Status.*copied.*Deleting", shown, re.DOTALL)
    child.kill()
    os.close(ours)


@pytest.mark.parametrize("action", ["ReadAccounts", "ReadImages"])
def test_interrupted_at_the_start_the_json_has_no_copies(tool, action) -> None:
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, action))
    child = tool.start(*COPY, "-o", "json", **FOR_EVER)
    tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
    ran = tool.finish(child, signal.SIGTERM)
    assert (ran.code, ran.json["copies"], ran.json["error"]["code"]) == (143, [], "interrupted")
    assert "goes on with" not in ran.err


@pytest.mark.parametrize(("words", "keys"), [(("status",), set()), (("doctor",), set())], ids=["status", "doctor"])
def test_every_interrupted_command_prints_its_json_object(tool, words, keys) -> None:
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "ReadAccounts"))
    child = tool.start(*words, "--from", "source", "-o", "json", **FOR_EVER)
    tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
    ran = tool.finish(child, signal.SIGINT)
    assert (ran.code, set(ran.json) - {"schema", "error"}) == (130, keys)


@pytest.mark.parametrize("phase", ["before the loop", "in the loop", "in the clean-up"])
def test_r3_an_interrupted_run_writes_report_and_metrics(tool, phase) -> None:
    report, metrics, plan = tool.home / "report.json", tool.home / "m.prom", tool.home / "plan.yaml"
    plan.write_text(PLAN.replace("omi-exports}", "omi-exports, cleanup: on-success}"))
    words = ("run", str(plan), "--report", str(report), "--metrics-file", str(metrics), "-o", "json")
    if phase == "before the loop":
        hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "ReadImages"))
        child = tool.start(*words, **FOR_EVER)
        tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
        statuses = []
    elif phase == "in the loop":
        child = waiting(tool, *words)
        statuses = ["running", "running", "failed"]
    else:
        child = tool.start(*words, OMICOPY_GRACE="1h")
        tool.wait(lambda: any("omicopy:cleaned-up" in dict(task.tags) for task in tool.tasks()))
        statuses = ["copied", "copied", "failed"]
    ran = tool.finish(child, signal.SIGTERM)
    written = json.loads(report.read_text())
    assert [copy["status"] for copy in written["copies"]] == statuses
    assert ran.json == written
    assert ran.code == 143
    assert "omicopy_run_exit_code 143.0\n" in metrics.read_text()


def test_r3_a_silent_monitor_delays_no_output(tool) -> None:
    plan, ping, report = tool.home / "plan.yaml", tool.home / "ping", tool.home / "report.json"
    plan.write_text(PLAN)
    with hostile(Reply(), Reply(silence=3600)) as server:
        ping.write_text(server.url + "/ping")
        child = waiting(tool, "run", str(plan), "-o", "json", "--ping-url-file", str(ping), "--report", str(report))
        child.send_signal(signal.SIGTERM)
        tool.wait(lambda: len(server.requests) == 2)
        child.send_signal(signal.SIGTERM)  # it would wait for seconds only, but who knows
        ran = tool.finish(child)
    assert ran.code == 143
    assert ran.json == json.loads(report.read_text())
    assert len(ran.json["copies"]) == 3


def offered(ran: Ran) -> str:
    """The command that is offered to go on with."""
    return ran.err.rstrip("\n").rpartition("\n")[2].strip()


def test_the_printed_command_has_options_of_the_environment(tool) -> None:
    words = {"OMICOPY_IMAGE": LINUX, "OMICOPY_FROM": "source", "OMICOPY_TO": "target target-other"}
    words |= {"OMICOPY_PREFIX": "n 3/it's", "OMICOPY_COPY_TAGS": "0", "OMICOPY_CLEANUP": "1", "OMICOPY_VERBOSE": "1"}
    words |= {"OMICOPY_TAG": "a=b c=d", "OMICOPY_DRY_RUN": "0", "OMICOPY_DESCRIPTION": "- by twin"}
    ran = tool.finish(waiting(tool, "copy", "--bucket", "omi-exports", **words), signal.SIGTERM)
    line = offered(ran)
    assert "--prefix 'n 3/it'\"'\"'s'" in line
    assert "--no-copy-tags" in line
    assert "--dry-run" not in line
    assert not [word for profile in tool.sandbox.accounts.values() for word in (profile.secret_key,) if word in line]
    tool.go()
    bare = {name: value for name, value in tool.env.items() if not name.startswith(("OMICOPY_", "OSC_"))}
    again = children.run(["sh", "-c", f"{line} -o json -q"], {**bare, "PATH": f"{Path(sys.executable).parent}:/bin"})
    copies = json.loads(again.stdout)["copies"]
    assert [copy["status"] for copy in copies] == ["copied", "copied"], again.stderr
    assert {copy["cleanup"]["deleted_objects"] for copy in copies} == {2}
    assert tool.count("CreateImageExportTask") == 1
    for profile in ("target", "target-other"):
        (copy,) = tool.copies(profile)
        assert copy.description.startswith("- by twin")
        assert dict(copy.tags).items() >= {"a": "b", "c": "d"}.items()


def test_the_printed_command_keeps_the_typed_options(tool) -> None:
    ran = tool.finish(waiting(tool, *COPY, "--prefix", "a", OMICOPY_PREFIX="b"), signal.SIGTERM)
    assert "--prefix a" in offered(ran)
    assert "--prefix b" not in offered(ran)


def test_interrupted_at_the_start_variables_are_printed(monkeypatch, capsys) -> None:
    """And no key: a profile may be called `env:OMICOPY_SRC`."""
    monkeypatch.setattr(sys, "argv", ["omicopy", *COPY, "--output=json"])
    monkeypatch.setattr(output, "_begun", [])  # another test of this process may have printed JSON
    secrets = {
        "SRC_SECRET_KEY": "no",
        "OMICOPY_SRC_ACCESS_KEY": "no",
        "OMICOPY_SRC_SECRET_KEY": "no",
        "OMICOPY_X": "no",
    }
    monkeypatch.setattr(os, "environ", {"OMICOPY_PREFIX": "n 3", "OMICOPY_TO": "x", **secrets})
    interruption = Interrupted(15)
    interrupted_early(interruption)
    assert interruption.again.startswith("OMICOPY_PREFIX='n 3' OMICOPY_TO=x omicopy copy ami-00000001 --from source")
    assert "_KEY" not in interruption.again
    assert "OMICOPY_X" not in interruption.again
    assert json.loads(capsys.readouterr().out)["copies"] == []


def test_a_run_interrupted_at_the_start_writes_its_report(tool, tmp_path, monkeypatch, capsys) -> None:
    """Else a monitor would go on reading that the last run went well."""
    report, metrics, plan = tmp_path / "report.json", tmp_path / "metrics.prom", tmp_path / "plan.yaml"
    words = ["run", str(plan), "--report", str(report), f"--metrics-file={metrics}"]
    for wrong in (["--retry", "5x"], ["--bogus"], ["--ping-url-file", str(tmp_path / "none")]):
        tool.run(*words, *wrong, code=2)
        assert json.loads(report.read_text())["error"]["exit_code"] == 2
        assert "omicopy_run_exit_code 2" in metrics.read_text()
        report.unlink()
        metrics.unlink()
    monkeypatch.setattr(sys, "argv", ["omicopy", *words])
    interrupted_early(Interrupted(15))
    capsys.readouterr()
    assert json.loads(report.read_text())["error"]["exit_code"] == 143
    assert "omicopy_run_exit_code 143" in metrics.read_text()


@pytest.mark.parametrize(
    ("words", "form"),
    [
        ("-o json", "json"),
        ("-ojsonl", "jsonl"),
        ("--output=json", "json"),
        ("--output json", "json"),
        ("-o yaml", None),
        ("-- -o json", None),
        ("", None),
    ],
)
def test_the_output_form_is_known_before_all_options_are_read(words, form) -> None:
    assert typed_form(["x", *words.split()]) == form

"""`run`: what a plan says is made true, what fails is listed and seen from outside, and nothing is made twice."""

from __future__ import annotations

import json
import signal
import sys
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from omicopy.model.request import Budgets
from omicopy.reconcile.run import RunOptions
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import children
from tests.support.children import PATIENCE
from tests.support.plan_runs import PLAN, plan, run
from tests.support.tool import LINUX


def test_a_plan_is_carried_out_once(tool) -> None:
    first = run(tool)
    made = {(c["job"], c["target"]["profile"], c["target"]["image_name"], c["status"]) for c in first.json["copies"]}
    assert made == {
        ("golden", "target", "golden-linux", "copied"),
        ("golden", "target", "golden-three", "copied"),
        ("golden", "target-other", "golden-linux-eu-west-2", "copied"),
        ("golden", "target-other", "golden-three-eu-west-2", "copied"),
        ("windows", "target", "golden-windows", "copied"),
    }
    assert tool.count("CreateImageExportTask") == 3
    copy = next(image for image in tool.copies() if image.name == "golden-linux")
    tags = dict(copy.tags)
    assert (tags["team"], tags["omicopy:job"], copy.launch_accounts) == ("platform", "golden", ("333333333333",))
    tool.forget()
    again = tool.on_other_machine().run("run", plan(tool), "-o", "json")
    assert {(c["status"], c["changed"]) for c in again.json["copies"]} == {("present", False)}
    assert tool.writes() == []
    assert tool.count("ReadImages", account="target") == 1


def test_a_check_shows_the_actions_and_writes_nothing(tool) -> None:
    ran = run(tool, "--check", "--only", "windows")
    assert [(c["job"], c["status"]) for c in ran.json["copies"]] == [("windows", "planned")]
    assert tool.writes() == []
    assert "There is no job 'nobody'" in run(tool, "--only", "nobody", code=2).err


def test_one_failed_copy_stops_no_other(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, account="target-other", times=None))
    text = PLAN.replace("[{id: ami-00000003}]", "[{id: ami-00000003}, {id: ami-0000dead}]")
    ran = run(tool, code=4, text=text)
    failed = [c for c in ran.json["copies"] if c["status"] == "failed"]
    assert sorted((c["error"]["code"], (c["target"] or {}).get("image_name")) for c in failed) == sorted(
        [("denied", "golden-linux-eu-west-2"), ("denied", "golden-three-eu-west-2"), ("not-found", None)],
        key=lambda pair: pair[0],
    )
    assert len([c for c in ran.json["copies"] if c["status"] == "copied"]) == 3
    assert ran.err.count("Error:") == 3
    tool.sandbox.faults.clear()
    tool.forget()
    healed = run(tool)
    assert tool.count("CreateImage") == 2
    assert tool.count("CreateImageExportTask") == 0
    assert {c["status"] for c in healed.json["copies"]} == {"copied", "present"}


def test_best_effort_leaves_the_exit_code_alone(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, account="target-other", times=None))
    ran = run(tool, best="true")
    assert len([c for c in ran.json["copies"] if c["status"] == "failed"]) == 2


def test_fail_fast_ends_a_run_at_the_first_failure(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateImageExportTask", times=None))
    ran = run(tool, "--fail-fast", code=None)
    assert ran.code in (1, 12)
    given_up = [c for c in ran.json["copies"] if "--fail-fast" in c["error"]["message"]]
    assert {c["status"] for c in ran.json["copies"]} == {"failed"}
    assert len(given_up) < len(ran.json["copies"])
    assert run(tool, "--fail-fast", "--only", "windows", code=12).json["copies"][0]["error"]["code"] == "denied"


def test_shards_divide_a_plan_without_communication(tool) -> None:
    parts = tool.together([lambda i=i: run(tool, "--shard", f"{i}/3", "--check") for i in range(3)])
    copies = [
        (c["source"]["image_id"], c["target"]["profile"], i) for i, p in enumerate(parts) for c in p.json["copies"]
    ]
    assert len(copies) == len({(image, target) for image, target, _ in copies}) == 5
    assert len({(image, shard) for image, _, shard in copies}) == 3, "all the copies of an image are in one shard"
    assert "0/3, 1/3, 2/3" in run(tool, "--shard", "3/3", code=2).err


def test_the_schema_of_plans_is_printed_for_editors(tool) -> None:
    schema = tool.run("run", "--schema").json
    assert schema["$schema"].endswith("2020-12/schema")
    assert "jobs" in schema["properties"]


def test_a_bad_plan_is_refused_with_its_lines(tool) -> None:
    """The monitor is notified."""
    metrics = tool.home / "omicopy.prom"
    ran = run(tool, "--metrics-file", str(metrics), code=2, text=PLAN.replace("share_with", "share_wth"))
    assert "plan.yaml, line 8, jobs[0].to[0].share_wth" in ran.err
    assert "omicopy_run_exit_code 2" in metrics.read_text()
    assert "no plan" in tool.run("run", code=2).err
    assert tool.calls() == []


def test_without_the_extra_for_metrics_nothing_is_sent(tool) -> None:
    start = "import sys; sys.modules['prometheus_client'] = None; from omicopy.__main__ import main; main()"
    words = ("run", plan(tool), "--metrics-file", "m.prom", "-o", "json")
    ran = children.run([sys.executable, "-c", start, *words], tool.env, cwd=tool.home)
    assert ran.returncode == 2
    assert "omicopy[monitoring]" in ran.stderr
    assert "omicopy[monitoring]" in json.loads(ran.stdout)["error"]["hint"]
    assert tool.calls() == []
    assert not (tool.home / "m.prom").exists()


@pytest.fixture
def pings():
    """A monitor's server: the paths and bodies that were posted to it, and its URL."""
    heard: list[tuple[str, str]] = []

    class Ear(BaseHTTPRequestHandler):
        timeout = PATIENCE

        def do_POST(self) -> None:
            heard.append((self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    Thread(target=server.serve_forever, daemon=True).start()
    yield heard, f"http://127.0.0.1:{server.server_port}/0b0b0b0b-canary"
    server.shutdown()
    server.server_close()


def test_each_runs_start_and_end_are_pinged(tool, pings) -> None:
    heard, url = pings
    ping, report, metrics = tool.home / "ping", tool.home / "report.json", tool.home / "omicopy.prom"
    ping.write_text(url + "\n")
    parts = ("--ping-url-file", str(ping), "--report", str(report), "--metrics-file", str(metrics))
    ran = run(tool, *parts, "--only", "windows", "-vv")
    assert [path.removeprefix("/0b0b0b0b-canary") for path, _ in heard] == ["/start", ""]
    assert "canary" not in ran.err + ran.out
    assert json.loads(report.read_text())["copies"] == ran.json["copies"]
    success = [line for line in metrics.read_text().splitlines() if "last_success" in line and not line.startswith("#")]
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, account="target", times=None))
    run(tool, *parts, "--only", "windows", code=12)
    path, body = heard[-1]
    assert path.endswith("/fail")
    assert "golden-windows" in body
    assert success == [
        line for line in metrics.read_text().splitlines() if "last_success" in line and not line.startswith("#")
    ]
    heard.clear()
    run(tool, *parts, "--check", code=12)
    assert heard == []


def test_a_killed_run_is_finished_by_the_next_one(tool, pings) -> None:
    """The monitor sees it."""
    heard, url = pings
    ping = tool.home / "ping"
    ping.write_text(url)
    tool.hold()
    running = tool.start("run", plan(tool), "--ping-url-file", str(ping))
    tool.await_request("CreateImageExportTask", 3)
    stopped = tool.finish(running, signal.SIGTERM)
    assert stopped.code == 143
    assert heard[-1][0].endswith("/fail")
    tool.go()
    assert {c["status"] for c in run(tool).json["copies"]} == {"copied"}
    assert tool.count("CreateImageExportTask") == 3
    assert len(tool.copies()) + len(tool.copies("target-other")) == 5


def test_a_run_that_finds_the_lock_held_pings_nothing(tool, pings) -> None:
    heard, url = pings
    ping = tool.home / "ping"
    ping.write_text(url)
    tool.hold()
    first = tool.start("run", plan(tool), "--only", "windows")
    tool.await_request("CreateImageExportTask")
    assert run(tool, "--only", "windows", "--ping-url-file", str(ping), code=11).json["copies"][0]["status"] == "failed"
    assert [path.rpartition("/")[2] for path, _ in heard] == ["start"]
    tool.go()
    assert tool.finish(first).code == 0


def test_the_public_functions_do_what_the_commands_do(tool, monkeypatch) -> None:
    import omicopy

    soon = timedelta(seconds=0.05)
    options = RunOptions(Budgets(poll_min=soon, poll_max=soon))
    for name, value in tool.env.items():
        monkeypatch.setenv(name, value)
    (result,) = omicopy.copy([LINUX], source="source", targets=["target"], bucket="omi-exports", options=options)
    assert (result.status.value, result.error) == ("copied", None)
    presigned = omicopy.presign(LINUX, profile="source")
    inspection = omicopy.inspect(presigned.url.url, probe=True)
    assert (inspection.manifest.name, inspection.problems()) == ("golden-linux", [])
    results = omicopy.run_plan(plan(tool), only=["windows"], options=options)
    assert [one.status.value for one in results] == ["copied"]


def test_a_run_that_lost_its_output_is_pinged_as_failed(tool, pings) -> None:
    heard, url = pings
    ping = tool.home / "ping"
    ping.write_text(url)
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        words = ["run", plan(tool), "--only", "windows", "-o", "jsonl", "-q", "--ping-url-file", str(ping)]
        done = children.run([sys.executable, "-m", "omicopy", *words], tool.env, stdout=full)
    assert done.returncode == 1
    assert heard[-1][0].endswith("/fail")


def test_an_interrupted_run_reports_finished_copies(tool) -> None:
    report, metrics = tool.home / "report.json", tool.home / "m.prom"
    tool.copy("golden-windows")
    tool.hold()
    tool.forget()
    running = tool.start("run", plan(tool), "--report", str(report), "--metrics-file", str(metrics))
    tool.await_request("CreateImageExportTask", 2)
    tool.await_request("ReadImageExportTasks", 2)  # in the second tick
    assert tool.finish(running, signal.SIGTERM).code == 143
    written = json.loads(report.read_text())
    assert sorted(c["status"] for c in written["copies"]) == ["present"] + ["running"] * 4
    assert written["error"]["code"] == "interrupted"
    assert 'omicopy_copies{status="present"} 1' in metrics.read_text()
    assert 'omicopy_copies{status="running"} 4' in metrics.read_text()

"""--deadline (R5, R12): counted from the command's start, before the loop and in it; nothing is sent after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from omicopy.api import RunMode, RunOptions, copy, run_plan
from omicopy.api.copies import copy_requests
from omicopy.cloud.api import Api
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.cloud.retry import Pace
from omicopy.cloud.url_reader import UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.own_tags import CLEANED_TAG
from omicopy.model.request import Budgets
from omicopy.model.result import Status, exit_code
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.plans.build_request import CopyOptions, ExportOptions
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.builders import NOON, SOURCE_ID, signed
from tests.support.hostile import Hostile, Reply, hostile, transport
from tests.support.tool import LINUX, Tool

BUSY = Reply(500, body=b"{}")
ACCOUNTS = Reply(body=b'{"Accounts": [{"AccountId": "100000000001"}]}')


@dataclass
class Time:
    """A clock that only sleeping moves, and a time limit that goes by it."""

    ticks: float = 1000.0
    ends: float = 1010.0

    def sleep(self, seconds: float) -> None:
        self.ticks += seconds

    @property
    def limit(self) -> TimeLimit:
        return TimeLimit(5.0, self.ends, lambda: self.ticks)

    @property
    def pace(self) -> Pace:
        return Pace(lambda: self.ticks, self.sleep, self.limit)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile(BUSY) as running:
        yield running


def api(server: Hostile, time: Time) -> Api:
    return Api(server.account, transport(), time.pace)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (BUSY, "HTTP 500"),
        (Reply(429, body=b"{}", headers={"Retry-After": "30"}), "HTTP 429"),
        (Reply(500, body=b"{}", headers={"Retry-After": "30"}), "HTTP 500"),
        (Reply(body=b"no JSON"), "unreadable answer"),
    ],
)
def test_retries_end_with_the_deadline(server: Hostile, reply: Reply, message: str) -> None:
    """No pause lasts longer."""
    time = Time()
    server.replies = [reply]
    with pytest.raises(ServiceError) as caught:
        api(server, time).read("ReadAccounts", 300.0, {})
    assert caught.value.code is ErrorCode.OUT_OF_TIME
    assert f"ReadAccounts in source (eu-west-2): {message}" in caught.value.message
    assert "--deadline leaves no time to retry" in caught.value.message
    assert time.ticks <= 1010.0


def test_retries_that_end_before_the_deadline_are_temporary(server: Hostile) -> None:
    with pytest.raises(ServiceError) as caught:
        api(server, Time()).read("ReadAccounts", 3.0, {})
    assert caught.value.code is ErrorCode.TEMPORARY


def test_after_the_deadline_nothing_is_sent(server: Hostile) -> None:
    time = Time(ends=1000.0)
    client, url = api(server, time), parse_presigned(signed("x", NOON))
    storage = Storage(server.account, transport(), time.pace, 30.0)
    fetcher = UrlReader(transport(), time.pace, 30.0)
    requests = [
        lambda: client.read("ReadImages", 300.0, {}),
        lambda: client.read_all("ReadImages", "Images", 300.0, {}, dict),
        lambda: client.write("CreateImage", 300.0, {}),
        lambda: client.write_idempotent("CreateTags", 300.0, {}),
        lambda: storage.sizes("omi-exports", ""),
        lambda: storage.read(S3Object("omi-exports", "x")),
        lambda: storage.put(S3Object("omi-exports", "x"), b"{}"),
        lambda: storage.delete(S3Object("omi-exports", "x")),
        lambda: fetcher.read(url),
        lambda: fetcher.probe(url),
    ]
    for request in requests:
        with pytest.raises(ServiceError, match="nothing was sent, because --deadline is over") as caught:
            request()
        assert (caught.value.code, caught.value.cause) == (ErrorCode.OUT_OF_TIME, Cause.UNREACHABLE)
    assert server.requests == []
    assert time.ticks == 1000.0


def test_a_write_waits_for_no_throttle_beyond_the_deadline(server: Hostile) -> None:
    time = Time()
    client = api(server, time)
    server.replies = [Reply(429, body=b"{}", headers={"Retry-After": "30"}), Reply(body=b"{}")]
    with pytest.raises(ServiceError):
        client.write("CreateImage", 0.0, {})
    with pytest.raises(ServiceError) as caught:
        client.write("CreateImage", 300.0, {})
    assert caught.value.cause is Cause.THROTTLED  # which says that nothing was sent
    assert (len(server.requests), time.ticks) == (1, 1000.0)


@pytest.mark.parametrize(
    ("replies", "busy"),
    [([BUSY], "ReadAccounts"), ([ACCOUNTS, BUSY], "ReadImages")],
)
def test_out_of_time_before_the_loop_is_exit_6(server: Hostile, replies: list[Reply], busy: str) -> None:
    """The message says what the command was doing."""
    time = Time()
    server.replies = [replies[0], ACCOUNTS, *replies[1:]] if len(replies) > 1 else replies
    other = replace(server.account, profile="target", region="us-east-2")
    clients = Clients({"source": server.account, "target": other}, retry=timedelta(hours=1), time_limit=time.limit)
    for name, account in clients.accounts.items():
        clients.session(name)._api = Api(account, transport(), time.pace)
    options = CopyOptions(ExportOptions("omi-exports"))
    with pytest.raises(OmicopyError, match=f"^{busy} in ") as caught:
        copy_requests(clients, [SOURCE_ID], "source", ["target"], options)
    assert caught.value.exit_code == 6
    assert time.ticks <= 1010.0


@pytest.mark.parametrize("command", ["copy", "export", "import", "run"])
def test_a_command_whose_reads_fail_ends_at_its_deadline(tool: Tool, command: str) -> None:
    """Were its patience alone to end it, it would go on for an hour."""
    url = tool.sign(tool.exported()) if command == "import" else ""
    tool.sandbox.faults.add(Fault(FaultKind.ERROR_500, "ReadAccounts", times=None))
    hurried = ("--deadline", "1.5s", "--retry", "1h", "-o", "json")
    plan = tool.home / "plan.yaml"
    plan.write_text(
        "version: 1\ndefaults: {from: source, bucket: omi-exports}\njobs:\n"
        f"  - {{name: one, images: [{{id: {LINUX}}}], to: [{{profile: target}}]}}\n"
    )
    tool.forget()
    words = {
        "copy": ("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports"),
        "export": ("export", LINUX, "--from", "source", "--bucket", "omi-exports"),
        "import": ("import", url, "--to", "target"),
        "run": ("run", str(plan)),
    }
    ran = tool.run(*words[command], *hurried, code=6)
    assert "--deadline" in ran.err
    assert tool.writes() == []
    if command == "run":
        assert (ran.copy["status"], ran.copy["error"]["code"]) == ("not-begun", "out-of-time")
        assert ran.copy["job"] == "one"


def test_a_clean_up_without_time_is_left_to_the_next_run(tool: Tool) -> None:
    """Its grace is longer than the deadline: it is not begun, so that nothing is marked as gone that is whole."""
    ran = tool.copy(LINUX, "--cleanup", "--grace", "1h", "--deadline", "20m")
    assert ran.copy["status"] == "copied"
    assert "--deadline leaves no time for the clean-up" in ran.copy["cleanup"]["left"]
    assert "were not deleted: --deadline leaves no time" in ran.err
    assert len(tool.keys("")) == 2
    assert CLEANED_TAG not in dict(tool.tasks()[0].tags)
    assert tool.copy(LINUX, "--cleanup").copy["cleanup"]["deleted_objects"] == 2
    assert tool.keys("") == []


def test_the_librarys_deadline_counts_from_the_call(tool: Tool, tmp_path: Path) -> None:
    """The clients are left as they were."""
    env = {"OSC_CONFIG_FILE": str(tool.sandbox.profiles)}
    accounts = {name: resolve_profile(name, env, Path("/nowhere")) for name in ("source", "target")}
    clients = Clients(accounts, retry=timedelta(minutes=2))
    brief = Budgets(grace=timedelta(seconds=0.2), poll_min=timedelta(seconds=0.05), poll_max=timedelta(seconds=0.1))
    options = RunOptions(brief, RunMode(deadline=timedelta(0)), state=tmp_path)
    with pytest.raises(OmicopyError) as caught:
        copy([LINUX], source="source", targets=["target"], bucket="omi-exports", options=options, clients=clients)
    assert caught.value.code is ErrorCode.OUT_OF_TIME
    assert len(tool.sandbox.request_log) == 0
    plan = tmp_path / "plan.json"
    job = {"name": "one", "images": [{"id": LINUX}], "to": [{"profile": "target"}]}
    plan.write_text(json.dumps({"version": 1, "defaults": {"from": "source", "bucket": "omi-exports"}, "jobs": [job]}))
    [result] = run_plan(plan, options=options, clients=clients)
    assert (result.status, exit_code([result])) == (Status.NOT_BEGUN, 6)
    in_time = RunOptions(brief, RunMode(deadline=timedelta(minutes=15)), state=tmp_path)
    for expected in (Status.COPIED, Status.PRESENT):
        [result] = copy(
            [LINUX], source="source", targets=["target"], bucket="omi-exports", options=in_time, clients=clients
        )
        assert result.status is expected
    assert clients.time_limit.left > 10**9

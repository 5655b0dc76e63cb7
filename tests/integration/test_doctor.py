"""`doctor`: whether a copy will work is said before it starts, each check by itself, and nothing is left behind."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from omicopy.cli.commands.doctor import table_of
from omicopy.cli.tables import print_table
from omicopy.cloud.clients import Clients
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.profiles import file as profile_file
from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.doctor.bucket import check_bucket_access
from omicopy.doctor.findings import Check, CheckStatus
from omicopy.doctor.run import check_profiles_file
from omicopy.errors import ErrorCode
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support import hostile
from tests.support.hostile import Reply
from tests.support.tool import LINUX, THREE, Ran, Tool

BOTH = ("--from", "source", "--to", "target", "--bucket", "omi-exports")


def doctor(tool: Tool, *args: str, code: int = 0, **env: str) -> Ran:
    return tool.run("doctor", *args, "-o", "json", code=code, **env)


def by_subject(ran: Ran) -> dict[str, dict[str, str | None]]:
    assert ran.json["schema"] == "omicopy/1"
    return {finding["subject"]: finding for finding in ran.json["findings"]}


def worse(ran: Ran, status: str = "fail") -> dict[str, str | None]:
    """The code of each finding with that status, by subject."""
    return {name: found["code"] for name, found in by_subject(ran).items() if found["status"] == status}


def test_passed_checks_are_listed_and_nothing_is_changed(tool) -> None:
    ran = tool.run("doctor", LINUX, THREE, *BOTH, "--prefix", "/nightly/")
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert {len(row) for row in rows} == {4}
    assert {row[0] for row in rows} == {"ok"}
    message = {row[1]: row[2] for row in rows}
    assert message["source: keys"] == "they belong to account 100000000001 in eu-west-2"
    assert message["to move"] == "2 images, 44 GiB of volumes"
    assert message["target: snapshots"] == "1999 of 2000 free (snapshot_limit), 4 needed"
    assert message["source: exports in flight"] == "0 now; 10 of 10 free (image_export_limit)"
    assert message["s3://omi-exports: read through a signed URL"] == "same content as written"
    assert {"source: CreateImageExportTask", "target: CreateImage", "target: UpdateImage"} <= set(message)
    assert ran.err == ""
    assert (tool.tasks(), tool.copies(), tool.keys("")) == ([], [], [])
    (put,) = tool.sandbox.request_log.requests("PutObject")
    assert re.fullmatch(r"omi-exports/nightly/omicopy-doctor-[0-9a-f]{16}", put.key or "")
    changing = [request for request in tool.sandbox.request_log.requests(service="api") if not request.dry_run]
    assert all(request.action.startswith("Read") for request in changing)


def test_a_dry_run_writes_no_probe(tool) -> None:
    tool.put("omicopy-doctor-0123", b"{}")
    tool.forget()
    dry = doctor(tool, *BOTH, "--dry-run")
    assert worse(dry, "warn") == {"s3://omi-exports": None, "s3://omi-exports: write, read, delete": None}
    assert "left behind: omicopy-doctor-0123" in (by_subject(dry)["s3://omi-exports"]["message"] or "")
    assert [action for action in tool.writes() if action.endswith("Object")] == []


def test_a_key_file_that_others_can_read_is_a_warning(tool) -> None:
    file = Path(tool.profiles()["OSC_CONFIG_FILE"])
    for mode in (0o644, 0o640, 0o604, 0o602):
        file.chmod(mode)
        ran = doctor(tool, *BOTH, "--dry-run", OSC_CONFIG_FILE=str(file))
        found = by_subject(ran)["profiles file"]
        assert (found["status"], found["code"]) == ("warn", None)
        assert f"{file} (mode {mode:03o})" in (found["message"] or "")
        assert f"chmod 600 {file}" in (found["hint"] or "")
    file.chmod(0o600)
    ran = doctor(tool, *BOTH, "--dry-run", OSC_CONFIG_FILE=str(file))
    assert by_subject(ran)["profiles file"]["status"] == "ok"


def test_keys_from_the_environment_need_no_file(tool, monkeypatch) -> None:
    assert check_profiles_file(["env:SRC"], {"OSC_CONFIG_FILE": "/etc/passwd"}) == []
    assert check_profiles_file(["p"], {"OSC_CONFIG_FILE": "/nowhere/config.json"}) == []
    monkeypatch.setattr(profile_file, "os", SimpleNamespace(name="nt"))
    assert [one.status for one in check_profiles_file(["p"], {"OSC_CONFIG_FILE": "/etc/passwd"})] == [CheckStatus.OK]


def test_at_a_terminal_the_hint_is_below_the_failed_check(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    checks = [
        Check("a", CheckStatus.OK, "fine"),
        Check("the bucket", CheckStatus.FAIL, "gone\x1b[31m", "Make it.", ErrorCode.NOT_FOUND),
    ]
    print_table(table_of(checks))
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "ok    a           fine",
        "FAIL  the bucket  gone�[31m",
        "                  Make it.",
    ]


def test_every_failed_check_has_its_own_exit_code(tool) -> None:
    """The other checks are made all the same."""
    wrong_key = tool.profiles(source={"secret_key": "X" * 40})
    cases = [
        (12, {"source: keys": "denied"}, BOTH, wrong_key),
        (4, {"s3://no-such-bucket: list": "not-found"}, (*BOTH[:4], "--bucket", "no-such-bucket"), {}),
        (12, {"s3://other-exports: list": "denied"}, (*BOTH[:4], "--bucket", "other-exports"), {}),
        (2, {"source to source": "usage"}, ("--from", "source", "--to", "source"), {}),
        (2, {"target and target@us-east-2": "usage"}, ("--to", "target", "--to", "target@us-east-2"),
         tool.profiles(**{"target@us-east-2": tool_profile(tool, "target")})),
        (2, {"nobody: profile": "configuration"}, ("--from", "nobody", *BOTH[2:]), {}),
        (4, {"shared-linux ami-00000011": "not-exportable", "failed-image ami-00000005": "not-exportable",
             "nobody": "not-found"}, ("shared-linux", "failed-image", "nobody", LINUX, *BOTH[:2]), {}),
        (1, {"s3://no-such-bucket: list": "not-found", "source to source": "usage"},
         ("--from", "source", "--to", "source", "--bucket", "no-such-bucket"), {}),
    ]  # fmt: skip
    ran = tool.together([lambda c=code, a=args, e=env: doctor(tool, *a, code=c, **e) for code, _, args, env in cases])
    for one, (_, expected, _, _) in zip(ran, cases, strict=True):
        assert worse(one) == expected
        assert re.search(r"Error: \d+ of \d+ checks failed: ", one.err)
    assert by_subject(ran[0])["target: CreateImage"]["status"] == "ok"
    assert by_subject(ran[0])["source: rights and quotas"]["status"] == "warn"
    assert "not checked" in by_subject(ran[5])["s3://omi-exports"]["message"]
    assert by_subject(ran[6])["to move"]["message"] == "1 image, 10 GiB of volumes"
    assert tool.keys("") == []


def tool_profile(tool: Tool, name: str) -> dict[str, object]:
    return json.loads(tool.sandbox.profiles.read_text())[name]


def test_nothing_to_check_is_a_usage_error(tool) -> None:
    cases: list[tuple[str, ...]] = [
        (),
        ("--to", "target", "--bucket", "omi-exports"),
        ("--to", "target", LINUX),
        ("--from", "source", "--bucket", "Exports"),
        ("--from", "source", "--prefix", "../x"),
    ]
    for ran in tool.together([lambda a=args: tool.run("doctor", *a, code=2) for args in cases]):
        assert ran.out == ""
    assert tool.calls() == []


def test_a_missing_right_fails_if_a_copy_needs_it(tool) -> None:
    """Else it is reported."""
    for action in ("CreateImage", "UpdateImage"):
        tool.sandbox.faults.add(Fault(FaultKind.DENIED, action, times=None))
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadQuotas", times=None, account="source"))
    tool.sandbox.faults.add(Fault(FaultKind.NOT_FOUND, "DeleteImage", times=None))
    ran = doctor(tool, *BOTH, code=12)
    assert worse(ran) == {"target: CreateImage": "denied"}
    parts = by_subject(ran)
    assert set(worse(ran, "warn")) == {"target: UpdateImage", "target: DeleteImage", "source: quotas"}
    assert "--share-with" in parts["target: UpdateImage"]["message"]
    assert "not known" in parts["target: DeleteImage"]["message"]
    assert parts["target: CreateImage"]["hint"] == "Give the access key of 'target' the right to CreateImage."


def test_a_half_working_bucket_fails_its_check(tool) -> None:
    """A probe object that can't be deleted is named."""
    account = resolve_profile("source", tool.env, tool.home)
    clients = Clients({"source": account}, TimeLimit(60), retry=timedelta(0))

    def probe(kind: FaultKind, action: str) -> dict[str, Check]:
        tool.sandbox.faults.clear()
        tool.sandbox.faults.add(Fault(kind, action))
        findings = check_bucket_access(clients.session("source"), "omi-exports", "", writes=True, works_for_api=True)
        return {finding.subject.partition(": ")[2]: finding for finding in findings if finding.status != "ok"}

    refused = probe(FaultKind.DENIED, "PutObject")
    assert (refused["write"].code, refused["delete"].message) == (ErrorCode.DENIED, "not checked")
    assert tool.count("DeleteObject") == 0
    lost = probe(FaultKind.LOST_ANSWER, "PutObject")
    assert (lost["write"].code, "delete" in lost) == (ErrorCode.TEMPORARY, False)
    assert probe(FaultKind.DENIED, "GetObject")["read through a signed URL"].code is ErrorCode.DENIED
    assert tool.keys("") == []
    left = probe(FaultKind.DENIED, "DeleteObject")["delete"]
    assert (left.status, tool.keys("")[0] in left.message) == ("warn", True)


def test_a_full_quota_fails_its_check(tool) -> None:
    """One that running exports fill means waiting."""
    tool.again(snapshots=3, exports_in_flight=1, copies_in_flight=1)
    ran = doctor(tool, LINUX, THREE, *BOTH, code=13)
    assert worse(ran) == {"target: snapshots": "quota"}
    assert by_subject(ran)["target: snapshots"]["message"] == "2 of 3 free (snapshot_limit), 4 needed"
    assert by_subject(ran)["source: exports in flight"]["message"].endswith("2 images take turns")
    copies = by_subject(ran)["target: copies in flight"]
    assert (copies["status"], copies["message"].partition(";")[0]) == ("warn", "1 of 1 free (image_copy_limit)")
    tool.again(snapshots=0, exports_in_flight=1)
    tool.hold()
    tool.start_export()
    waiting = doctor(tool, LINUX, *BOTH)
    assert set(worse(waiting, "warn")) == {"source: exports in flight"}
    assert by_subject(waiting)["source: exports in flight"]["message"].startswith("1 now; 0 of 1 free")
    assert by_subject(waiting)["target: snapshots"]["message"] == "snapshot_limit has no limit, 1 needed"


def test_existing_copies_need_no_more_quota(tool) -> None:
    tool.copy(LINUX)
    tool.change_settings(snapshots=2)
    assert worse(doctor(tool, LINUX, *BOTH)) == {}
    assert worse(doctor(tool, THREE, *BOTH, code=13)) == {"target: snapshots": "quota"}


def test_a_pending_image_and_a_licence_are_reported(tool) -> None:
    ran = doctor(tool, "still-pending", "golden-windows", *BOTH)
    subjects = [(found["subject"], found["message"]) for found in ran.json["findings"] if found["status"] == "warn"]
    assert [subject for subject, _ in subjects] == ["still-pending ami-00000004", "golden-windows ami-00000003"]
    assert "0002" in subjects[1][1]


@pytest.mark.parametrize(("days", "status", "code"), [(-1, "fail", 12), (3, "warn", 0), (30, "ok", 0)])
def test_the_expiry_of_the_access_key_is_reported(tool, days: int, status: str, code: int) -> None:
    tool.again(access_keys_end=(datetime.now(UTC) + timedelta(days=days)).isoformat())
    found = by_subject(doctor(tool, "--from", "source", code=code))
    assert found["source: access key's end"]["status"] == status


@pytest.mark.parametrize(("off", "status", "code"), [(-300, "warn", 0), (-1000, "fail", 12), (1000, "fail", 12)])
def test_a_wrong_clock_fails_if_signatures_would(tool, monkeypatch, off, status, code) -> None:
    def date(*_: object) -> str:
        return format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)

    monkeypatch.setattr(hostile._Handler, "date_time_string", date)
    answer = b'{"Accounts": [{"AccountId": "1"}], "Regions": [], "QuotaTypes": [], "AccessKeys": [], "Images": []}'
    with hostile.hostile(Reply(body=answer)) as server:
        elsewhere = tool.profiles(target={"endpoints": {"api": server.url, "oos": server.url}})
        ran = doctor(tool, "--to", "target", code=code, **elsewhere)
    found = by_subject(ran)
    assert found["clock against target's service"]["status"] == status
    assert ("behind" if off > 0 else "ahead") in found["clock against target's service"]["message"]
    assert found["target: Region"]["status"] == "ok"
    assert found["target: snapshots"]["message"] == "no quota of snapshots is known"


def test_a_missing_bucket_fails_unless_it_may_be_created(tool) -> None:
    words = ("--from", "source", "--bucket", "a-new-one")
    failed = by_subject(doctor(tool, *words, code=4))["s3://a-new-one: list"]
    assert "--create-bucket" in failed["hint"]
    parts = by_subject(doctor(tool, *words, "--create-bucket"))["s3://a-new-one: list"]
    assert (parts["status"], "creates it" in parts["message"]) == ("warn", True)
    assert tool.writes().count("PutObject") == 0

"""Every failure a user can meet, by a real cause: exit code, message, next step; and what must not go wrong then."""

from __future__ import annotations

import re

import pytest

from omicopy.sandbox.model.behaviours import BadManifest, Behaviour, NameRule
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import OmiState, TaskState
from omicopy.sandbox.model.task_behaviours import LimitCode
from tests.support.hostile import port_of_nobody
from tests.support.tool import LINUX, THREE

UNKNOWABLE = [FaultKind.LOST_ANSWER, FaultKind.CUT_ANSWER, FaultKind.HANG_AFTER, FaultKind.ERROR_500]
CREATES = ["CreateImageExportTask", "CreateImage"]


# --- 2: what was asked for, and by whom


def test_a_wrong_request_is_refused_before_any_call(tool) -> None:
    base = ["--from", "source", "--to", "target", "--bucket", "omi-exports"]
    wrong = {
        "omi_exports": ["copy", LINUX, *base, "--bucket", "omi_exports"],
        "'soon'": ["copy", LINUX, *base, "--export-timeout", "soon"],
        "--bucket": ["copy", LINUX, "--from", "source", "--to", "target"],
        "vmdk": ["copy", LINUX, *base, "--format", "vmdk"],
        "perhaps": ["copy", LINUX, *base, "--if-exists", "perhaps"],
        "'a/../b' is no usable prefix": ["copy", LINUX, *base, "--prefix", "a/../b"],
        "at most 6d23h": ["copy", LINUX, *base, "--min-validity", "7d"],
        "more than 0": ["copy", LINUX, *base, "--poll-min", "0"],
        "names no object and no export": ["url", "golden-linux", "--from", "source"],
        "names no object": ["url", "s3://omi-exports", "--from", "source"],
    }
    ran = tool.together([lambda words=words: tool.run(*words, code=2) for words in wrong.values()])
    assert [text for text, one in zip(wrong, ran, strict=True) if text not in one.err] == []
    assert {one.out for one in ran} == {""}
    assert tool.writes() == []


def test_an_incomplete_profile_is_named_with_its_file(tool) -> None:
    """The message names what it lacks. A missing profile is named likewise."""
    lacking = tool.profiles(target={"secret_key": None}, source={"region": None})
    file = lacking["OSC_CONFIG_FILE"]
    fillers = {"OSC_REGION": "eu-west-2", "OSC_SECRET_KEY": "S" * 40, "OSC_ACCESS_KEY": "A" * 20}
    fine = {"OSC_CONFIG_FILE": str(tool.sandbox.profiles)}

    def copy(source: str, target: str, env: dict[str, str]):
        words = ["copy", LINUX, "--from", source, "--to", target, "--bucket", "omi-exports"]
        return lambda: tool.run(*words, code=2, **env, **fillers)

    ran = tool.together(
        [
            copy("source", "target", lacking),
            copy("source@eu-west-2", "target", lacking),
            copy("nobody", "target", lacking),
            copy("source", "target", {"OSC_CONFIG_FILE": "/nowhere/config.json"}),
            copy("env:NONE", "target", fine),
        ]
    )
    expected = [
        ('"source"', file, "region"),
        ('"target"', file, "secret_key"),
        ('"nobody"', file, "It has: "),
        ("/nowhere/config.json",),
        ("env:NONE", "NONE_ACCESS_KEY"),
    ]
    for one, texts in zip(ran, expected, strict=True):
        assert [text for text in texts if text not in one.err] == []
    assert len(tool.sandbox.request_log) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"access_key": "CLÉ" + "A" * 17}, "access_key holds a letter that is not ASCII"),
        ({"secret_key": "S" * 20 + "\u00a0" + "S" * 19}, "secret_key holds a no-break space (U+00A0)"),
        ({"access_key": "A" * 10 + "\u200b" + "A" * 10}, "access_key holds a zero width space (U+200B)"),
        ({"endpoints": {"api": f"https://{'h' * 64}.example/api/v1"}}, "no host can have that name"),
        ({"endpoints": None, "region": "r" * 64}, "region is no Region's name"),
    ],
)
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_key_that_no_request_can_hold_is_the_profiles_fault(
    tool, side: str, wrong: dict[str, object], message: str
) -> None:
    """It was "unreadable answer, run again later", and exit code 5."""
    env = tool.profiles(**{side: wrong})
    words = ["copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports"]
    ran = tool.run(*words, code=2, **env)
    assert f'Profile "{side}" in {env["OSC_CONFIG_FILE"]}' in ran.err
    assert message in ran.err
    assert "again later" not in ran.err
    assert len(tool.sandbox.request_log) == 0


def test_the_same_account_on_both_sides_is_refused_with_a_hint(tool) -> None:
    ran = tool.copy("golden-linux", to=["target", "source"], code=2)
    assert "the same account 100000000001 in eu-west-2" in ran.err
    assert "CreateImage" in ran.err
    assert tool.writes() == []


# --- 4: what isn't there, or can't be exported


def test_an_unexportable_image_is_refused_with_the_reason(tool) -> None:
    expected = {
        "golden-lin*": ["'golden-lin*'", "source (account 100000000001, eu-west-2)"],
        "ami-0000dead": ["ami-0000dead"],
        "private-linux": ["There is no image 'private-linux'"],
        "twin": ["ami-00000006, ami-00000007", "by its ID"],
        "shared-linux": ["100000000002", "only an owner", "SourceImageId"],
        "failed-image": ["ami-00000005", "The image could not be created."],
    }
    ran = tool.together([lambda image=image: tool.copy(image, code=4) for image in expected])
    for one, texts in zip(ran, expected.values(), strict=True):
        assert [text for text in texts if text not in one.err] == []
    assert [one.copy["error"]["code"] for one in ran[-2:]] == ["not-exportable", "not-exportable"]
    assert tool.writes() == []


@pytest.mark.parametrize(("bucket", "exit_code"), [("no-such-bucket", 4), ("other-exports", 12)])
def test_an_unusable_bucket_is_found_before_the_export(tool, bucket, exit_code) -> None:
    ran = tool.copy("golden-linux", "--bucket", bucket, code=exit_code)
    assert f"s3://{bucket}" in ran.copy["error"]["message"]
    assert ran.copy["error"]["hint"]
    assert tool.writes() == []


def test_create_bucket_creates_a_missing_bucket(tool) -> None:
    words = ("golden-linux", "--bucket", "a-new-one")
    refused = tool.copy(*words, code=4)
    assert "--create-bucket" in refused.copy["error"]["hint"]
    planned = tool.copy(*words, "--create-bucket", "--dry-run")
    assert planned.copy["status"] == "planned"
    assert "which makes the bucket a-new-one" in planned.err
    assert tool.writes() == []
    ran = tool.copy(*words, OMICOPY_CREATE_BUCKET="1")
    assert (ran.copy["status"], ran.copy["manifest"].startswith("s3://a-new-one/")) == ("copied", True)
    assert tool.copy(*words).copy["status"] == "present"
    again = tool.run("export", LINUX, "--from", "source", "--bucket", "a-new-one", "--create-bucket")
    assert again.out.startswith("s3://a-new-one/")
    assert len(tool.tasks()) == 1
    tool.url("s3://a-newer-one/x/", code=4)


def test_a_source_that_is_still_pending_is_waited_for(tool) -> None:
    process = tool.start("copy", "still-pending", "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.wait(lambda: tool.count("ListObjects") >= 2)
    assert tool.writes() == []
    tool.source.change_image("ami-00000004", state=OmiState.AVAILABLE)
    ran = tool.finish(process)
    assert (ran.code, ran.row[2]) == (0, "copied")


# --- 12: whom the service does not know


def test_refused_credentials_are_exit_12(tool) -> None:
    wrong = {
        "access key": tool.profiles(source={"access_key": "W" * 20}),
        "secret key": tool.profiles(target={"secret_key": "W" * 40}),
        "region": tool.profiles(source={"region": "eu-east-9"}),
    }
    for ran in tool.together([lambda env=env: tool.copy("golden-linux", code=12, **env) for env in wrong.values()]):
        assert "ReadAccounts" in ran.err
        assert "access key, its Region" in ran.err
        assert "W" * 20 not in ran.err
    for key in ("access key", "region"):
        assert tool.url("s3://omi-exports/x", code=12, **wrong[key]).out == ""
    assert tool.writes() == []


# --- 5: what may pass, and what does


def test_an_unreachable_server_is_temporary(tool) -> None:
    with port_of_nobody() as port:
        gone = {"endpoints": {"api": f"http://127.0.0.1:{port}/api/v1", "oos": f"http://127.0.0.1:{port}"}}
        api = tool.profiles(target=gone)
        store = tool.profiles(
            source={"endpoints": {"api": tool.sandbox.api_urls["eu-west-2"], "oos": gone["endpoints"]["oos"]}}
        )
        ran = tool.together(
            [lambda env=env: tool.copy("golden-linux", "--retry", "1s", code=5, **env) for env in (api, store)]
        )
    assert f"ReadAccounts in target (us-east-2): 127.0.0.1:{port} can't be reached" in ran[0].err
    assert "Check the Region's name" in ran[0].err
    assert ran[1].copy["error"]["code"] == "temporary"
    assert "s3://omi-exports" in ran[1].err
    assert tool.writes() == []


def test_a_server_that_never_answers_is_given_up_in_time(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.HANG, "ReadImages", times=None, account="target"))
    ran = tool.copy("golden-linux", "--http-timeout", "0.5s", "--retry", "1s", code=5)
    assert "no answer in time" in ran.err
    assert "later" in ran.err


def test_r1_every_throttle_slows_the_account_down(tool) -> None:
    throttles = [
        Fault(FaultKind.THROTTLE_ACCOUNT, "ReadAccounts", account="source"),
        Fault(FaultKind.THROTTLE_CALL, "CreateImageExportTask", retry_after=1),
        Fault(FaultKind.THROTTLE_PLATFORM, "CreateImage"),
    ]
    for throttle in throttles:
        tool.sandbox.faults.add(throttle)
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == len(tool.copies()) == 1
    assert [tool.count(throttle.action, fault=throttle.kind.value) for throttle in throttles] == [1, 1, 1]
    (asked_to_wait,) = tool.sandbox.request_log.requests("CreateImageExportTask", status=429)
    calls = tool.sandbox.request_log.requests(account="source", service="api")
    next_call = min(call.time for call in calls if call.time > asked_to_wait.time)
    assert (next_call - asked_to_wait.time).total_seconds() > 0.95


def test_a_read_that_fails_sometimes_is_retried(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.ERROR_502, "ReadAccounts", account="source"))
    tool.sandbox.faults.add(Fault(FaultKind.CUT_ANSWER, "ReadImageExportTasks"))
    tool.sandbox.faults.add(Fault(FaultKind.RESET_BEFORE, "ListObjects"))
    tool.sandbox.faults.add(Fault(FaultKind.ERROR_500, "GetObject"))
    ran = tool.copy("golden-linux")
    assert ran.copy["status"] == "copied"
    assert [ran.json["api_calls"][profile]["retries"] for profile in ("source", "target")] == [2, 0]
    assert tool.writes() == ["CreateImageExportTask", "CreateTags", "CreateImage", *["CreateTags"] * 2]


# --- R1, R2: sent once, made once


@pytest.mark.parametrize("kind", UNKNOWABLE)
def test_r1_r2_creates_with_lost_answers_have_one_effect_each(tool, kind) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    for action in CREATES:
        tool.sandbox.faults.add(Fault(kind, action))
    patience = ("--http-timeout", "2s") if kind is FaultKind.HANG_AFTER else ()
    grace = "0.5s" if kind is FaultKind.ERROR_500 else "1h"  # only what had no effect is made after it
    ran = tool.copy("golden-linux", "--grace", grace, *patience)
    assert (ran.copy["status"], ran.copy["changed"]) == ("copied", True)
    assert ran.copy["export_task_id"] == tool.tasks()[0].task_id
    assert ran.copy["target"]["image_id"] == tool.copies()[0].image_id
    assert len(tool.tasks()) == len(tool.copies()) == 1
    times = 2 if kind is FaultKind.ERROR_500 else 1
    assert [tool.count(action) for action in CREATES] == [times, times]


@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.ERROR_500])
def test_export_and_copy_are_tagged_after_a_failed_first_try(tool, kind) -> None:
    for account in ("source", "target"):
        tool.sandbox.faults.add(Fault(kind, "CreateTags", account=account))
    ran = tool.copy("golden-linux")
    assert ran.copy["status"] == "copied"
    assert "omicopy:export" in dict(tool.tasks()[0].tags)
    assert dict(tool.copies()[0].tags)["omicopy:copy"] == ran.copy["target"]["image_id"]


@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "lost"])
def test_r2_lagging_reads_make_no_second_export_or_image(tool, is_lost) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE), lag_seconds=0.6)
    for action in CREATES if is_lost else []:
        tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, action))
    assert tool.copy("golden-linux", "--grace", "1h").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == tool.count("CreateImage") == 1
    assert len(tool.tasks()) == len(tool.copies()) == 1


def test_r2_two_runs_at_once_make_one_export_and_one_image(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    ran = tool.together([lambda: tool.copy("golden-linux", code=None) for _ in range(2)])
    assert {one.code for one in ran} <= {0, 11}
    assert 0 in {one.code for one in ran}
    assert len(tool.tasks()) == len(tool.copies()) == 1


def test_r2_two_targets_in_two_runs_at_once_share_one_export(tool) -> None:
    tool.together([lambda to=to: tool.copy("golden-linux", to=[to]) for to in ("target", "target-other")])
    assert len(tool.tasks()) == 1


def test_r2_many_failures_end_with_one_export_and_one_image(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    kinds = [
        FaultKind.ERROR_500,
        FaultKind.ERROR_502,
        FaultKind.RESET_BEFORE,
        FaultKind.LOST_ANSWER,
        FaultKind.CUT_ANSWER,
    ]
    tool.sandbox.faults.rate(0.2, seed=1, kinds=kinds)
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == len(tool.copies()) == 1


def test_undocumented_states_are_waited_for_and_reported_once(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.UNKNOWN_STATE, "ReadImageExportTasks", after=1, times=4))
    tool.sandbox.faults.add(Fault(FaultKind.UNKNOWN_STATE, "ReadImages", account="target", after=2, times=3))
    ran = tool.copy("golden-linux")
    assert ran.copy["status"] == "copied"
    assert 1 <= ran.err.count("reticulating") <= 2


NULLS = [("ReadAccounts", "source"), ("ReadImages", "source"), ("ReadImageExportTasks", None), ("ReadImages", "target")]


@pytest.mark.parametrize("after", [0, 1])
def test_r2_a_list_of_nulls_shows_nothing_as_absent(tool, after) -> None:
    """Before the loop, where the image is looked for, as well as in mid-run."""
    nulls = [
        tool.sandbox.faults.add(Fault(FaultKind.NULL_ITEMS, action, account=account, times=2, after=after))
        for action, account in NULLS
    ]
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == len(tool.copies()) == 1
    assert tool.count("CreateImageExportTask") == tool.count("CreateImage") == 1
    assert any(tool.sandbox.faults.times_applied(fault) for fault in nulls)


@pytest.mark.parametrize(("action", "account"), NULLS)
def test_nulls_for_longer_than_retry_are_temporary(tool, action, account) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.NULL_ITEMS, action, account=account, times=None))
    ran = tool.copy("golden-linux", "--retry", "0.3s", code=5)
    assert f"{action} in " in ran.err
    assert "unreadable answer: an item of " in ran.err
    assert tool.writes() == []


# --- 6: out of time


def test_out_of_time_loses_nothing(tool) -> None:
    """The same command continues."""
    tool.hold()
    tool.copy("golden-linux", "--no-wait")
    export = tool.copy("golden-linux", "--export-timeout", "0.3s", code=6)
    assert export.copy["error"]["code"] == "out-of-time"
    assert tool.tasks()[0].task_id in export.copy["error"]["message"]
    assert "The same command" in export.copy["error"]["hint"]
    tool.advance(1)
    tool.wait(lambda: tool.tasks()[0].ended is not None)
    tool.copy("golden-linux", "--no-wait")
    import_ = tool.copy("golden-linux", "--import-timeout", "0.3s", code=6)
    assert tool.copies()[0].image_id in import_.copy["error"]["message"]
    tool.go()
    assert tool.copy("golden-linux").copy["status"] == "present"
    assert tool.count("CreateImageExportTask") == tool.count("CreateImage") == 1


# --- 7: what failed at the service


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
    elsewhere = tool.elsewhere().copy("golden-linux", code=4)
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


# --- 11: another run


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


# --- 13: quotas


def test_a_snapshot_quota_is_exit_13_and_keeps_the_export(tool) -> None:
    tool.again(snapshots=1)
    ran = tool.copy("golden-linux", code=13)
    assert (ran.copy["error"]["code"], bool(ran.copy["error"]["hint"])) == ("quota", True)
    assert ran.copy["manifest"] == f"s3://omi-exports/{LINUX}/manifest"
    tool.from_now_on(snapshots=10)
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == 1


@pytest.mark.parametrize("way", list(LimitCode))
def test_an_export_quota_means_waiting_while_others_run(tool, way) -> None:
    tool.again(exports_in_flight=1, export_seconds=0.3, behaviour=Behaviour(limit_code=way))
    tool.start_export("ami-00000003", OsuPrefix="theirs")
    ran = tool.copy(LINUX, THREE)
    assert [entry["status"] for entry in ran.json["copies"]] == ["copied", "copied"]
    assert len(tool.tasks()) == 3


# --- 3 and 1: several copies


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


# --- the journal


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
    assert [(path.name, path.read_text()) for path in left] == [("clearing", "")]  # locked while leftovers are removed


def test_waiting_for_an_unreachable_server_says_why(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.ERROR_503, "ReadAccounts", times=2))
    ran = tool.copy("golden-linux", OMICOPY_RETRY="40s")
    assert "Warning: ReadAccounts in source (eu-west-2): HTTP 503" in ran.err
    assert "trying again for 40s at most" in ran.err

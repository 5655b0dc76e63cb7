"""Temporary failures, and what must hold meanwhile: nothing twice (R1, R2), nothing lost."""

from __future__ import annotations

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, NameRule
from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.hostile import refused_port

UNKNOWABLE = [FaultKind.LOST_ANSWER, FaultKind.CUT_ANSWER, FaultKind.HANG_AFTER, FaultKind.ERROR_500]
CREATES = ["CreateImageExportTask", "CreateImage"]


def test_an_unreachable_server_is_temporary(tool) -> None:
    with refused_port() as port:
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


def test_out_of_time_loses_nothing(tool) -> None:
    """The same command continues."""
    tool.hold()
    tool.copy("golden-linux", "--no-wait")
    export = tool.copy("golden-linux", "--export-timeout", "0.3s", code=6)
    assert export.copy["error"]["code"] == "out-of-time"
    assert tool.tasks()[0].task_id in export.copy["error"]["message"]
    assert "Run the same command again" in export.copy["error"]["hint"]
    tool.advance(1)
    tool.wait(lambda: tool.tasks()[0].ended is not None)
    tool.copy("golden-linux", "--no-wait")
    import_ = tool.copy("golden-linux", "--import-timeout", "0.3s", code=6)
    assert tool.copies()[0].image_id in import_.copy["error"]["message"]
    tool.go()
    assert tool.copy("golden-linux").copy["status"] == "present"
    assert tool.count("CreateImageExportTask") == tool.count("CreateImage") == 1


def test_waiting_for_an_unreachable_server_says_why(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.ERROR_503, "ReadAccounts", times=2))
    ran = tool.copy("golden-linux", OMICOPY_RETRY="40s")
    assert "Warning: ReadAccounts in source (eu-west-2): HTTP 503" in ran.err
    assert "retrying for at most 40s" in ran.err

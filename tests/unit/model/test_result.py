"""The report: which exit code a run ends with, and the JSON that scripts read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.result import (
    CallCount,
    CopyResult,
    Status,
    describe_error,
    describe_result,
    describe_run,
    exit_code,
    format_progress,
    rfc3339,
)
from tests.support.builders import COPY_ID, NAME, NOON, SOURCE_ID, TASK_ID, copy_request, export_request, import_request

BAD = [Status.FAILED, Status.UNFINISHED, Status.NOT_BEGUN]
GOOD = [status for status in Status if status not in BAD]
RETRYABLE = [ErrorCode.TEMPORARY, ErrorCode.OUT_OF_TIME, ErrorCode.REMOTE_FAILED, ErrorCode.LOCKED]


def result(status: Status = Status.COPIED, code: ErrorCode | None = None, **changed: Any) -> CopyResult:
    error = OmicopyError(code, "what failed", "what next") if code else None
    return CopyResult(copy_request(), status, **{"changed": True, "seconds": 12.34, "error": error, **changed})


def failed(code: ErrorCode) -> CopyResult:
    return result(Status.FAILED, code)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        pytest.param([], 0, id="nothing to do"),
        pytest.param([result(status) for status in GOOD], 0, id="all is well, whichever way"),
        pytest.param([failed(ErrorCode.QUOTA)], 13, id="one failed: its own"),
        pytest.param([failed(ErrorCode.QUOTA)] * 3, 13, id="several, none good: the code they share"),
        pytest.param([failed(ErrorCode.NOT_FOUND), failed(ErrorCode.NAME_CONFLICT)], 4, id="two words, one code"),
        pytest.param([failed(ErrorCode.QUOTA), failed(ErrorCode.DENIED)], 1, id="several, none good, no code shared"),
        pytest.param([result(), failed(ErrorCode.TEMPORARY)], 3, id="some good, another run may mend the rest"),
        pytest.param([result(Status.RUNNING), failed(ErrorCode.LOCKED)], 3, id="one running, one failed"),
        pytest.param([result(Status.SKIPPED), failed(ErrorCode.OUT_OF_TIME)], 3, id="one skipped, one out of time"),
        pytest.param([result(), result(Status.UNFINISHED, ErrorCode.OUT_OF_TIME)], 3, id="one unfinished"),
        pytest.param([result(Status.UNFINISHED, ErrorCode.OUT_OF_TIME)] * 2, 6, id="all unfinished"),
        pytest.param([result(Status.NOT_BEGUN, ErrorCode.OUT_OF_TIME)], 6, id="out of time before its first write"),
        pytest.param(
            [result(), failed(ErrorCode.QUOTA), failed(ErrorCode.REMOTE_FAILED)], 3, id="one of several may be mended"
        ),
        pytest.param([result(), failed(ErrorCode.QUOTA)], 13, id="some good, no other run mends the rest"),
        pytest.param([result(), failed(ErrorCode.DENIED), failed(ErrorCode.DENIED)], 12, id="the code they share"),
        pytest.param([result(), failed(ErrorCode.DENIED), failed(ErrorCode.QUOTA)], 4, id="no code that they share"),
        pytest.param([result(Status.FAILED)], 1, id="failed, and nobody knows why"),
    ],
)
def test_which_exit_code(results: list[CopyResult], code: int) -> None:
    assert exit_code(results) == code


@given(st.lists(st.sampled_from([*GOOD, *ErrorCode]), max_size=6))
def test_the_order_of_copies_changes_no_exit_code(kinds: list[Status | ErrorCode]) -> None:
    """Exit code 0 means that every copy is done."""
    results = [failed(kind) if isinstance(kind, ErrorCode) else result(kind) for kind in kinds]
    assert exit_code(results) == exit_code(results[::-1])
    is_mendable = any(kind in RETRYABLE for kind in kinds)
    is_partial = {isinstance(kind, Status) for kind in kinds} == {True, False}
    assert (exit_code(results) == 3) is (is_partial and is_mendable)
    assert (exit_code(results) == 0) is all(isinstance(kind, Status) for kind in kinds)


def test_the_exit_codes_are_those_of_the_table() -> None:
    assert {code.word: code.exit_code for code in ErrorCode} == {
        "failed": 1,
        "usage": 2,
        "configuration": 2,
        "not-found": 4,
        "not-exportable": 4,
        "name-conflict": 4,
        "temporary": 5,
        "out-of-time": 6,
        "remote-failed": 7,
        "damaged": 8,
        "different": 8,
        "expired": 10,
        "locked": 11,
        "denied": 12,
        "quota": 13,
    }
    assert (Interrupted(2).exit_code, Interrupted(15).exit_code) == (130, 143)


def test_an_interruption_is_not_caught_as_a_failure() -> None:
    assert not issubclass(Interrupted, Exception)


def test_the_json_of_a_copy() -> None:
    copied = result(
        image_id=COPY_ID,
        image_name=NAME,
        export_task_id=TASK_ID,
        manifest="s3://omi-exports/a/manifest.json",
        expires_at=NOON,
    )
    run = describe_run([copied], {"target": CallCount(3, 2, 1), "source": CallCount(9, 1)})
    assert run == {
        "schema": "omicopy/1",
        "copies": [
            {
                "source": {
                    "profile": "source",
                    "account_id": "111111111111",
                    "region": "eu-west-2",
                    "image_id": SOURCE_ID,
                },
                "target": {
                    "profile": "target",
                    "account_id": "222222222222",
                    "region": "us-east-2",
                    "image_id": COPY_ID,
                    "image_name": NAME,
                },
                "status": "copied",
                "changed": True,
                "export_task_id": TASK_ID,
                "manifest": "s3://omi-exports/a/manifest.json",
                "expires_at": "2026-01-15T12:00:00Z",
                "seconds": 12.3,
                "error": None,
            }
        ],
        "api_calls": {
            "source": {"reads": 9, "writes": 1, "retries": 0},
            "target": {"reads": 3, "writes": 2, "retries": 1},
        },
    }
    assert list(run["api_calls"]) == ["source", "target"]


def test_the_json_of_a_failure_names_its_target() -> None:
    described = describe_result(failed(ErrorCode.NAME_CONFLICT))
    assert (described["target"]["image_id"], described["target"]["image_name"]) == (None, NAME)
    assert described["error"] == {
        "code": "name-conflict",
        "exit_code": 4,
        "message": "what failed",
        "hint": "what next",
        "retryable": False,
    }


def test_an_export_has_no_target_and_an_import_no_source() -> None:
    exported, imported = (
        describe_result(CopyResult(request, Status.COPIED, changed=True, seconds=1))
        for request in (export_request(), import_request())
    )
    assert (exported["target"], imported["source"]) == (None, None)
    assert exported.keys() == imported.keys()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (None, None),
        (NOON, "2026-01-15T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-01-15T12:00:00Z"),
        (NOON + timedelta(microseconds=999_999), "2026-01-15T12:00:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_a_z(moment: datetime | None, text: str | None) -> None:
    assert rfc3339(moment) == text


@pytest.mark.parametrize("code", list(ErrorCode), ids=lambda code: code.word)
def test_every_error_has_the_same_json_fields(code: ErrorCode) -> None:
    assert list(describe_error(OmicopyError(code, "m"))) == ["code", "exit_code", "message", "hint", "retryable"]
    assert describe_error(OmicopyError(code, "m"))["retryable"] is (code in RETRYABLE)


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        (["copied", "present", "skipped", "running", "not-begun"], "3 of 5 copies are done"),
        (["copied", "failed"], "1 of 2 copies is done"),
        (["running"], "0 of 1 copy is done"),
    ],
)
def test_an_interruption_says_how_many_copies_are_done(statuses: list[str], message: str) -> None:
    assert format_progress([result(Status(status)) for status in statuses]) == message


def test_an_interruption_of_exports_counts_exports() -> None:
    assert format_progress([CopyResult(export_request(), Status.COPIED, True, 1.0)]) == "1 of 1 export is done"


def test_the_object_of_an_interrupted_run_says_so() -> None:
    described = describe_run([result(Status.RUNNING), result(Status.NOT_BEGUN)], {}, Interrupted(15))
    assert [copy["status"] for copy in described["copies"]] == ["running", "not-begun"]
    error = described["error"]
    assert (error["code"], error["exit_code"], error["retryable"]) == ("interrupted", 143, True)

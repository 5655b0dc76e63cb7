"""Temporary failures and refusals in the loop: which are retried, and which end a copy."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused
from omicopy.errors import ErrorCode
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import Budgets
from omicopy.model.result import Status
from tests.support.builders import NOON, SOURCE_ID
from tests.support.loop_runs import COPY, HOUR, ONE_OF_EACH, copies, ended, refusing, warnings
from tests.support.virtual_cloud import Cloud, Machine, failing


@pytest.mark.parametrize("cause", [Cause.RESET, Cause.SERVER, Cause.THROTTLED, Cause.UNREACHABLE, Cause.UNREADABLE])
@pytest.mark.parametrize("action", ["ReadImages", "ReadImageExportTasks", "ListObjects", "GetObject"])
def test_reads_that_fail_for_a_while_are_retried(machine: Machine, cloud: Cloud, cause: Cause, action: str) -> None:
    cloud.trouble = failing(cloud.time, cause, action, until=200)
    cloud.export_seconds = 0.0 if action == "GetObject" else 100.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes == ONE_OF_EACH


@pytest.mark.parametrize("action", ["ReadImages", "ReadImageExportTasks", "ListObjects"])
def test_reads_that_keep_failing_end_the_run_after_retry(machine: Machine, cloud: Cloud, action: str) -> None:
    """The next run continues."""
    cloud.trouble = failing(cloud.time, Cause.RESET, action, until=1000)
    [result] = machine.run(COPY, budgets=Budgets(retry=timedelta(seconds=300)))
    assert result.error is not None
    assert (result.error.code, result.error.exit_code) == (ErrorCode.TEMPORARY, 5)
    assert 300 <= result.seconds <= 400
    cloud.time.seconds = 1001
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes == ONE_OF_EACH


def test_retry_counts_from_the_start_of_each_failure(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds = 4 * HOUR

    def every_other_minutes(profile: str, action: str) -> ServiceError | None:
        return failing(cloud.time, Cause.RESET)(profile, action) if cloud.time.seconds % 600 < 240 else None

    cloud.trouble = every_other_minutes
    assert machine.run(COPY)[0].status is Status.COPIED


@pytest.mark.parametrize("cause", [Cause.THROTTLED, Cause.UNREACHABLE])
@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage", "CreateTags"])
def test_a_write_that_surely_had_no_effect_is_decided_again(
    machine: Machine, cloud: Cloud, cause: Cause, action: str
) -> None:
    cloud.trouble = failing(cloud.time, cause, action, until=200)
    cloud.export_seconds = cloud.import_seconds = 10.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert len(cloud.exports) == 1
    assert len(cloud.images) == 2


def test_an_endless_throttle_leaves_no_doubt(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = failing(cloud.time, Cause.THROTTLED, "CreateImageExportTask")
    assert ended(machine.run(COPY)) is ErrorCode.TEMPORARY
    assert machine.open_entries == []


def test_a_refused_read_ends_the_run_at_once(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = lambda profile, action: refused(action, profile, Answer(403)) if profile == "target" else None
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.exit_code, cloud.time.slept) == (12, [])


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
def test_a_refused_create_ends_the_run_and_leaves_no_doubt(machine: Machine, cloud: Cloud, action: str) -> None:
    if action == "CreateImage":
        cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.trouble = refusing(action, Answer(400, "4045", "InvalidParameterValue"))
    assert ended(machine.run(COPY)) is ErrorCode.FAILED
    assert cloud.writes == Counter([action])
    assert machine.open_entries == []


def test_a_failing_put_of_a_manifest_is_retried(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON - timedelta(days=1))
    cloud.trouble = failing(cloud.time, Cause.SERVER, "PutObject", until=200)
    assert machine.run(COPY)[0].status is Status.COPIED


def test_a_refused_put_leaves_the_old_manifest_expired(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON - timedelta(days=1))
    cloud.trouble = refusing("PutObject", Answer(403))
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.exit_code, cloud.writes["PutObject"]) == (10, 1)


def test_tags_in_doubt_are_written_again(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = failing(cloud.time, Cause.SERVER, "CreateTags", times=3)
    [result] = machine.run(COPY)
    assert result.status is Status.COPIED
    assert {"Key": COPY_TAG, "Value": result.image_id} in cloud.images[-1].raw["Tags"]


def test_an_export_that_cannot_be_tagged_continues(machine: Machine, cloud: Cloud) -> None:
    """It is only not deleted later."""
    cloud.trouble = failing(cloud.time, Cause.SERVER, "CreateTags", until=60)
    assert machine.run(COPY)[0].status is Status.COPIED
    assert "could not be tagged" in warnings(machine)


def test_an_export_refused_by_a_quota_waits_while_others_run(machine: Machine, cloud: Cloud) -> None:
    cloud.quota = 2
    results = machine.run(*copies(cloud, 5), budgets=Budgets(export=timedelta(hours=9)))
    assert [result.status for result in results] == [Status.COPIED] * 5
    assert len(cloud.exports) == 5


def test_an_export_refused_while_none_runs_is_a_quota_error(machine: Machine, cloud: Cloud) -> None:
    cloud.quota = 0
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.exit_code, machine.open_entries) == (13, [])

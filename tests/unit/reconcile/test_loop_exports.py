"""Exports in the loop that can't be used: failed, expired, damaged, without a manifest, or made by another run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from omicopy.cloud.errors import Cause
from omicopy.errors import ErrorCode
from omicopy.model.own_tags import provenance_tags
from omicopy.model.request import AccountRef, Budgets
from omicopy.model.result import Status
from omicopy.state.journal import Journal
from tests.support.builders import COPY_ID, NOON, SOURCE_ID, TARGET, copy_request
from tests.support.loop_runs import COPY, EXPORT_ENTRY, HOUR, ended
from tests.support.virtual_cloud import Cloud, Machine, failing


def test_a_failed_export_is_reported_and_ignored_by_the_next_run(machine: Machine, cloud: Cloud) -> None:
    task = cloud.add_export("image-export-0000aaaa", takes=HOUR, ends="failed", Comment="the bucket is full")
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.exit_code, cloud.time.seconds > HOUR) == (7, True)
    assert "image-export-0000aaaa ended as failed: the bucket is full" in result.error.message
    task.raw["Comment"] = "no matter any more"
    assert machine.run(COPY)[0].status is Status.COPIED


def test_an_expired_export_is_re_signed_not_made_again(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON - timedelta(days=1))
    [result] = machine.run(COPY)
    assert result.status is Status.COPIED
    assert cloud.writes == Counter(PutObject=1, CreateImage=1, CreateTags=1)
    assert result.manifest is not None
    assert ".resigned-" in result.manifest


@pytest.mark.parametrize("lag", [0.0, 45.0])
def test_a_damaged_export_is_made_again_once(machine: Machine, cloud: Cloud, lag: float) -> None:
    cloud.lag = lag
    cloud.add_export("image-export-0000aaaa")
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.objects[f"{SOURCE_ID}/snap-11111111-aaaaaaaa.qcow2.gz"] = b"half a disk"
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.code, cloud.writes["CreateImageExportTask"]) == (ErrorCode.DAMAGED, 1)


def test_a_damaged_export_is_made_again_once_after_lost_answer(machine: Machine, cloud: Cloud) -> None:
    cloud.lost["CreateImageExportTask"] = 1
    test_a_damaged_export_is_made_again_once(machine, cloud, 0.0)


def test_a_manifest_missing_after_the_grace_is_not_found(machine: Machine, cloud: Cloud) -> None:
    """A completed export without a manifest is not made again."""
    cloud.add_export("image-export-0000aaaa", ends="completed")
    cloud.finish_exports = lambda: None  # type: ignore[method-assign]
    [result] = machine.run(COPY)
    assert result.error is not None
    assert result.error.code is ErrorCode.NOT_FOUND
    assert 60 <= result.seconds <= 140
    assert not cloud.writes


def test_re_export_waits_for_its_own_manifest(machine: Machine, cloud: Cloud) -> None:
    """The manifest of the old export does not count."""
    cloud.add_export("image-export-0000aaaa", ends="completed")
    finish = cloud.finish_exports

    def late() -> None:
        new = cloud.exports[1:]
        if new and cloud.time.seconds > new[0].begun + new[0].takes + 30:
            finish()

    cloud.finish_exports = late  # type: ignore[method-assign]
    budgets = Budgets(poll_max=timedelta(seconds=10))  # so that it is seen before its manifest is there
    assert machine.run(copy_request(re_export=True), budgets=budgets)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 1


def test_r2_a_present_copy_ends_no_doubt_about_the_export(machine: Machine, cloud: Cloud) -> None:
    """A run for another target was killed right after it started the export; reads don't show it yet."""
    assert COPY.target is not None
    other = AccountRef("target-alias", "333333333333", TARGET.region)
    present = replace(COPY, target=replace(COPY.target, account=other))
    provenance = provenance_tags(present, COPY_ID, "1.0")
    tags = [{"Key": key, "Value": value} for key, value in provenance.items()]
    cloud.add_image(other.profile, COPY_ID, AccountId=other.account_id, Tags=tags)
    Journal(machine.state / "journal", machine.events.append).open(EXPORT_ENTRY)
    cloud.add_export("image-export-0000aaaa", takes=HOUR)
    cloud.lag = 30.0
    assert machine.run(present)[0].status is Status.PRESENT
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 0
    assert machine.open_entries == []


@pytest.mark.parametrize("answered", [True, False])
def test_r2_a_run_in_doubt_finds_the_export_of_another_run(machine: Machine, cloud: Cloud, answered: bool) -> None:
    """Ours came to nothing, theirs can't be seen yet when our grace ends; their entry may read just as ours does."""
    cloud.lag = 45.0
    cloud.trouble = failing(cloud.time, Cause.SERVER, "CreateImageExportTask", times=1)
    sleep = cloud.time.sleep

    def the_other_run_starts_it(seconds: float) -> None:
        sleep(seconds)
        if cloud.time.seconds > 40 and not cloud.exports:
            theirs = Journal(machine.state / "journal", machine.events.append)
            theirs.open(EXPORT_ENTRY)
            task = cloud.add_export("image-export-0000aaaa", takes=HOUR)
            if answered:
                theirs.answered(EXPORT_ENTRY, task.raw["TaskId"])

    cloud.time.sleep = the_other_run_starts_it  # type: ignore[method-assign]
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 1  # the one that came to nothing
    assert len(cloud.exports) == 1


def test_r2_re_export_starts_no_second_export_before_a_manifest(machine: Machine, cloud: Cloud) -> None:
    """The first one's manifest is not visible yet."""
    cloud.add_export("image-export-0000aaaa", ends="completed")
    finish = cloud.finish_exports

    def late() -> None:
        new = cloud.exports[1:]
        if new and cloud.time.seconds > new[0].begun + new[0].takes + 30:
            finish()

    cloud.finish_exports = late  # type: ignore[method-assign]
    request = copy_request(re_export=True)
    assert ended(machine.run(request, budgets=Budgets(export=timedelta(minutes=30)))) is ErrorCode.OUT_OF_TIME
    cloud.time.seconds = cloud.exports[-1].begun + HOUR
    assert machine.run(request, budgets=Budgets(poll_max=timedelta(seconds=10)))[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 1


def test_an_export_cancelled_by_another_machine_ends_no_copy(machine: Machine, cloud: Cloud) -> None:
    """The copy waits for its own manifest."""
    finish = cloud.finish_exports
    cloud.finish_exports = lambda: finish() if cloud.time.seconds > HOUR + 30 else None  # type: ignore[method-assign]

    def race(profile: str, action: str) -> None:
        if action == "CreateImageExportTask":
            cloud.add_export("image-export-ffffffff", takes=100, ends="cancelled")

    cloud.trouble = race
    assert machine.run(COPY, budgets=Budgets(poll_max=timedelta(seconds=10)))[0].status is Status.COPIED

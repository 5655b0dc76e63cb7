"""R2 in the loop: a lost answer, a lagging read or another run makes nothing twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from omicopy.cloud.errors import Cause
from omicopy.errors import ErrorCode
from omicopy.model.choices import DiskFormat
from omicopy.model.request import AccountRef, Target
from omicopy.model.result import Status
from omicopy.state.journal import Journal
from tests.support.builders import A_SOURCE, KEY, NOON, SOURCE, SOURCE_ID, TARGET
from tests.support.loop_runs import COPY, EXPORT_ENTRY, HOUR, IMAGE_ENTRY, NO_WAIT, ONE_OF_EACH, warnings
from tests.support.virtual_cloud import LONG_AGO, Cloud, Machine, failing


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
@pytest.mark.parametrize("lag", [0.0, 45.0])
def test_r2_a_create_with_a_lost_answer_is_found_not_repeated(
    machine: Machine, cloud: Cloud, action: str, lag: float
) -> None:
    cloud.lost[action], cloud.lag = 1, lag
    [result] = machine.run(COPY)
    assert (result.status, result.changed) == (Status.COPIED, True)
    assert cloud.writes["CreateImageExportTask"] == cloud.writes["CreateImage"] == 1
    assert result.image_id == cloud.images[-1].raw["ImageId"]


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
def test_r1_a_lost_create_is_sent_again_after_the_grace(machine: Machine, cloud: Cloud, action: str) -> None:
    cloud.trouble = failing(cloud.time, Cause.RESET, action, times=1)
    assert machine.run(COPY)[0].status is Status.COPIED
    first, second = (at for at, _, name, _ in cloud.requests if name == action)
    assert second - first >= 60
    assert len(cloud.exports) == 1
    assert len(cloud.images) == 2


def test_r2_a_lost_answer_is_not_taken_for_an_older_task(machine: Machine, cloud: Cloud) -> None:
    cloud.add_export("image-export-0000aaaa", ends="failed")
    Journal(machine.state / "journal", machine.events.append).answered(EXPORT_ENTRY, "image-export-0000aaaa")
    cloud.lost["CreateImageExportTask"], cloud.lag = 1, 30.0
    cloud.exports[0].begun = LONG_AGO
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 1


def test_r2_lagging_reads_make_nothing_twice(machine: Machine, cloud: Cloud) -> None:
    cloud.lag = 50.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes == ONE_OF_EACH


@pytest.mark.parametrize("seconds", [20.0, 55.0])
def test_r2_a_resource_that_is_hidden_briefly_is_not_made_again(machine: Machine, cloud: Cloud, seconds: float) -> None:
    job = cloud.add_export("image-export-0000aaaa", takes=HOUR)
    machine.run(COPY, mode=NO_WAIT)

    def blink(profile: str, action: str) -> None:
        if action == "ReadImageExportTasks" and cloud.time.seconds > 100 and not job.hidden_until:
            job.hidden_until = cloud.time.seconds + seconds
        if len(cloud.images) > 1 and action == "ReadImages" and cloud.time.seconds > cloud.images[1].begun + 100:
            image = cloud.images[1]
            image.hidden_until = image.hidden_until or cloud.time.seconds + seconds

    cloud.trouble = blink
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.images[1].hidden_until > 0 < job.hidden_until
    assert cloud.writes["CreateImageExportTask"] == 0
    assert cloud.writes["CreateImage"] == 1


@pytest.mark.parametrize("lost", [0, 1])
def test_a_copy_deleted_while_it_is_awaited_is_not_made_again(machine: Machine, cloud: Cloud, lost: int) -> None:
    cloud.lost["CreateImage"] = lost

    def somebody_deletes_it(profile: str, action: str) -> None:
        if len(cloud.images) > 1 and cloud.time.seconds > cloud.images[1].begun + 300:
            cloud.images[1].deleted = cloud.time.seconds - 1

    cloud.trouble = somebody_deletes_it
    [result] = machine.run(COPY)
    assert result.error is not None
    assert f"{cloud.images[1].raw['ImageId']}, created by this run, is not there any more" in result.error.message
    assert cloud.writes["CreateImage"] == 1


@pytest.mark.parametrize("entry", [EXPORT_ENTRY, IMAGE_ENTRY], ids=["export", "image"])
def test_r2_a_killed_runs_create_is_searched_for_first(machine: Machine, cloud: Cloud, entry: dict[str, str]) -> None:
    Journal(machine.state / "journal", machine.events.append).open(entry)
    if entry is IMAGE_ENTRY:
        cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    machine.run(COPY)
    action = "CreateImageExportTask" if entry is EXPORT_ENTRY else "CreateImage"
    assert next(at for at, _, name, _ in cloud.requests if name == action) >= 60.0


def test_r2_two_copies_start_their_shared_export_once(machine: Machine, cloud: Cloud) -> None:
    other = AccountRef("source", SOURCE.account_id, SOURCE.region)
    second = AccountRef("target", TARGET.account_id, "another-region-1")
    assert other == SOURCE
    requests = [COPY, replace(COPY, target=Target(second, "another name", ""))]
    results = machine.run(*requests)
    assert [result.status for result in results] == [Status.COPIED] * 2
    assert [result.request for result in results] == requests
    assert cloud.writes["CreateImageExportTask"] == 1
    assert cloud.writes["CreateImage"] == 2


def test_the_format_that_one_copy_asks_for_holds_for_all(machine: Machine, cloud: Cloud) -> None:
    """All copies share one export."""
    raw = replace(COPY, source=replace(A_SOURCE, format=DiskFormat.RAW))
    results = machine.run(replace(COPY, target=Target(TARGET, "another name", "")), raw)
    assert [result.status for result in results] == [Status.COPIED] * 2
    assert [asked["OsuExport"]["DiskImageFormat"] for asked in cloud.sent("CreateImageExportTask")] == ["raw"]


@pytest.mark.parametrize(("days", "name"), [(6, "manifest"), (8, "x.json")])
def test_of_several_manifests_the_last_to_expire_counts(machine: Machine, cloud: Cloud, days: int, name: str) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=days), "x.json")
    assert machine.run(COPY)[0].manifest == f"s3://{KEY.bucket}/{SOURCE_ID}/{name}"


def test_a_manifest_replaced_before_re_signing_is_read_first(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON - timedelta(days=1))

    def another_export_ends(_: str, action: str) -> None:
        if action == "GetObject" and [name for _, _, name, _ in cloud.requests].count("GetObject") == 2:
            cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))

    cloud.trouble = another_export_ends
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes == Counter(CreateImage=1, CreateTags=1)


def test_r2_two_copies_re_sign_their_shared_export_once(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(hours=1))
    machine.run(COPY, replace(COPY, target=Target(TARGET, "another name", "")))
    assert cloud.writes == Counter(PutObject=1, CreateImage=2, CreateTags=2)


@pytest.mark.parametrize("action", ["CreateImageExportTask", "CreateImage"])
def test_r2_a_create_with_an_empty_answer_is_in_doubt(machine: Machine, cloud: Cloud, action: str) -> None:
    cloud.empty[action], cloud.lag = 1, 45.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes[action] == 1


def test_a_name_held_by_a_hidden_image_conflicts_after_grace(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.add_image("target", "ami-0000f001", Description="")
    cloud.images[-1].hidden_until = 1e9
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.code, 60 <= result.seconds <= 140) == (ErrorCode.NAME_CONFLICT, True)
    assert "9029" in result.error.message
    assert cloud.writes["CreateImage"] == 1


@pytest.mark.parametrize("queued", [True, False])
def test_r2_of_two_equal_tasks_ours_with_larger_id_is_cancelled(machine: Machine, cloud: Cloud, queued: bool) -> None:
    """Only while it is queued; a running one is named as a duplicate."""
    cloud.lag, cloud.queued = 20.0, queued

    def race(profile: str, action: str) -> None:
        if action == "CreateImageExportTask":
            cloud.add_export("image-export-00000001", takes=HOUR)

    cloud.trouble = race
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 1
    assert cloud.writes["CreateImage"] == 1
    assert cloud.sent("DeleteExportTask") == ([{"ExportTaskId": cloud.exports[-1].raw["TaskId"]}] if queued else [])
    assert ("was cancelled" if queued else "Duplicate export") in warnings(machine)

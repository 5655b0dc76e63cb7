"""The loop in virtual time: ticks, budgets, what is shared, what is borne, and that nothing is made twice."""

from __future__ import annotations

import gc
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused, temporary
from omicopy.errors import ErrorCode, Interrupted
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.events import CopyFinished, CopyProgress, WarningMessage
from omicopy.model.image import parse_image
from omicopy.model.own_tags import COPY_TAG, provenance_tags
from omicopy.model.request import AccountRef, Budgets, CopyRequest, Source, Target
from omicopy.model.result import CopyResult, Status, exit_code
from omicopy.reconcile.apply import RunMode
from omicopy.state.journal import Journal, export_entry, image_entry
from omicopy.state.locks import Locks
from tests.support.builders import (
    COPY_ID,
    KEY,
    MARKER,
    NAME,
    NOON,
    ORIGIN,
    RENAMED,
    SOURCE,
    SOURCE_ID,
    TARGET,
    copy_request,
    export_request,
    import_request,
    raw_manifest,
)
from tests.support.virtual_cloud import LONG_AGO, Cloud, Machine, Time, Trouble, failing

HOUR = 3600.0
NO_WAIT, DRY_RUN = RunMode(wait=False), RunMode(dry_run=True)
COPY = copy_request()
HANDED = "elsewhere/manifest.json"
EXPORT_ENTRY, IMAGE_ENTRY = export_entry(ORIGIN), image_entry(COPY, COPY.destination or Target(TARGET, "", ""))
ONE_OF_EACH = Counter(CreateImageExportTask=1, CreateImage=1, CreateTags=2)


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    return cloud


@pytest.fixture
def machine(tmp_path: Path, cloud: Cloud) -> Machine:
    return Machine(tmp_path, cloud)


def copies(cloud: Cloud, number: int) -> list[CopyRequest]:
    """So many different images of the source account, each to be copied."""
    requests = []
    for index in range(number):
        image = parse_image(cloud.add_image("source", f"ami-{index + 0x5000:08x}", AccountId=SOURCE.account_id))
        assert image is not None
        origin = Source(SOURCE, image, replace(KEY, image_id=image.image_id))
        requests.append(CopyRequest(origin, Target(TARGET, f"copy {index}", ""), timedelta(hours=6)))
    return requests


def refusing(action: str, answer: Answer) -> Trouble:
    return lambda profile, asked: refused(action, profile, answer) if asked == action else None


def ended(results: list[CopyResult]) -> ErrorCode | None:
    [result] = results
    return result.error.code if result.error else None


def warnings(machine: Machine) -> str:
    return "\n".join(event.message for event in machine.events if isinstance(event, WarningMessage))


# ---- a whole copy


def test_a_copy_takes_hours_and_four_writes(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds, cloud.import_seconds = 9 * HOUR, 5 * HOUR
    [result] = machine.run(COPY)
    assert (result.status, result.changed, result.image_name) == (Status.COPIED, True, NAME)
    assert 14 * HOUR < result.seconds < 14 * HOUR + 240
    assert cloud.writes == ONE_OF_EACH
    [image] = cloud.sent("CreateImage")
    assert (image["ImageName"], image["Description"]) == (NAME, f"my image {MARKER}")
    assert machine.open_entries == []


def test_a_second_run_reports_present_and_writes_nothing(machine: Machine, cloud: Cloud, tmp_path: Path) -> None:
    machine.run(COPY)
    cloud.requests.clear()
    [result] = Machine(tmp_path / "elsewhere", cloud).run(COPY)
    assert (result.status, result.changed) == (Status.PRESENT, False)
    assert not cloud.writes


def test_an_export_ends_with_its_manifest(machine: Machine, cloud: Cloud) -> None:
    [result] = machine.run(export_request())
    assert (result.status, result.manifest) == (Status.COPIED, f"s3://{KEY.bucket}/{SOURCE_ID}/manifest")
    assert result.export_task_id == cloud.exports[0].raw["TaskId"]
    assert result.expires_at == NOON + timedelta(seconds=cloud.export_seconds, days=7)


def test_an_import_sends_requests_only_to_the_target(machine: Machine, cloud: Cloud) -> None:
    cloud.objects[HANDED] = json.dumps(raw_manifest()).encode()
    [result] = machine.run(import_request())
    assert result.status is Status.COPIED
    assert {profile for _, profile, _, _ in cloud.requests} == {"target"}


def test_a_manifest_replaced_after_its_check_is_not_imported(machine: Machine, cloud: Cloud) -> None:
    cloud.objects[HANDED] = json.dumps(raw_manifest(Name="another")).encode()
    [result] = machine.run(import_request())
    assert result.error is not None
    assert result.error.code is ErrorCode.DAMAGED
    assert "was replaced after it was checked; nothing was imported" in result.error.message
    assert cloud.sent("CreateImage") == []


def test_there_is_one_event_per_phase_and_one_at_the_end(machine: Machine) -> None:
    machine.run(COPY)
    moves = [event for event in machine.events if isinstance(event, CopyProgress)]
    parts = [(event.phase, event.detail, event.progress) for event in moves]
    assert len(parts) == len(set(parts))
    assert list(dict.fromkeys(event.phase for event in moves)) == [
        "starting",
        "exporting",
        "creating",
        "importing",
        "tagging",
    ]
    assert [event for event in machine.events if isinstance(event, CopyFinished)] == machine.events[-1:]


# ---- ticks


@pytest.mark.parametrize(("moves", "most"), [(True, 60), (False, 300)])
def test_r7_four_hours_take_few_ticks(machine: Machine, cloud: Cloud, moves: bool, most: int) -> None:
    cloud.export_seconds, cloud.import_seconds = 4 * HOUR - 60, 60.0
    cloud.progress = cloud.progress if moves else None
    machine.run(COPY)
    assert len(cloud.time.slept) <= most + 15  # and those of the import
    assert cloud.time.seconds <= 1.02 * 4 * HOUR


def test_r7_ticks_are_frequent_only_while_something_may_end_soon(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds, cloud.progress = 5 * HOUR, None
    machine.run(COPY)
    slept = cloud.time.slept
    assert max(slept[:7]) <= 6.0
    assert min(slept[50:250]) >= 48.0
    assert max(slept) <= 72.0


def test_r7_one_copy_without_an_estimate_keeps_polls_frequent(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds, cloud.import_seconds = 3 * HOUR, 4 * HOUR
    early, late = copies(cloud, 2)
    cloud.put_export("ami-00005000", NOON + timedelta(days=7))
    machine.run(early, late)
    assert max(cloud.time.slept) <= 72.0


def test_r7_after_a_step_a_copy_is_polled_soon(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds = 5 * HOUR
    machine.run(COPY)
    created = next(at for at, _, action, _ in cloud.requests if action == "CreateImage")
    after = sorted({at for at, *_ in cloud.requests if at > created})
    assert after[0] - created <= 6.0


def test_r7_the_target_is_not_read_while_an_export_runs(machine: Machine, cloud: Cloud) -> None:
    """That holds if the copy was absent before."""
    cloud.export_seconds, cloud.import_seconds = 2 * HOUR, 60.0
    machine.run(COPY)
    looks = [at for at, profile, action, _ in cloud.requests if (profile, action) == ("target", "ReadImages")]
    assert len(looks) > 3
    assert [at for at in looks if 10.0 < at < 2 * HOUR] == []


def test_a_copy_made_by_another_machine_meanwhile_is_found(machine: Machine, cloud: Cloud) -> None:
    """It is found when the export has ended."""
    cloud.export_seconds = 2 * HOUR

    def meanwhile(profile: str, action: str) -> None:
        if action == "ReadImageExportTasks" and cloud.time.seconds > HOUR and len(cloud.images) == 1:
            cloud.add_image("target", "ami-000000aa", ImageName=NAME, Description=MARKER)

    cloud.trouble = meanwhile
    [result] = machine.run(COPY)
    assert (result.status, result.image_id) == (Status.PRESENT, "ami-000000aa")
    assert cloud.writes["CreateImage"] == 0


@pytest.mark.parametrize("is_hosts", [False, True])
def test_the_callers_gc_freeze_is_kept(machine: Machine, is_hosts: bool) -> None:
    if is_hosts:
        gc.freeze()
    try:
        machine.run(COPY)
        assert (gc.get_freeze_count() > 0) is is_hosts
    finally:
        gc.unfreeze()


def test_two_profiles_of_one_account_may_see_different_states(tmp_path: Path, cloud: Cloud) -> None:
    cloud.export_seconds = 300.0
    shown = cloud._shown

    def of_either(jobs: Any, profile: str) -> Any:
        return shown(jobs, profile.removesuffix("-alias") if profile.startswith("source") else profile)

    def slowly(_: str, action: str) -> None:
        cloud.time.seconds += 3.0 if action == "ReadImageExportTasks" else 0.0

    cloud._shown, cloud.trouble = of_either, slowly  # type: ignore[method-assign]
    other = replace(TARGET, profile="target-alias", account_id="333333333333")
    alias = replace(
        COPY,
        source=replace(ORIGIN, account=replace(SOURCE, profile="source-alias")),
        destination=replace(COPY.destination or Target(other, NAME, ""), account=other),
    )
    assert len(Machine(tmp_path, cloud).run(COPY, alias)) == 2
    assert cloud.writes["CreateImageExportTask"] == 1


@pytest.mark.parametrize("number", [1, 100])
def test_r7_each_account_is_read_once_a_tick_for_all_copies(machine: Machine, cloud: Cloud, number: int) -> None:
    cloud.export_seconds, cloud.import_seconds = 2 * HOUR, HOUR
    results = machine.run(*copies(cloud, number))
    assert [result.status for result in results] == [Status.COPIED] * number
    reads = Counter((at, profile, action) for at, profile, action, _ in cloud.requests if action.startswith("Read"))
    assert set(reads.values()) == {1}
    assert cloud.writes["CreateImageExportTask"] == cloud.writes["CreateImage"] == number


def test_r7_while_the_service_works_no_bucket_is_read(machine: Machine, cloud: Cloud) -> None:
    machine.run(*copies(cloud, 3))
    lists = {at for at, _, action, _ in cloud.requests if action == "ListObjects"}
    assert len(lists) == 2  # before the exports are started, and after they end


# ---- budgets


@pytest.mark.parametrize("hours", [1, 3])
def test_r5_out_of_export_time_loses_nothing(machine: Machine, cloud: Cloud, hours: int) -> None:
    cloud.export_seconds = 5 * HOUR
    [result] = machine.run(COPY, budgets=Budgets(export=timedelta(hours=hours)))
    assert result.error is not None
    assert (result.error.code, result.error.exit_code) == (ErrorCode.OUT_OF_TIME, 6)
    assert result.export_task_id == cloud.exports[0].raw["TaskId"]
    assert cloud.time.seconds == pytest.approx(hours * HOUR, abs=12)
    assert machine.open_entries != []
    [result] = machine.run(COPY)
    assert result.status is Status.COPIED
    assert cloud.writes == ONE_OF_EACH


def test_r5_out_of_import_time_names_the_image(machine: Machine, cloud: Cloud) -> None:
    """The next run continues with it."""
    cloud.import_seconds = 8 * HOUR
    budgets = Budgets(import_=timedelta(hours=2))
    for _ in range(2):
        [result] = machine.run(COPY, budgets=budgets)
        assert result.error is not None
        assert result.error.code is ErrorCode.OUT_OF_TIME
        assert "--import-timeout 2h" in result.error.message
        assert result.image_id == cloud.images[-1].raw["ImageId"]
    [result] = machine.run(COPY)
    assert (result.status, result.changed) == (Status.PRESENT, True)
    assert cloud.writes == ONE_OF_EACH


def test_r5_a_search_for_an_image_uses_no_export_time(machine: Machine, cloud: Cloud) -> None:
    cloud.lost["CreateImage"], cloud.lag = 1, HOUR / 2
    budgets = Budgets(export=timedelta(minutes=65), grace=timedelta(hours=1), poll_max=timedelta(seconds=20))
    assert machine.run(COPY, budgets=budgets)[0].status is Status.COPIED


def test_r5_the_loop_never_sleeps_past_a_budget(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds = 5 * HOUR
    machine.run(COPY, budgets=Budgets(export=timedelta(seconds=1000)))
    waiting_since = next(at for at, _, action, _ in cloud.requests if action == "CreateImageExportTask")
    assert cloud.time.seconds <= waiting_since + 1000 + 1e-6


def test_r5_an_import_that_cannot_begin_is_out_of_import_time(machine: Machine, cloud: Cloud) -> None:
    request = import_request()
    assert request.destination is not None
    Journal(machine.state / "journal", machine.events.append).open(image_entry(request, request.destination))
    cloud.lag = 1e9
    [result] = machine.run(request, budgets=Budgets(grace=timedelta(days=9), import_=timedelta(hours=1)))
    assert result.error is not None
    assert "--import-timeout 1h" in result.error.message


def test_r5_a_budget_ends_a_failing_copy_without_busy_loop(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = lambda profile, action: (
        failing(cloud.time, Cause.RESET)(profile, action) if cloud.time.seconds > 100 else None
    )
    budgets = Budgets(export=timedelta(minutes=10), retry=timedelta(hours=9))
    assert ended(machine.run(COPY, budgets=budgets)) is ErrorCode.OUT_OF_TIME
    assert cloud.time.seconds == pytest.approx(600, abs=30)
    assert len(cloud.time.slept) < 60


# ---- trouble


@pytest.mark.parametrize("cause", [Cause.RESET, Cause.SERVER, Cause.THROTTLED, Cause.UNREACHABLE, Cause.GARBLED])
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


# ---- nothing twice


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
    requests = [COPY, replace(COPY, destination=Target(second, "another name", ""))]
    results = machine.run(*requests)
    assert [result.status for result in results] == [Status.COPIED] * 2
    assert [result.request for result in results] == requests
    assert cloud.writes["CreateImageExportTask"] == 1
    assert cloud.writes["CreateImage"] == 2


def test_the_format_that_one_copy_asks_for_holds_for_all(machine: Machine, cloud: Cloud) -> None:
    """All copies share one export."""
    raw = replace(COPY, source=replace(ORIGIN, format=DiskFormat.RAW))
    results = machine.run(replace(COPY, destination=Target(TARGET, "another name", "")), raw)
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
    machine.run(COPY, replace(COPY, destination=Target(TARGET, "another name", "")))
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
    assert ("was cancelled" if queued else "superfluous") in warnings(machine)


# ---- what ends early


def test_no_wait_starts_an_export_and_ends(machine: Machine, cloud: Cloud) -> None:
    [result] = machine.run(COPY, mode=NO_WAIT)
    assert (result.status, exit_code([result])) == (Status.RUNNING, 0)
    assert result.export_task_id == cloud.exports[0].raw["TaskId"]
    assert cloud.writes == Counter(CreateImageExportTask=1, CreateTags=1)
    assert cloud.time.slept == []


def test_no_wait_finds_an_export_running_and_ends(machine: Machine, cloud: Cloud) -> None:
    cloud.add_export("image-export-0000aaaa", takes=HOUR)
    [result] = machine.run(COPY, mode=NO_WAIT)
    assert (result.status, result.export_task_id) == (Status.RUNNING, "image-export-0000aaaa")
    assert not cloud.writes


def test_no_wait_starts_an_import_and_returns_its_id_and_name(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.add_image("target", "ami-0000f001", Description="")
    [result] = machine.run(copy_request(IfExists.RENAME), mode=NO_WAIT)
    created = cloud.images[-1].raw["ImageId"]
    assert (result.status, result.image_id, result.image_name) == (Status.RUNNING, created, RENAMED)
    [again] = machine.run(copy_request(IfExists.RENAME), mode=NO_WAIT)
    assert (again.status, again.image_id, again.image_name) == (Status.RUNNING, created, RENAMED)
    assert cloud.writes == Counter(CreateImage=1)


def test_no_wait_searches_for_an_export_with_a_lost_answer(machine: Machine, cloud: Cloud) -> None:
    cloud.lost["CreateImageExportTask"], cloud.lag = 1, 30.0
    [result] = machine.run(COPY, mode=NO_WAIT)
    assert (result.status, result.export_task_id) == (Status.RUNNING, cloud.exports[0].raw["TaskId"])
    assert cloud.writes["CreateImageExportTask"] == 1


def test_no_wait_searches_for_an_image_with_a_lost_answer(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.lost["CreateImage"], cloud.lag = 1, 30.0
    [result] = machine.run(COPY, mode=NO_WAIT)
    assert (result.status, result.image_id) == (Status.RUNNING, cloud.images[-1].raw["ImageId"])


def test_no_wait_starts_at_most_the_next_write(machine: Machine, cloud: Cloud) -> None:
    cloud.put_export(SOURCE_ID, NOON + timedelta(days=7))
    cloud.add_image("target", COPY_ID, State="failed", Tags=[{"Key": COPY_TAG, "Value": COPY_ID}])
    assert machine.run(COPY, mode=NO_WAIT)[0].status is Status.RUNNING
    assert cloud.writes == Counter(CreateTags=1, DeleteImage=1, DeleteSnapshot=1)


@pytest.mark.parametrize("state", ["nothing", "exported", "expired", "failed", "untagged"])
def test_dry_run_writes_nothing_anywhere(machine: Machine, cloud: Cloud, state: str) -> None:
    if state in ("exported", "expired"):
        cloud.put_export(SOURCE_ID, NOON + timedelta(days=7 if state == "exported" else -1))
    if state in ("failed", "untagged"):
        tags = [{"Key": COPY_TAG, "Value": COPY_ID}] if state == "failed" else []
        cloud.add_image("target", COPY_ID, State="failed" if state == "failed" else "available", Tags=tags)
    [result] = machine.run(COPY, mode=DRY_RUN)
    assert (result.status, result.changed, exit_code([result])) == (Status.PLANNED, False, 0)
    assert not cloud.writes
    assert list(machine.state.iterdir()) == []


def test_dry_run_leaves_the_journal_as_it_is(machine: Machine, cloud: Cloud) -> None:
    Journal(machine.state / "journal", machine.events.append).open(IMAGE_ENTRY)
    provenance = provenance_tags(COPY, COPY_ID, "1.0")
    cloud.add_image("target", COPY_ID, Tags=[{"Key": key, "Value": value} for key, value in provenance.items()])
    assert machine.run(COPY, mode=DRY_RUN)[0].status is Status.PRESENT
    assert len(machine.open_entries) == 1


def test_r3_one_failed_copy_fails_no_other(machine: Machine, cloud: Cloud) -> None:
    requests = copies(cloud, 5)
    cloud.add_image("target", "ami-0000f001", ImageName="copy 3", Description="")
    results = machine.run(*requests)
    failed = [result.status is Status.FAILED for result in results]
    assert failed == [False, False, False, True, False]
    assert exit_code(results) == 4, "the name's own: no other run mends it"


def interrupted(machine: Machine, *requests: CopyRequest, after: float, mode: RunMode | None = None) -> Interrupted:
    """What the first pause after so many seconds is interrupted with."""
    time = machine.cloud.time

    def interrupt(seconds: float) -> None:
        time.seconds += seconds
        if time.seconds > after:
            raise Interrupted(15)

    time.sleep = interrupt  # type: ignore[method-assign]
    with pytest.raises(Interrupted) as caught:
        machine.run(*requests, mode=mode)
    return caught.value


def stands(interruption: Interrupted) -> list[Status]:
    return [result.status for result in interruption.results if isinstance(result, CopyResult)]


def test_an_interruption_names_what_continues(machine: Machine, cloud: Cloud) -> None:
    interruption = interrupted(machine, COPY, after=600)
    assert interruption.exit_code == 143
    assert cloud.exports[0].raw["TaskId"] in "".join(interruption.still_running)
    assert stands(interruption) == [Status.RUNNING]


def test_an_export_shared_by_two_copies_is_named_once(machine: Machine) -> None:
    assert COPY.destination is not None
    another = replace(COPY, destination=replace(COPY.destination, name="another"))
    interruption = interrupted(machine, COPY, another, after=600)
    assert stands(interruption) == [Status.RUNNING, Status.RUNNING]
    assert len(interruption.still_running) == 1


def test_r3_an_interruption_gives_the_status_of_every_copy(machine: Machine, cloud: Cloud) -> None:
    requests = copies(cloud, 3)
    cloud.add_image("target", "ami-0000f001", ImageName="copy 2", Description="")
    interruption = interrupted(machine, *requests, after=600, mode=RunMode(parallel=1))
    assert stands(interruption) == [Status.RUNNING, Status.NOT_BEGUN, Status.FAILED]
    assert len(interruption.still_running) == 1


def test_a_copy_interrupted_between_two_steps_is_unfinished(machine: Machine, cloud: Cloud) -> None:
    cloud.export_seconds = cloud.import_seconds = 60
    cloud.trouble = lambda profile, action: (
        temporary(Cause.THROTTLED, action, profile, "busy") if (profile, action) == ("target", "CreateTags") else None
    )
    interruption = interrupted(machine, COPY, after=240)
    assert (stands(interruption), interruption.still_running) == ([Status.UNFINISHED], [])
    assert cloud.images[-1].raw["ImageId"] in str(interruption.results)


def test_a_copy_that_waits_for_anothers_image_is_not_begun(machine: Machine, cloud: Cloud) -> None:
    cloud.images[0].ends = "pending"
    interruption = interrupted(machine, COPY, after=60)
    assert (stands(interruption), interruption.still_running) == ([Status.NOT_BEGUN], [])


def test_r5_out_of_time_after_the_first_write_is_unfinished(machine: Machine, cloud: Cloud) -> None:
    [begun] = machine.run(COPY, mode=RunMode(deadline=timedelta(minutes=10)))
    assert (begun.status, begun.error and begun.error.code) == (Status.UNFINISHED, ErrorCode.OUT_OF_TIME)
    assert exit_code([begun]) == 6
    assert "the service goes on" in (begun.error.hint if begun.error else "")


def test_r5_out_of_time_before_the_first_write_is_not_begun(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = failing(cloud.time, Cause.SERVER, "ReadImageExportTasks")
    budgets = Budgets(export=timedelta(minutes=1), retry=timedelta(hours=1))
    [result] = machine.run(COPY, budgets=budgets)
    assert (result.status, exit_code([result])) == (Status.NOT_BEGUN, 6)
    assert "the service goes on" not in (result.error.hint if result.error else "")


# ---- locks


def test_a_copy_that_another_run_makes_is_left_to_it(machine: Machine, cloud: Cloud) -> None:
    held = Locks(machine.state / "locks", machine.events.append).take(IMAGE_ENTRY)
    assert held is not None
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.exit_code, cloud.requests) == (11, [])
    held.release()
    assert machine.run(COPY)[0].status is Status.COPIED


def test_a_lock_is_waited_for_as_long_as_lock_wait(machine: Machine, cloud: Cloud) -> None:
    held = Locks(machine.state / "locks", machine.events.append).take(IMAGE_ENTRY)
    assert held is not None
    [result] = machine.run(COPY, lock_wait=timedelta(minutes=10))
    assert result.error is not None
    assert result.error.code is ErrorCode.LOCKED
    assert 600 <= result.seconds <= 700


def test_r2_an_export_started_by_another_run_is_in_doubt(machine: Machine, cloud: Cloud) -> None:
    cloud.lag = 45.0
    held = Locks(machine.state / "locks", machine.events.append).take(EXPORT_ENTRY)
    assert held is not None
    sleep = cloud.time.sleep

    def the_other_run_starts_it(seconds: float) -> None:
        sleep(seconds)
        if not cloud.exports:
            task = cloud.add_export("image-export-0000aaaa", takes=HOUR)
            Journal(machine.state / "journal", machine.events.append).answered(EXPORT_ENTRY, task.raw["TaskId"])
            held.release()

    cloud.time.sleep = the_other_run_starts_it  # type: ignore[method-assign]
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["CreateImageExportTask"] == 0


def test_r5_waiting_for_a_lock_uses_no_other_budget(machine: Machine, cloud: Cloud) -> None:
    """It does not loop without pauses either."""
    held = Locks(machine.state / "locks", machine.events.append).take(IMAGE_ENTRY)
    assert held is not None
    sleep = cloud.time.sleep

    def let_go_in_the_end(seconds: float) -> None:
        sleep(seconds)
        if cloud.time.seconds > 20 * HOUR:
            held.release()

    cloud.time.sleep = let_go_in_the_end  # type: ignore[method-assign]
    assert machine.run(COPY, lock_wait=timedelta(hours=24))[0].status is Status.COPIED


# ---- a failed image of an earlier run


def failed_before(cloud: Cloud, image_id: str = COPY_ID, name: str = NAME) -> None:
    snapshot = {"DeviceName": "/dev/sda1", "Bsu": {"SnapshotId": f"snap-of-{image_id}"}}
    tags = [{"Key": COPY_TAG, "Value": image_id}]
    cloud.add_image("target", image_id, State="failed", ImageName=name, Tags=tags, BlockDeviceMappings=[snapshot])


def test_r4_our_failed_image_is_replaced_with_its_snapshots(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteImage") == [{"ImageId": COPY_ID}]
    assert cloud.sent("DeleteSnapshot") == [{"SnapshotId": f"snap-of-{COPY_ID}"}]


def test_r4_a_snapshot_that_another_image_maps_is_kept(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    mapping = cloud.images[-1].raw["BlockDeviceMappings"]
    cloud.add_image("target", "ami-0000f001", ImageName="another", Description="", BlockDeviceMappings=mapping)
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteSnapshot") == []


def test_r3_a_snapshot_that_cannot_be_deleted_is_named(machine: Machine, cloud: Cloud) -> None:
    """The copy is made all the same."""
    failed_before(cloud)
    cloud.trouble = failing(cloud.time, Cause.SERVER, "DeleteSnapshot")
    assert machine.run(COPY)[0].status is Status.COPIED
    assert f"snap-of-{COPY_ID}" in warnings(machine)


@pytest.mark.parametrize("lag", [0.0, 40.0])
def test_a_delete_whose_answer_was_lost_is_no_failure(machine: Machine, cloud: Cloud, lag: float) -> None:
    failed_before(cloud)
    cloud.lost["DeleteImage"], cloud.lag = 1, lag
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["DeleteSnapshot"] == (1 if lag else 0)


def test_a_deleted_image_still_listed_is_not_deleted_again(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    cloud.lag = 40.0
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.writes["DeleteImage"] == 1


def test_a_delete_that_is_refused_ends_the_copy(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    cloud.trouble = refusing("DeleteImage", Answer(403))
    assert ended(machine.run(COPY)) is ErrorCode.DENIED
    assert not cloud.writes["CreateImage"] + cloud.writes["DeleteSnapshot"]


def test_a_second_failed_image_ends_the_copy(machine: Machine, cloud: Cloud) -> None:
    failed_before(cloud)
    failed_before(cloud, "ami-000000c2", RENAMED)
    [result] = machine.run(COPY)
    assert result.error is not None
    assert (result.error.code, result.seconds < 60) == (ErrorCode.REMOTE_FAILED, True)
    assert cloud.writes["DeleteImage"] == 1


def test_a_failed_import_is_reported_then_replaced_next_run(machine: Machine, cloud: Cloud) -> None:
    def fail_the_first(profile: str, action: str) -> None:
        if len(cloud.images) == 2 and action == "ReadImages" and cloud.images[1].ends == "available":
            cloud.images[1].ends = "failed"
            cloud.images[1].raw["StateComment"] = {"StateCode": "Gone", "StateMessage": "no such URL"}

    cloud.trouble = fail_the_first
    [result] = machine.run(COPY)
    failed = cloud.images[1].raw["ImageId"]
    assert result.error is not None
    assert (result.error.exit_code, result.image_id) == (7, failed)
    assert "Gone: no such URL" in result.error.message
    cloud.trouble = lambda _profile, _action: None
    assert machine.run(COPY)[0].status is Status.COPIED
    assert cloud.sent("DeleteImage") == [{"ImageId": failed}]


# ---- quota


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


# ---- exports that are of no use


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
    assert COPY.destination is not None
    other = AccountRef("target-alias", "333333333333", TARGET.region)
    present = replace(COPY, destination=replace(COPY.destination, account=other))
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


def test_r5_a_lock_never_released_is_waited_for_in_budget(machine: Machine, cloud: Cloud) -> None:
    held = Locks(machine.state / "locks", machine.events.append).take(EXPORT_ENTRY)
    assert held is not None
    [result] = machine.run(COPY, budgets=Budgets(export=timedelta(hours=1)))
    assert result.error is not None
    assert (result.error.exit_code, result.seconds) == (6, pytest.approx(HOUR))
    assert "another run on this machine" in result.error.message
    assert len(cloud.time.slept) < 100


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


def test_dry_run_keeps_an_unreadable_journal_as_it_is(machine: Machine) -> None:
    Journal(machine.state / "journal", machine.events.append).open(EXPORT_ENTRY)
    [entry] = machine.open_entries
    entry.write_text("{")
    machine.run(COPY, mode=DRY_RUN)
    assert [file.name for file in entry.parent.iterdir()] == [entry.name]
    assert entry.read_text() == "{"


@pytest.mark.parametrize("hours", [30, -30])
def test_r5_a_jump_of_the_wall_clock_changes_no_wait(tmp_path: Path, hours: int) -> None:
    class Jumping(Time):
        @property
        def wall(self) -> datetime:
            return NOON + timedelta(seconds=self.seconds, hours=hours if 1000 < self.seconds < 3000 else 0)

    cloud = Cloud(Jumping())
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    [result] = Machine(tmp_path, cloud).run(COPY, budgets=Budgets(export=timedelta(hours=2)))
    assert result.status is Status.COPIED
    assert cloud.export_seconds + cloud.import_seconds < result.seconds < 2 * HOUR

"""Runs that end before the copy does: --no-wait, --dry-run, interruptions."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from omicopy.cloud.errors import Cause, temporary
from omicopy.errors import Interrupted
from omicopy.model.choices import IfExists
from omicopy.model.own_tags import COPY_TAG, provenance_tags
from omicopy.model.request import CopyRequest
from omicopy.model.result import CopyResult, Status, exit_code
from omicopy.reconcile.apply import RunMode
from omicopy.state.journal import Journal
from tests.support.builders import COPY_ID, NOON, RENAMED, SOURCE_ID, copy_request
from tests.support.loop_runs import COPY, DRY_RUN, EXPORT_ENTRY, HOUR, IMAGE_ENTRY, NO_WAIT, copies
from tests.support.virtual_cloud import Cloud, Machine


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
    assert COPY.target is not None
    another = replace(COPY, target=replace(COPY.target, name="another"))
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


def test_dry_run_keeps_an_unreadable_journal_as_it_is(machine: Machine) -> None:
    Journal(machine.state / "journal", machine.events.append).open(EXPORT_ENTRY)
    [entry] = machine.open_entries
    entry.write_text("{")
    machine.run(COPY, mode=DRY_RUN)
    assert [file.name for file in entry.parent.iterdir()] == [entry.name]
    assert entry.read_text() == "{"

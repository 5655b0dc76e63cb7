"""The loop in virtual time: a whole copy, a whole export, a whole import, and its events."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from omicopy.errors import ErrorCode
from omicopy.model.events import CopyFinished, CopyProgress
from omicopy.model.result import Status, exit_code
from tests.support.builders import KEY, MARKER, NAME, NOON, SOURCE_ID, export_request, import_request, raw_manifest
from tests.support.loop_runs import COPY, HOUR, ONE_OF_EACH, copies
from tests.support.virtual_cloud import Cloud, Machine

HANDED = "elsewhere/manifest.json"


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


def test_r3_one_failed_copy_fails_no_other(machine: Machine, cloud: Cloud) -> None:
    requests = copies(cloud, 5)
    cloud.add_image("target", "ami-0000f001", ImageName="copy 3", Description="")
    results = machine.run(*requests)
    failed = [result.status is Status.FAILED for result in results]
    assert failed == [False, False, False, True, False]
    assert exit_code(results) == 4, "the name's own: no other run mends it"

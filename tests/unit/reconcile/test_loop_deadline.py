"""--deadline in virtual time (R5): the loop sends nothing after it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from omicopy.api import RunMode
from omicopy.errors import ErrorCode
from omicopy.model.result import Status, exit_code
from omicopy.state.journal import image_entry
from omicopy.state.locks import Locks
from tests.support.builders import SOURCE, SOURCE_ID, copy_request, export_request
from tests.support.virtual_cloud import Cloud, Machine


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    return cloud


@pytest.fixture
def machine(tmp_path: Path, cloud: Cloud) -> Machine:
    return Machine(tmp_path, cloud)


def test_reads_before_the_loop_count_for_the_deadline(machine: Machine, cloud: Cloud) -> None:
    cloud.time.seconds = 500.0
    mode = RunMode(deadline=timedelta(seconds=600), began=5000.0)
    [result] = machine.run(copy_request(), mode=mode)
    assert result.error is not None
    assert (result.error.code, cloud.time.seconds) == (ErrorCode.OUT_OF_TIME, pytest.approx(600))


def test_without_time_for_the_loop_every_copy_is_listed(machine: Machine, cloud: Cloud) -> None:
    """Nothing is requested."""
    cloud.time.seconds = 600.0
    mode = RunMode(deadline=timedelta(seconds=600), began=5000.0)
    results = machine.run(copy_request(), export_request(), mode=mode)
    assert [result.status for result in results] == [Status.NOT_BEGUN] * 2
    assert exit_code(results) == 6
    assert {result.error.message for result in results if result.error} == {
        "--deadline 10m is over; nothing was read for it yet"
    }
    assert cloud.requests == []
    assert machine.open_entries == []


def test_no_write_is_sent_after_reads_that_hit_the_deadline(machine: Machine, cloud: Cloud) -> None:
    """The export is complete in the very moment in which the time is over: no import begins any more."""
    cloud.export_seconds = 3600.0
    [result] = machine.run(copy_request(), mode=RunMode(deadline=timedelta(hours=1)))
    assert result.status is Status.UNFINISHED
    assert result.error is not None
    assert "--deadline 1h is over; it was exporting (image-export-" in result.error.message
    assert cloud.time.seconds == pytest.approx(3600)
    assert not cloud.sent("CreateImage")
    [result] = machine.run(copy_request())
    assert result.status is Status.COPIED
    assert len(cloud.exports) == 1


def test_a_lock_is_waited_for_no_longer_than_the_deadline(machine: Machine, cloud: Cloud, tmp_path: Path) -> None:
    request = copy_request()
    assert request.target is not None
    other = Locks(tmp_path / "locks", lambda _: None)
    assert other.take(image_entry(request, request.target))
    mode = RunMode(deadline=timedelta(minutes=1))
    [result] = machine.run(request, mode=mode, lock_wait=timedelta(hours=1))
    other.end()
    assert result.status is Status.NOT_BEGUN
    assert result.error is not None
    assert "--deadline 1m is over; it was locked (another run on this machine" in result.error.message
    assert cloud.time.seconds == pytest.approx(60)

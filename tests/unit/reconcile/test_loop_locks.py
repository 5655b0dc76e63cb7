"""The loop and another run on this machine: locks and what they protect."""

from __future__ import annotations

from datetime import timedelta

from omicopy.errors import ErrorCode
from omicopy.model.result import Status
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks
from tests.support.loop_runs import COPY, EXPORT_ENTRY, HOUR, IMAGE_ENTRY
from tests.support.virtual_cloud import Cloud, Machine


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

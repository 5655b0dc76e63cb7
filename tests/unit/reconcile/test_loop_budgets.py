"""The loop's budgets in virtual time (R5): they lose nothing, and nothing else uses them up."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from omicopy.cloud.errors import Cause
from omicopy.errors import ErrorCode
from omicopy.model.request import Budgets
from omicopy.model.result import Status, exit_code
from omicopy.reconcile.apply import RunMode
from omicopy.state.journal import Journal, image_entry
from omicopy.state.locks import Locks
from tests.support.builders import NOON, SOURCE, SOURCE_ID, import_request
from tests.support.loop_runs import COPY, EXPORT_ENTRY, HOUR, IMAGE_ENTRY, ONE_OF_EACH, ended
from tests.support.virtual_cloud import Cloud, Machine, Time, failing


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
    assert request.target is not None
    Journal(machine.state / "journal", machine.events.append).open(image_entry(request, request.target))
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


def test_r5_out_of_time_after_the_first_write_is_unfinished(machine: Machine, cloud: Cloud) -> None:
    [begun] = machine.run(COPY, mode=RunMode(deadline=timedelta(minutes=10)))
    assert (begun.status, begun.error and begun.error.code) == (Status.UNFINISHED, ErrorCode.OUT_OF_TIME)
    assert exit_code([begun]) == 6
    assert "the service continues" in (begun.error.hint if begun.error else "")


def test_r5_out_of_time_before_the_first_write_is_not_begun(machine: Machine, cloud: Cloud) -> None:
    cloud.trouble = failing(cloud.time, Cause.SERVER, "ReadImageExportTasks")
    budgets = Budgets(export=timedelta(minutes=1), retry=timedelta(hours=1))
    [result] = machine.run(COPY, budgets=budgets)
    assert (result.status, exit_code([result])) == (Status.NOT_BEGUN, 6)
    assert "the service continues" not in (result.error.hint if result.error else "")


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


def test_r5_a_lock_never_released_is_waited_for_in_budget(machine: Machine, cloud: Cloud) -> None:
    held = Locks(machine.state / "locks", machine.events.append).take(EXPORT_ENTRY)
    assert held is not None
    [result] = machine.run(COPY, budgets=Budgets(export=timedelta(hours=1)))
    assert result.error is not None
    assert (result.error.exit_code, result.seconds) == (6, pytest.approx(HOUR))
    assert "another run on this machine" in result.error.message
    assert len(cloud.time.slept) < 100


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

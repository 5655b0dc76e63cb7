"""How often the loop reads, in virtual time (R7)."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omicopy.model.request import Target
from omicopy.model.result import Status
from tests.support.builders import A_SOURCE, MARKER, NAME, NOON, SOURCE, TARGET
from tests.support.loop_runs import COPY, HOUR, copies
from tests.support.virtual_cloud import Cloud, Machine


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
        source=replace(A_SOURCE, account=replace(SOURCE, profile="source-alias")),
        target=replace(COPY.target or Target(other, NAME, ""), account=other),
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

"""Fleets in virtual time: `--parallel`, `--deadline`, `--fail-fast`, best effort; who waits, and how the run ends."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from omicopy.cloud.errors import Answer, ServiceError, refused
from omicopy.errors import ErrorCode
from omicopy.model.request import Budgets, CopyRequest, Source, Target
from omicopy.model.result import CopyResult, Status, exit_code
from omicopy.reconcile.apply import RunMode
from tests.support.builders import KEY, SOURCE, TARGET, source_image
from tests.support.virtual_cloud import Cloud, Job, Machine

HOUR = 3600.0
LIMIT = 2


def image_id(index: int) -> str:
    return f"ami-{index + 0x5000:08x}"


def fleet(
    cloud: Cloud, number: int, names: Sequence[str] = ("copy",), parallel: int | None = None, **changed: object
) -> list[CopyRequest]:
    """So many images of the source account, each to be copied under every one of the names."""
    requests = []
    for index in range(number):
        cloud.add_image("source", image_id(index), AccountId=SOURCE.account_id, Description="", ImageName=f"i{index}")
        image = source_image(image_id(index), ImageName=f"i{index}")
        source = Source(SOURCE, image, replace(KEY, image_id=image.image_id))
        for name in names:
            request = CopyRequest(source, Target(TARGET, f"{name} {index}", ""), timedelta(hours=6))
            requests.append(replace(request, parallel=parallel, **changed))
    return requests


def run(cloud: Cloud, requests: Sequence[CopyRequest], **mode: object) -> list[CopyResult]:
    with tempfile.TemporaryDirectory() as state:
        return Machine(Path(state), cloud).run(*requests, mode=RunMode(**mode))  # type: ignore[arg-type]


def most_at_once(jobs: Sequence[Job]) -> int:
    """How many of the jobs were under way together at the worst moment."""
    began = [job for job in jobs if job.begun >= 0]
    return max((sum(one.begun <= job.begun < one.begun + one.takes for one in began) for job in began), default=0)


def per_tick(cloud: Cloud, action: str) -> list[int]:
    """How many such requests every look at the cloud took."""
    return list(Counter(at for at, _, name, _ in cloud.requests if name == action).values())


# ---- never more than may be, and all of it in the end


@settings(max_examples=25)
@given(
    number=st.integers(1, 8),
    names=st.sampled_from([("copy",), ("copy", "more")]),
    bounds=st.tuples(st.integers(1, 5) | st.none(), st.integers(1, 5) | st.none()).filter(any),
    export_seconds=st.floats(1, 900),
    import_seconds=st.floats(1, 900),
    lag=st.sampled_from([0.0, 20.0]),
    done=st.sets(st.integers(0, 7)),
    lost=st.integers(0, 2),
)
def test_parallel_bounds_running_copies_and_all_are_made(
    number: int,
    names: Sequence[str],
    bounds: tuple[int | None, int | None],
    export_seconds: float,
    import_seconds: float,
    lag: float,
    done: set[int],
    lost: int,
) -> None:
    """The bound of the run, where there is one, else the smallest of its requests; some are exported already."""
    of_run, of_requests = bounds
    cloud = Cloud(export_seconds=export_seconds, import_seconds=import_seconds, lag=lag)
    cloud.lost = Counter(CreateImage=lost, CreateImageExportTask=lost)
    requests = fleet(cloud, number, names, of_requests)
    if of_requests:
        requests[-1] = replace(requests[-1], parallel=of_requests + 1)
    for index in done & set(range(number)):
        osu = {"DiskImageFormat": "qcow2", "OsuBucket": KEY.bucket, "OsuPrefix": f"{image_id(index)}/"}
        job = cloud.add_export(f"image-export-{index:08x}", ImageId=image_id(index), OsuExport=osu)
        job.begun = -2 * HOUR
        cloud.put_export(image_id(index), cloud.time.wall + cloud.life_of_urls)
    results = run(cloud, requests, parallel=of_run)
    assert {result.status for result in results} == {Status.COPIED}, [result.error for result in results]
    bound = of_run or of_requests
    assert bound is not None
    assert most_at_once(cloud.exports) <= bound
    assert most_at_once(cloud.images) <= bound
    writes = Counter(job.raw["ImageId"] for job in cloud.exports)
    assert writes == Counter(request.name_suffix for request in requests if request.target.name.startswith("copy"))
    assert len(cloud.sent("CreateImage")) == len(requests)


@pytest.mark.parametrize("exported", [False, True], ids=["to-be-exported", "exported-already"])
def test_copies_that_wait_for_a_slot_read_no_bucket(exported: bool) -> None:
    """R7: a look into the bucket is one an export, so only those look whose turn it is."""
    cloud = Cloud(export_seconds=60, import_seconds=60)
    requests = fleet(cloud, 20, parallel=LIMIT)
    if exported:
        run(cloud, [replace(request, target=None, parallel=None) for request in requests])
        cloud.requests.clear()
    results = run(cloud, requests)
    assert Counter(result.status for result in results) == {Status.COPIED: 20}
    assert max(per_tick(cloud, "ListObjects")) <= 2 * LIMIT
    assert len(cloud.sent("ListObjects")) <= 3 * 20
    assert max(per_tick(cloud, "ReadImages")) <= 3
    assert max(per_tick(cloud, "ReadImageExportTasks")) == 1


def test_images_that_cannot_be_exported_hold_no_slot() -> None:
    cloud = Cloud()
    requests = fleet(cloud, 9, parallel=1)
    for job in cloud.images[:8]:
        job.raw["State"] = job.ends = "failed"
    results = run(cloud, requests, wait=False)
    assert [result.status for result in results] == [Status.FAILED] * 8 + [Status.RUNNING]
    assert {result.error.code for result in results if result.error} == {ErrorCode.NOT_EXPORTABLE}


# ---- how a run of many ends


def never_exported(cloud: Cloud, *indices: int) -> None:
    """The service refuses to export those images."""
    wanted = {image_id(index) for index in indices}

    def trouble(profile: str, action: str) -> ServiceError | None:
        asked = cloud.requests[-1][3].get("ImageId")
        is_meant = action == "CreateImageExportTask" and asked in wanted
        return refused(action, profile, Answer(400, "4000", "Nonsense")) if is_meant else None

    cloud.trouble = trouble


def statuses(results: Sequence[CopyResult]) -> list[str]:
    return [result.status.value for result in results]


def test_without_fail_fast_the_others_are_finished() -> None:
    cloud = Cloud()
    requests = fleet(cloud, 3)
    never_exported(cloud, 0)
    results = run(cloud, requests)
    assert statuses(results) == ["failed", "copied", "copied"]
    assert exit_code(results) == 1, "the refusal's own: no other run mends it"


def test_fail_fast_stops_at_the_first_failure() -> None:
    """The next run continues."""
    cloud = Cloud()
    requests = fleet(cloud, 3)
    never_exported(cloud, 1)
    results = run(cloud, requests, fail_fast=True)
    assert statuses(results) == ["failed"] * 3
    messages = [result.error.message for result in results if result.error]
    assert ["--fail-fast" in message for message in messages] == [True, False, True]
    assert exit_code(results) == 1
    assert cloud.time.seconds == 0, "it waited for something"
    cloud.trouble = lambda _profile, _action: None
    assert statuses(run(cloud, requests)) == ["copied"] * 3
    assert cloud.writes["CreateImageExportTask"] == 3 + 1, "one was refused; the others were taken up"


def test_fail_fast_keeps_finished_copies() -> None:
    cloud = Cloud()
    requests = fleet(cloud, 3, parallel=1)
    never_exported(cloud, 1)
    results = run(cloud, requests[:1]) and run(cloud, requests, fail_fast=True)
    assert statuses(results) == ["present", "failed", "failed"]
    assert exit_code(results) == 1


def test_a_failed_best_effort_copy_changes_no_exit_code() -> None:
    """The other copies are made."""
    cloud = Cloud()
    requests = fleet(cloud, 3)
    requests[0] = replace(requests[0], best_effort=True)
    never_exported(cloud, 0)
    results = run(cloud, requests, fail_fast=True)
    assert statuses(results) == ["failed", "copied", "copied"]
    assert exit_code(results) == 0


@pytest.mark.parametrize(("deadline", "ended"), [(600, ["unfinished", "not-begun"]), (5400, ["copied", "unfinished"])])
def test_the_deadline_bounds_the_whole_run_and_loses_nothing(deadline: int, ended: list[str]) -> None:
    cloud = Cloud(export_seconds=HOUR, import_seconds=600)
    requests = fleet(cloud, 2, parallel=1)
    results = run(cloud, requests, deadline=timedelta(seconds=deadline))
    assert statuses(results) == ended
    assert cloud.time.seconds == pytest.approx(deadline)
    assert {result.error.code for result in results if result.error} == {ErrorCode.OUT_OF_TIME}
    assert exit_code(results) == (3 if "copied" in ended else 6)
    assert set(statuses(run(cloud, requests))) <= {"copied", "present"}
    assert cloud.writes["CreateImageExportTask"] == cloud.writes["CreateImage"] == 2


def test_waiting_for_a_slot_uses_no_export_time() -> None:
    cloud = Cloud(export_seconds=HOUR, import_seconds=HOUR)
    requests = fleet(cloud, 4, parallel=1)
    budgets = Budgets(export=timedelta(hours=1.5), import_=timedelta(hours=1.5))
    results = run(cloud, [replace(request, budgets=budgets) for request in requests])
    assert statuses(results) == ["copied"] * 4
    assert cloud.time.seconds > 4 * HOUR


def test_a_quota_is_met_with_few_refused_creates() -> None:
    """R7: the first refusal teaches the others of the account; the export's budget does not run meanwhile."""
    cloud = Cloud(export_seconds=1800, import_seconds=600, quota=5)
    requests = fleet(cloud, 20)
    budgets = Budgets(export=timedelta(hours=1))
    results = run(cloud, [replace(request, budgets=budgets) for request in requests])
    assert set(statuses(results)) == {"copied"}
    assert cloud.time.seconds < 4 * 1800 + 2 * HOUR
    assert len(cloud.sent("CreateImageExportTask")) < cloud.time.seconds / 60 + 2 * 20, "more than one a minute in vain"
    assert len(cloud.sent("ListObjects")) < 8 * 20
    assert per_tick(cloud, "CreateImageExportTask")[0] == 6


def test_imports_refused_by_a_quota_wait_for_a_slot() -> None:
    """The limit that one of them learned holds for the others."""
    cloud = Cloud(export_seconds=60, import_seconds=1800, import_quota=2)
    cloud.add_image("target", "ami-0000f00d", AccountId=TARGET.account_id, State="pending", ImageName="theirs")
    cloud.images[-1].takes, cloud.images[-1].begun, cloud.images[-1].ends = HOUR, 0.0, "available"
    results = run(cloud, fleet(cloud, 8))
    assert set(statuses(results)) == {"copied"}
    assert most_at_once(cloud.images) == 2
    assert len(cloud.sent("CreateImage")) < cloud.time.seconds / 60 + 2 * 8, "more than one a minute in vain"


def test_a_quota_that_refuses_an_import_while_none_runs_is_final() -> None:
    cloud = Cloud(export_seconds=60, import_quota=0)
    [result] = run(cloud, fleet(cloud, 1))
    assert result.error is not None
    assert result.error.code is ErrorCode.QUOTA
    assert len(cloud.sent("CreateImage")) == 3
    assert cloud.time.seconds < HOUR


def test_a_lagging_quota_is_tried_again_after_the_grace() -> None:
    """The service still counts exports that have ended."""
    cloud = Cloud(export_seconds=60, import_seconds=60)

    def trouble(profile: str, action: str) -> ServiceError | None:
        if action != "CreateImage" or cloud.time.seconds > 90:
            return None
        return refused(action, profile, Answer(400, details="Limit for Image Copies has been reached."))

    cloud.trouble = trouble
    assert set(statuses(run(cloud, fleet(cloud, 2)))) == {"copied"}
    assert cloud.time.seconds < HOUR


def test_a_free_slot_is_taken_at_once() -> None:
    """The message while waiting mentions no other run."""
    cloud = Cloud(export_seconds=600, import_seconds=60, quota=1)
    theirs = {"DiskImageFormat": "qcow2", "OsuBucket": "theirs", "OsuPrefix": "ami-0000f00d/"}
    cloud.add_export("image-export-0000f00d", 600, ImageId="ami-0000f00d", OsuExport=theirs)
    with tempfile.TemporaryDirectory() as state:
        machine = Machine(Path(state), cloud)
        [result] = machine.run(*fleet(cloud, 1))
    assert result.status is Status.COPIED
    assert not [event for event in machine.events if "another run" in str(event)]

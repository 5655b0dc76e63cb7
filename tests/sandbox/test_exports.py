"""Export tasks in the API: who may export what, quotas, cancelling, lists."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import requests

from omicopy.sandbox.model.behaviours import Behaviour, CancelWindow, TaskRetention
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.task_behaviours import ImageIdsFilter, LimitCode
from tests.sandbox.user import FAST
from tests.support.children import PATIENCE


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        ("ami-00000004", "6001"),
        ("ami-00000005", "6001"),
        ("ami-00000011", "8017"),
        ("ami-00000012", "8017"),
        ("ami-00000013", "5023"),
        ("ami-99999999", "5023"),
    ],
)
def test_only_own_available_images_can_be_exported(user, image_id, code) -> None:
    with user.refused() as refused:
        user.start_export(image_id)
    assert refused.code == code


def test_an_unknown_format_is_refused(user) -> None:
    with user.refused() as refused:
        user.start_export("ami-00000001", DiskImageFormat="vmdk")
    assert refused.code == "4047"


@pytest.mark.parametrize(
    ("way", "code", "kind"),
    [
        (LimitCode.KNOWN, "10008", "TooManyResources (QuotaExceded)"),
        (LimitCode.OLDER, "PendingImageLimitExceeded", ""),
        (LimitCode.WORDS, None, None),
    ],
)
def test_an_export_beyond_the_quota_is_refused(user, way, code, kind) -> None:
    user.sandbox.reset(SandboxSettings(exports_in_flight=1, export_seconds=0.1, behaviour=Behaviour(limit_code=way)))
    user.sandbox.scheduler.hold()
    running = user.start_export("ami-00000001")["TaskId"]
    with user.refused() as refused:
        user.start_export("ami-00000002")
    assert (refused.status, refused.code, refused.type) == (400, code, kind)
    assert "Limit for Image Exports has been reached" in refused.details
    user.sandbox.scheduler.resume()
    user.wait(lambda: user.task(running)["State"] == "completed")
    user.start_export("ami-00000002")


def test_a_cancelled_queued_export_writes_nothing(user) -> None:
    clock, later = user.sandbox.scheduler, threading.Event()
    clock.hold()
    task = user.start_export("ami-00000001")
    user.api("source").api("DeleteExportTask", ExportTaskId=task["TaskId"])
    clock.at(clock.now() + 3600, later.set)
    clock.advance(3600)
    assert later.wait(PATIENCE)
    clock.clear()  # waits for what has begun
    assert user.task(task["TaskId"])["State"] == "cancelled"
    assert requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).status_code == 404


@pytest.mark.parametrize(("cancel", "accepted"), [(CancelWindow.QUEUED, False), (CancelWindow.RUNNING, True)])
def test_cancelling_a_running_export(user, cancel, accepted) -> None:
    user.sandbox.reset(SandboxSettings(queued_share=0, behaviour=Behaviour(cancel=cancel)))
    user.sandbox.scheduler.hold()
    task_id = user.start_export("ami-00000001")["TaskId"]
    user.wait(lambda: user.task(task_id)["State"] == "pending")
    if accepted:
        user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
        assert user.task(task_id)["State"] == "cancelled"
        return
    with user.refused() as refused:
        user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
    assert refused.type == "InvalidState"


def test_a_wrong_task_id_is_refused(user) -> None:
    for task_id, code in (("export-12345678", "4104"), ("image-export-x", "4105"), ("image-export-12345678", "5058")):
        with user.refused() as refused:
            user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
        assert (refused.status, refused.code) == (400, code)
    assert user.api("source").api("ReadImageExportTasks", Filters={"TaskIds": ["x"]})["ImageExportTasks"] == []


def test_a_task_of_another_account_is_invisible(user) -> None:
    task_id = user.start_export("ami-00000001")["TaskId"]
    assert user.api("source-other").api("ReadImageExportTasks")["ImageExportTasks"] == []
    with user.refused() as refused:
        user.api("source-other").api("DeleteExportTask", ExportTaskId=task_id)
    assert refused.code == "5058"


def test_task_101_is_on_the_second_page(user) -> None:
    user.sandbox.reset(SandboxSettings(exports_in_flight=0))
    user.sandbox.scheduler.hold()
    made = {user.start_export("ami-00000001")["TaskId"] for _ in range(101)}
    first = user.api("source").api("ReadImageExportTasks", Filters={"ImageIds": ["ami-00000001"]})
    assert len(first["ImageExportTasks"]) == 100
    second = user.api("source").api("ReadImageExportTasks", NextPageToken=first["NextPageToken"])
    assert {task["TaskId"] for page in (first, second) for task in page["ImageExportTasks"]} == made


def test_ended_tasks_disappear_after_a_while(user) -> None:
    user.sandbox.reset(replace(FAST, behaviour=Behaviour(ageing=TaskRetention.AGES_OUT), ended_task_seconds=0.3))
    clock = user.sandbox.scheduler
    clock.hold()
    task = user.start_export("ami-00000001")
    clock.advance(1)
    user.wait(lambda: user.task(task["TaskId"])["State"] == "completed")
    clock.advance(1)
    assert user.api("source").api("ReadImageExportTasks")["ImageExportTasks"] == []
    assert requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).status_code == 200


def test_the_filter_image_ids(user) -> None:
    asked = {"Filters": {"ImageIds": ["ami-00000002"]}}
    for way, found in ((ImageIdsFilter.KEPT, 0), (ImageIdsFilter.IGNORED, 1), (ImageIdsFilter.REFUSED, None)):
        user.set_behaviour(image_ids=way)
        user.start_export("ami-00000001")
        if found is not None:
            assert len(user.api("source").api("ReadImageExportTasks", **asked)["ImageExportTasks"]) == found
            continue
        with user.refused() as refused:
            user.api("source").api("ReadImageExportTasks", **asked)
        assert (refused.status, refused.code) == (400, "4023")

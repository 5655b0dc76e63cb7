"""Export tasks: CreateImageExportTask, ReadImageExportTasks, DeleteExportTask."""

from __future__ import annotations

import re
from collections.abc import Mapping

from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, one_of, read_page
from omicopy.sandbox.api.actions.shapes import task_shape
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.behaviours import CancelWindow, TaskRetention
from omicopy.sandbox.model.region_state import RUNNING, ImageExportTask, OmiState, TaskState
from omicopy.sandbox.model.task_behaviours import ImageIdsFilter

FORMATS = ("qcow2", "raw")
FILTERS: dict[str, Filter[ImageExportTask]] = {
    "TaskIds": one_of(lambda task: task.task_id),
    "ImageIds": one_of(lambda task: task.image_id),
}
TASK_ID = re.compile(r"image-export-[0-9a-f]{8}")


def create_image_export_task(call: ApiCall, request: Request) -> Answer:
    """Queues an export. It is not idempotent: the same request twice creates two tasks."""
    export = request["OsuExport"]
    if export["DiskImageFormat"] not in FORMATS:
        raise ApiError(ApiErrorKind.BAD_VALUE, f"DiskImageFormat must be one of {', '.join(FORMATS)}.")
    with call.region.lock:
        _check_exportable(call, request["ImageId"])
        running = sum(task.state in RUNNING for task in call.own(call.region.tasks))
        limit = call.settings.exports_in_flight
        call.check_limit(ApiErrorKind.EXPORTS_IN_FLIGHT, limit, running, "Image Exports")
        task = call.backend.exports.queue(call.account, request["ImageId"], export)
        return {"ImageExportTask": task_shape(task, call.region.clock(), call.settings.behaviour.task_states)}


def _check_exportable(call: ApiCall, image_id: str) -> None:
    """Raises ApiError unless the caller owns the image and it is available. (A shared or public one must be copied.)"""
    image = call.visible_image(image_id)
    if image.account_id != call.account.account_id:
        raise ApiError(ApiErrorKind.NOT_EXPORTABLE)
    if image.state is not OmiState.AVAILABLE:
        raise ApiError(ApiErrorKind.IMAGE_STATE, f"The image is {image.state}.")


def read_image_export_tasks(call: ApiCall, request: Request) -> Answer:
    """Returns the caller's tasks. Tasks that ended may be missing after a while (`TaskRetention`)."""
    listed = [task for task in call.own(call.region.tasks) if not _aged_out(call, task)]
    filters = _filters(call.settings.behaviour.image_ids)
    shown, rest = read_page(call, request, listed, filters, lambda task: task.task_id)
    states = call.settings.behaviour.task_states
    return {"ImageExportTasks": [task_shape(task, call.now, states) for task in shown], **rest}


def _filters(image_ids: ImageIdsFilter) -> Mapping[str, Filter[ImageExportTask]]:
    if image_ids is ImageIdsFilter.REFUSED:
        return {name: test for name, test in FILTERS.items() if name != "ImageIds"}
    return FILTERS if image_ids is ImageIdsFilter.KEPT else {**FILTERS, "ImageIds": lambda *_: True}


def _aged_out(call: ApiCall, task: ImageExportTask) -> bool:
    ages = call.settings.behaviour.ageing is TaskRetention.AGES_OUT
    return ages and task.ended is not None and call.now > task.ended + call.settings.ended_task_seconds


def delete_export_task(call: ApiCall, request: Request) -> Answer:
    """Cancels a task in an early state, else raises ApiError. The code of that error is a guess."""
    late = (TaskState.QUEUED,) if call.settings.behaviour.cancel is CancelWindow.QUEUED else RUNNING
    if TASK_ID.fullmatch(request["ExportTaskId"]) is None:
        has_prefix = request["ExportTaskId"].startswith("image-export-")
        raise ApiError(ApiErrorKind.MALFORMED_ID if has_prefix else ApiErrorKind.WRONG_ID_PREFIX)
    with call.region.lock:
        task = call.region.tasks.get(request["ExportTaskId"])
        if task is None or task.account_id != call.account.account_id or _aged_out(call, task):
            raise ApiError(ApiErrorKind.NO_SUCH_TASK, f"The ExportTaskId '{request['ExportTaskId']}' doesn't exist.")
        if task.state not in late:
            raise ApiError(ApiErrorKind.STATE, f"The task is {task.state}.")
        call.region.change_task(task.task_id, state=TaskState.CANCELLED, ended=call.region.clock())
    return {}

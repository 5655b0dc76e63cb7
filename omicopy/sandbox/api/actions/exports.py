"""Export tasks: CreateImageExportTask, ReadImageExportTasks, DeleteExportTask."""

from __future__ import annotations

import re
from collections.abc import Mapping

from omicopy.sandbox.api.actions.call import Action, Answer, Call, Request
from omicopy.sandbox.api.actions.lists import Filter, arrange, one_of, page, select
from omicopy.sandbox.api.actions.shapes import task_shape
from omicopy.sandbox.api.errors import ApiError, No, limit_reached
from omicopy.sandbox.model.behaviours import Ageing, Cancel
from omicopy.sandbox.model.region_state import RUNNING, ExportTask, ImageState, TaskState
from omicopy.sandbox.model.task_behaviours import ImageIds

FORMATS = ("qcow2", "raw")
FILTERS: dict[str, Filter[ExportTask]] = {
    "TaskIds": one_of(lambda task: task.task_id),
    "ImageIds": one_of(lambda task: task.image_id),
}
TASK_ID = re.compile(r"image-export-[0-9a-f]{8}")


def create_image_export_task(call: Call, request: Request) -> Answer:
    """Queues an export. There is no idempotency: the same request twice makes two tasks."""
    export = request["OsuExport"]
    if export["DiskImageFormat"] not in FORMATS:
        raise ApiError(No.BAD_VALUE, f"DiskImageFormat must be one of {', '.join(FORMATS)}.")
    with call.world.lock:
        _check_exportable(call, request["ImageId"])
        own = [task for task in call.world.tasks.all() if task.account_id == call.account.account_id]
        running = sum(task.state in RUNNING for task in own)
        limit = call.settings.exports_in_flight
        if 0 < limit <= running:
            raise limit_reached(call.settings.variant, No.EXPORTS_IN_FLIGHT, limit, "Image Exports")
        task = call.work.export(call.account, request["ImageId"], export)
        return {"ImageExportTask": task_shape(task, call.world.clock(), call.settings.variant.task_states)}


def _check_exportable(call: Call, image_id: str) -> None:
    """Only an own, available image: a shared or public one must be copied first (the official file)."""
    image = call.world.images.get(image_id)
    if image is None or not image.may_be_launched_by(call.account.account_id):
        raise ApiError(No.NO_SUCH_IMAGE, f"The ImageId '{image_id}' doesn't exist.")
    if image.account_id != call.account.account_id:
        raise ApiError(No.NOT_EXPORTABLE)
    if image.state is not ImageState.AVAILABLE:
        raise ApiError(No.IMAGE_STATE, f"The image is {image.state}.")


def read_image_export_tasks(call: Call, request: Request) -> Answer:
    """The caller's tasks; those that ended may be gone after a while."""
    own = [task for task in call.world.tasks.all(call.moment) if task.account_id == call.account.account_id]
    listed = [task for task in own if not _aged_out(call, task)]
    filters = _filters(call.settings.variant.image_ids)
    found = arrange(select(listed, request, filters), call.settings.variant.order, lambda task: task.task_id)
    shown, rest = page(found, request)
    states = call.settings.variant.task_states
    return {"ImageExportTasks": [task_shape(task, call.now, states) for task in shown], **rest}


def _filters(image_ids: ImageIds) -> Mapping[str, Filter[ExportTask]]:
    if image_ids is ImageIds.REFUSED:
        return {name: test for name, test in FILTERS.items() if name != "ImageIds"}
    return FILTERS if image_ids is ImageIds.KEPT else {**FILTERS, "ImageIds": lambda *_: True}


def _aged_out(call: Call, task: ExportTask) -> bool:
    ages = call.settings.variant.ageing is Ageing.AGES_OUT
    return ages and task.ended is not None and call.now > task.ended + call.settings.ended_task_seconds


def delete_export_task(call: Call, request: Request) -> Answer:
    """Cancels a task, early enough; later it is refused (the state's code is a guess)."""
    late = (TaskState.QUEUED,) if call.settings.variant.cancel is Cancel.QUEUED else RUNNING
    if TASK_ID.fullmatch(request["ExportTaskId"]) is None:
        has_prefix = request["ExportTaskId"].startswith("image-export-")
        raise ApiError(No.MALFORMED_ID if has_prefix else No.WRONG_ID_PREFIX)
    with call.world.lock:
        task = call.world.tasks.get(request["ExportTaskId"])
        if task is None or task.account_id != call.account.account_id or _aged_out(call, task):
            raise ApiError(No.NO_SUCH_TASK, f"The ExportTaskId '{request['ExportTaskId']}' doesn't exist.")
        if task.state not in late:
            raise ApiError(No.STATE, f"The task is {task.state}.")
        call.world.change_task(task.task_id, state=TaskState.CANCELLED, ended=call.world.clock())
    return {}


ACTIONS: dict[str, Action] = {
    "CreateImageExportTask": create_image_export_task,
    "ReadImageExportTasks": read_image_export_tasks,
    "DeleteExportTask": delete_export_task,
}

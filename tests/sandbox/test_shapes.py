"""The names of the states of export tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omicopy.sandbox.api.actions.shapes import task_shape
from omicopy.sandbox.model.region_state import ImageExportTask, TaskState
from omicopy.sandbox.model.task_behaviours import TaskStateNames


@pytest.mark.parametrize(
    ("states", "called"),
    [
        (TaskStateNames.DOCUMENTED, ["pending/queued", "pending", "pending", "pending", "completed"]),
        (TaskStateNames.NEWER, ["initializing", "preparing", "pending", "uploading", "completed"]),
        (TaskStateNames.SISTERS, ["in-queue", "active", "active", "active", "completed"]),
    ],
)
def test_the_names_of_task_states(states: TaskStateNames, called: list[str]) -> None:
    task = ImageExportTask("t", "1", "ami-1", "raw", "b", "p/", "p/", "p/manifest", TaskState.QUEUED, "", 0.0, 100.0)
    stages = [(TaskState.QUEUED, 0), *((TaskState.PENDING, at) for at in (10, 50, 90)), (TaskState.COMPLETED, 100)]
    shown = [task_shape(replace(task, state=state), at, states)["State"] for state, at in stages]
    assert shown == called

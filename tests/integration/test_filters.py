"""Filters that a Region ignores or refuses: nothing that was not asked for is taken, and nothing is missed."""

from __future__ import annotations

import pytest

from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.task_behaviours import ImageIdsFilter, TaskStateNames


@pytest.mark.parametrize("way", [ImageIdsFilter.REFUSED, ImageIdsFilter.IGNORED])
def test_a_copy_is_made_by_a_service_without_the_new_filter(tool, way: ImageIdsFilter) -> None:
    """And whatever its task is called on its way."""
    states = TaskStateNames.NEWER if way is ImageIdsFilter.REFUSED else TaskStateNames.SISTERS
    tool.again(behaviour=Behaviour(image_ids=way, task_states=states))
    tool.start_export("ami-00000003")
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == 2
    assert tool.copy("golden-linux").copy["status"] == "present"
    task_id = next(task.task_id for task in tool.tasks() if task.image_id == "ami-00000001")
    assert tool.url("ami-00000001").out.startswith("http")
    assert tool.url(task_id).out.startswith("http")

"""Filters that a Region ignores or refuses: no other resource is taken, and none is missed."""

from __future__ import annotations

from typing import Any

import pytest

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused, temporary
from omicopy.cloud.queries import read_images, read_tasks
from tests.support.builders import SOURCE, TARGET
from tests.support.virtual_cloud import Cloud, FakeClients


class Deaf(Cloud):
    """A service that knows no filter at all."""

    def ask(self, profile: str, action: str, parameters: Any) -> dict[str, Any]:
        asked = parameters | {"Filters": {}} if "Filters" in parameters else parameters
        return super().ask(profile, action, asked)


class Older(Cloud):
    """A Region that refuses the new filter."""

    error: ServiceError = refused("ReadImageExportTasks", "source", Answer(400, "4045", "InvalidParameterValue"))

    def ask(self, profile: str, action: str, parameters: Any) -> dict[str, Any]:
        answer = super().ask(profile, action, parameters)
        if action == "ReadImageExportTasks" and "ImageIds" in parameters["Filters"]:
            raise self.error
        return answer


def filled(cloud: Cloud) -> Any:
    for number in (1, 2):
        cloud.add_export(f"image-export-0000000{number}", ImageId=f"ami-0000000{number}")
        cloud.add_image("source", f"ami-0000000{number}", AccountId=(SOURCE, TARGET)[number - 1].account_id)
    return FakeClients(cloud).session(SOURCE.profile)


@pytest.mark.parametrize("cloud", [Cloud, Deaf, Older])
def test_filters_are_applied_to_the_answer_too(cloud: type[Cloud]) -> None:
    session = filled(cloud())
    for filters in ({"ImageIds": ["ami-00000001"]}, {"TaskIds": ["image-export-00000001"]}):
        tasks = read_tasks(session, filters)
        assert [task.task_id for task in tasks] == ["image-export-00000001"]
    assert len(read_tasks(session, {})) == 2
    for filters in ({"ImageIds": ["ami-00000001"]}, {"AccountIds": [SOURCE.account_id]}):
        assert [image.image_id for image in read_images(session, filters)] == ["ami-00000001"]


def test_a_refused_filter_is_not_sent_again() -> None:
    cloud = Older()
    session = filled(cloud)
    for _ in range(3):
        read_tasks(session, {"ImageIds": ["ami-00000001"]})
    asked = [list(parameters["Filters"]) for parameters in cloud.sent("ReadImageExportTasks")]
    assert asked == [["ImageIds"], [], [], []]


@pytest.mark.parametrize(
    "error",
    [
        refused("ReadImageExportTasks", "source", Answer(401, "1", "AccessDenied")),
        refused("ReadImageExportTasks", "source", Answer(400, "4120", "InvalidParameterValue")),
        temporary(Cause.SERVER, "ReadImageExportTasks", "source", "HTTP 500", Answer(500)),
    ],
    ids=str,
)
def test_another_failure_is_not_the_filters_fault(error: ServiceError) -> None:
    cloud = Older()
    cloud.error = error
    session = filled(cloud)
    with pytest.raises(ServiceError) as caught:
        read_tasks(session, {"ImageIds": ["ami-00000001"]})
    assert caught.value is error
    assert len(cloud.sent("ReadImageExportTasks")) == 1

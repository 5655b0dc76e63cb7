"""The two lists that everything hangs on, images and export tasks, read to their last page.

A filter only makes answers shorter: a Region may ignore one that it does not know, so that what it asks for is compared
here again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from http import HTTPStatus

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.errors import ErrorCode
from omicopy.model.export import ExportTask, parse_task
from omicopy.model.image import Image, parse_image
from omicopy.model.request import AccountRef

Filters = Mapping[str, Sequence[str]]
_NEW_FILTER = "ImageIds"
MOST_FILTERED = 500
"""Names or IDs in one request; how many the service takes is not documented."""


def read_images(clients: Clients, profile: str, filters: Filters, patiently: bool = False) -> list[Image]:
    """The images that an account is shown. Raises a ServiceError once the read was repeated in vain: for half a minute
    at most, as a loop looks again anyway, or `patiently` for as long as was asked for."""
    seconds = _seconds(clients, patiently)
    images = clients.api(profile).read_all("ReadImages", "Images", seconds, filters, parse_image)
    ids, owners = _wanted(filters, "ImageIds"), _wanted(filters, "AccountIds")
    return [image for image in images if image.image_id in ids and image.account_id in owners]


def read_own_images(clients: Clients, account: AccountRef, patiently: bool = True) -> list[Image]:
    """The account's own images, likewise."""
    return read_images(clients, account.profile, {"AccountIds": [account.account_id]}, patiently)


def read_tasks(clients: Clients, profile: str, filters: Filters, patiently: bool = False) -> list[ExportTask]:
    """An account's export tasks, likewise. Where the filter `ImageIds`, which is new, is refused, all are read, now and
    for the rest of the run."""
    api, seconds = clients.api(profile), _seconds(clients, patiently)

    def read(asked: Filters) -> list[ExportTask]:
        known = {name: values for name, values in asked.items() if name not in api.refused_filters}
        return api.read_all("ReadImageExportTasks", "ImageExportTasks", seconds, known, parse_task)

    try:
        tasks = read(filters)
    except ServiceError as error:
        if _NEW_FILTER not in filters or _NEW_FILTER in api.refused_filters or not _is_of_request(error):
            raise
        tasks = read({name: values for name, values in filters.items() if name != _NEW_FILTER})
        api.refused_filters.add(_NEW_FILTER)
    ids, image_ids = _wanted(filters, "TaskIds"), _wanted(filters, _NEW_FILTER)
    return [task for task in tasks if task.task_id in ids and task.image_id in image_ids]


def _is_of_request(error: ServiceError) -> bool:
    """Whether the service may have refused what was asked for, and not who asks."""
    is_refused = error.answer is not None and error.answer.status == HTTPStatus.BAD_REQUEST
    return is_refused and error.code in (ErrorCode.FAILED, ErrorCode.NOT_FOUND)


class _Anything:
    def __contains__(self, _: object) -> bool:
        return True


def _wanted(filters: Filters, name: str) -> Container[str]:
    return frozenset(filters[name]) if name in filters else _Anything()


def unless_many(name: str, values: Iterable[str]) -> dict[str, list[str]]:
    """A filter, unless it would be so long that everything of the account is sooner read."""
    wanted: set[str] = set()
    for value in values:
        wanted.add(value)
        if len(wanted) > MOST_FILTERED:
            return {}
    return {name: sorted(wanted)}


def _seconds(clients: Clients, patiently: bool) -> float:
    return clients.retry.total_seconds() if patiently else clients.patience

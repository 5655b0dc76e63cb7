"""The two lists that everything hangs on, images and export tasks, read to their last page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from omicopy.cloud.clients import Clients
from omicopy.model.export import ExportTask, parse_task
from omicopy.model.image import Image, parse_image
from omicopy.model.request import Party

Filters = Mapping[str, Sequence[str]]
MOST_FILTERED = 500
"""Names or IDs in one request; how many the service takes is not documented."""


def read_images(clients: Clients, profile: str, filters: Filters, patiently: bool = False) -> list[Image]:
    """The images that an account is shown. Raises a ServiceError once the read was repeated in vain: for half a minute
    at most, as a loop looks again anyway, or `patiently` for as long as was asked for."""
    return clients.api(profile).read_all("ReadImages", "Images", _seconds(clients, patiently), filters, parse_image)


def read_own_images(clients: Clients, party: Party, patiently: bool = True) -> list[Image]:
    """The account's own images, likewise."""
    images = read_images(clients, party.profile, {"AccountIds": [party.account_id]}, patiently)
    return [image for image in images if image.account_id == party.account_id]


def read_tasks(clients: Clients, profile: str, filters: Filters, patiently: bool = False) -> list[ExportTask]:
    """An account's export tasks, likewise."""
    patience = _seconds(clients, patiently)
    return clients.api(profile).read_all("ReadImageExportTasks", "ImageExportTasks", patience, filters, parse_task)


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

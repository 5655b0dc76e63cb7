"""How each copy of a plan stands: one look at every account that takes part, however many copies there are (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.reads import read_own_images, read_tasks
from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.request import CopyRequest, Origin, Party
from omicopy.status.accounts import attempt
from omicopy.status.entries import CopyEntry, Standing, standing

T = TypeVar("T")
Index = Mapping[str, Sequence[T]]


@dataclass(slots=True)
class PlanView:
    copies: list[CopyEntry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """Of accounts that could not be read. Their copies stand as unknown."""


def look_at_plan(clients: Clients, requests: Sequence[CopyRequest]) -> PlanView:
    """Every copy and how it stands. An account that can't be read hides no other (R3)."""
    sources = list(dict.fromkeys(r.source.party for r in requests if isinstance(r.source, Origin)))
    targets = list(dict.fromkeys(r.destination.party for r in requests if r.destination))
    for party in (*sources, *targets):
        clients.api(party.profile)  # made before the threads start, once
    tasks = _by_party(sources, lambda party: _grouped(_tasks(clients, party), lambda task: task.image_id))
    images = _by_party(targets, lambda party: _grouped(read_own_images(clients, party), lambda image: image.name))
    errors = [found for found in (*tasks.values(), *images.values()) if isinstance(found, OmicopyError)]
    return PlanView([_standing(request, tasks, images) for request in requests], errors)


def _tasks(clients: Clients, party: Party) -> list[ExportTask]:
    return read_tasks(clients, party.profile, {}, patiently=True)


def _standing(
    request: CopyRequest,
    tasks: Mapping[Party, Index[ExportTask] | OmicopyError],
    images: Mapping[Party, Index[Image] | OmicopyError],
) -> CopyEntry:
    origin, destination = request.source, request.destination
    by_image: Index[ExportTask] | OmicopyError = tasks[origin.party] if isinstance(origin, Origin) else {}
    by_name: Index[Image] | OmicopyError = images[destination.party] if destination else {}
    if isinstance(by_name, OmicopyError):
        return CopyEntry(request, Standing.UNKNOWN, reason=by_name.message)
    shown = [image for name in request.names for image in by_name.get(name, ())]
    if isinstance(by_image, OmicopyError):
        entry = standing(request, shown, ())
        return (
            entry if entry.state != Standing.ABSENT else CopyEntry(request, Standing.UNKNOWN, reason=by_image.message)
        )
    image_id = origin.image.image_id if isinstance(origin, Origin) else ""
    return standing(request, shown, by_image.get(image_id, ()))


def _by_party(parties: Sequence[Party], read: Callable[[Party], Index[T]]) -> dict[Party, Index[T] | OmicopyError]:
    return dict(zip(parties, in_parallel(lambda party: attempt(lambda: read(party)), parties), strict=True))


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> Index[T]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups

"""Reads the state of each copy of a plan, with one read per account, however many copies there are (R7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import read_own_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.request import AccountRef, CopyRequest, Source
from omicopy.plans.requests_from_plan import PreparedPlan
from omicopy.status.accounts import attempt
from omicopy.status.entries import CopyEntry, CopyStatus, copy_status
from omicopy.status.report import PlanStatus

T = TypeVar("T")
Index = Mapping[str, Sequence[T]]


def read_plan_status(clients: Clients, prepared: PreparedPlan) -> PlanStatus:
    """Returns every copy and its state. An unreadable account hides no other (R3)."""
    requests = prepared.requests
    sources = list(dict.fromkeys(r.source.account for r in requests if isinstance(r.source, Source)))
    targets = list(dict.fromkeys(r.destination.account for r in requests if r.destination))
    clients.prepare(account.profile for account in (*sources, *targets))
    tasks = _by_account(clients, sources, lambda one: _grouped(read_tasks(one, {}, True), lambda task: task.image_id))
    images = _by_account(clients, targets, lambda one: _grouped(read_own_images(one), lambda image: image.name))
    errors = [found for found in (*tasks.values(), *images.values()) if isinstance(found, OmicopyError)]
    copies = [_copy_entry(request, tasks, images) for request in requests]
    return PlanStatus(copies, prepared.failures, errors, prepared.notes)


def _copy_entry(
    request: CopyRequest,
    tasks: Mapping[AccountRef, Index[ExportTask] | OmicopyError],
    images: Mapping[AccountRef, Index[Image] | OmicopyError],
) -> CopyEntry:
    origin, destination = request.source, request.destination
    by_image: Index[ExportTask] | OmicopyError = tasks[origin.account] if isinstance(origin, Source) else {}
    by_name: Index[Image] | OmicopyError = images[destination.account] if destination else {}
    if isinstance(by_name, OmicopyError):
        return CopyEntry(request, CopyStatus.UNKNOWN, reason=by_name.message)
    shown = [image for name in request.names for image in by_name.get(name, ())]
    if isinstance(by_image, OmicopyError):
        entry = copy_status(request, shown, ())
        return (
            entry
            if entry.state != CopyStatus.ABSENT
            else CopyEntry(request, CopyStatus.UNKNOWN, reason=by_image.message)
        )
    image_id = origin.image.image_id if isinstance(origin, Source) else ""
    return copy_status(request, shown, by_image.get(image_id, ()))


def _by_account(
    clients: Clients, accounts: Sequence[AccountRef], read: Callable[[AccountSession], Index[T]]
) -> dict[AccountRef, Index[T] | OmicopyError]:
    sessions = [clients.session(account.profile) for account in accounts]
    return dict(zip(accounts, in_parallel(lambda session: attempt(lambda: read(session)), sessions), strict=True))


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> Index[T]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups

"""Reads the state of each copy of a plan, with one read per account, however many copies there are (R7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import by_item
from omicopy.cloud.queries import read_own_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import OmicopyError, attempt
from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.request import AccountRef, CopyRequest, Source
from omicopy.plans.requests_from_plan import PreparedPlan
from omicopy.plans.select import grouped
from omicopy.status.entries import CopyEntry, CopyStatus, copy_status
from omicopy.status.report import PlanStatus

T = TypeVar("T")
Index = Mapping[str, Sequence[T]]


def read_plan_status(clients: Clients, prepared: PreparedPlan) -> PlanStatus:
    """Returns every copy and its state. An unreadable account hides no other (R3)."""
    requests = prepared.requests
    sources = list(dict.fromkeys(r.source.account for r in requests if isinstance(r.source, Source)))
    targets = list(dict.fromkeys(r.target.account for r in requests if r.target))
    clients.prepare(account.profile for account in (*sources, *targets))
    tasks = _by_account(clients, sources, lambda one: grouped(read_tasks(one, {}, True), lambda task: task.image_id))
    images = _by_account(clients, targets, lambda one: grouped(read_own_images(one), lambda image: image.name))
    errors = [found for found in (*tasks.values(), *images.values()) if isinstance(found, OmicopyError)]
    copies = [_copy_entry(request, tasks, images) for request in requests]
    return PlanStatus(copies, prepared.failures, errors, prepared.notes)


def _copy_entry(
    request: CopyRequest,
    tasks: Mapping[AccountRef, Index[ExportTask] | OmicopyError],
    images: Mapping[AccountRef, Index[Image] | OmicopyError],
) -> CopyEntry:
    source, target = request.source, request.target
    by_image: Index[ExportTask] | OmicopyError = tasks[source.account] if isinstance(source, Source) else {}
    by_name: Index[Image] | OmicopyError = images[target.account] if target else {}
    if isinstance(by_name, OmicopyError):
        return CopyEntry(request, CopyStatus.UNKNOWN, reason=by_name.message)
    shown = [image for name in request.names for image in by_name.get(name, ())]
    if isinstance(by_image, OmicopyError):
        entry = copy_status(request, shown, ())
        is_known = entry.state != CopyStatus.ABSENT
        return entry if is_known else CopyEntry(request, CopyStatus.UNKNOWN, reason=by_image.message)
    image_id = source.image.image_id if isinstance(source, Source) else ""
    return copy_status(request, shown, by_image.get(image_id, ()))


def _by_account(
    clients: Clients, accounts: Sequence[AccountRef], read: Callable[[AccountSession], Index[T]]
) -> dict[AccountRef, Index[T] | OmicopyError]:
    return by_item(lambda account: attempt(lambda: read(clients.session(account.profile))), accounts)

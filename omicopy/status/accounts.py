"""Reads exports and copies from the cloud alone: no journal, no lock, no write.

Reads are flat (R7): the identity and images of each account, and the export tasks of the source account. Only reading a
bucket costs requests per export; see `exports.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from omicopy.cloud.clients import Clients
from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.queries import read_own_images, read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError, attempt
from omicopy.model.export import ExportTask
from omicopy.model.image import Image, is_image_id
from omicopy.model.request import AccountRef
from omicopy.status.entries import ImageEntry, source_of
from omicopy.status.exports import ExportFilter, export_entries, normalized
from omicopy.status.report import StatusReport


@dataclass(frozen=True, slots=True)
class _AccountContents:
    """What was read of an account: its identity, its own images and, for a source, its export tasks."""

    account: AccountRef
    images: tuple[Image, ...]
    tasks: tuple[ExportTask, ...] = ()


def read_status(
    clients: Clients, source: str, targets: Sequence[str], wanted: ExportFilter, now: datetime
) -> StatusReport:
    """Returns the source account's exports and the targets' copies. An unreadable account hides no other (R3)."""
    wanted = normalized(wanted)
    clients.prepare((source, *targets))
    home, *others = in_parallel(
        lambda place: attempt(lambda: _account(clients.session(place[1]), wanted if place[0] == 0 else None)),
        list(enumerate([source, *targets])),
    )
    view = StatusReport(errors=[one for one in (home, *others) if isinstance(one, OmicopyError)])
    contents = home if isinstance(home, _AccountContents) else None
    ids = _image_ids(contents, wanted)
    region = clients.accounts[source].region
    for account in others:
        if isinstance(account, _AccountContents):
            view.images += _copies(account, ids, region)
    if contents:
        shown = export_entries(clients.session(source), contents.images, contents.tasks, wanted, ids or set(), now)
        view.exports, view.left_out = shown.exports, shown.left_out
        view.errors += shown.errors
        if not view.errors:  # else an unreadable account may contain the missing name
            view.errors += _not_found(contents, view, wanted)
    return view


def _account(session: AccountSession, wanted: ExportFilter | None) -> _AccountContents:
    """Reads an account. `wanted` is given for the source account, whose tasks are read, too. Raises ServiceError."""
    account = session.ref
    images = tuple(read_own_images(session))
    if wanted is None:
        return _AccountContents(account, images)
    named = _named(images, wanted)
    filters: dict[str, Sequence[str]] = {}
    if wanted.names and not wanted.image_names:
        filters = {"TaskIds": sorted(wanted.task_ids)}
    elif wanted.names and not wanted.task_ids:
        filters = {"ImageIds": sorted(named)}
    if "ImageIds" in filters and not named:
        return _AccountContents(account, images)
    tasks = read_tasks(session, filters, patiently=True)
    return _AccountContents(account, images, tuple(task for task in tasks if _is_wanted(task, named, wanted)))


def _named(images: Sequence[Image], wanted: ExportFilter) -> set[str]:
    """Returns the IDs of the named images. A name that looks like an ID counts even if that image is deleted."""
    asked = set(wanted.image_names)
    return {text for text in asked if is_image_id(text)} | {i.image_id for i in images if i.name in asked}


def _is_wanted(task: ExportTask, named: set[str], wanted: ExportFilter) -> bool:
    return not wanted.names or task.task_id in wanted.task_ids or task.image_id in named


def _image_ids(contents: _AccountContents | None, wanted: ExportFilter) -> set[str] | None:
    """Returns the source images whose copies are wanted, None for all."""
    if not wanted.names:
        return None
    images, tasks = (contents.images, contents.tasks) if contents else ((), ())
    return _named(images, wanted) | {task.image_id for task in tasks if task.task_id in wanted.task_ids}


def _copies(account: _AccountContents, ids: set[str] | None, region: str) -> Iterator[ImageEntry]:
    for image in account.images:
        source = source_of(image)
        if source and (ids is None or (source.image_id in ids and source.region == region)):
            yield ImageEntry(account.account, image, source)


def _not_found(contents: _AccountContents, view: StatusReport, wanted: ExportFilter) -> Iterator[OmicopyError]:
    """Yields NOT_FOUND for each wanted name that no read returned."""
    known = {text for task in contents.tasks for text in (task.task_id, task.image_id)}
    known |= {text for image in contents.images for text in (image.image_id, image.name)}
    known |= {entry.source.image_id for entry in view.images if entry.source.image_id}
    known |= {entry.key.image_id for entry in view.exports}
    for text in dict.fromkeys(wanted.names):
        if text not in known:
            what = "export" if text in wanted.task_ids else "image"
            hint = "Check the ID. The service may no longer list old exports." if what == "export" else _NO_IMAGE
            yield OmicopyError(ErrorCode.NOT_FOUND, f"There is no {what} {text!r} in {contents.account}", hint)


_NO_IMAGE = (
    "Give the ID (ami-…) or the exact name of an image of this account, or an export task's ID (image-export-…)."
)

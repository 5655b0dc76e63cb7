"""The lines of `status`: one export, image or copy each, in nine columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from omicopy.cli.console import safe
from omicopy.model.export import ExportTask
from omicopy.model.request import Source
from omicopy.model.result import rfc3339
from omicopy.status.entries import CopyEntry, ExportEntry, ImageEntry, ManifestState

_COLUMNS = ("Kind", "ID", "State", "Progress", "Name", "Where", "Until", "Source", "Note")
_NOTHING = "-"

Row = tuple[str, ...]
"""A cell a column; an empty one says nothing."""


def print_rows(rows: Sequence[Row]) -> None:
    """At a terminal as a table, in a pipe with tabs between; a dash stands where there is nothing."""
    tidy = [[safe(cell or _NOTHING) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in tidy:
            print("\t".join(row))  # noqa: T201
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for row in tidy:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def export_row(entry: ExportEntry) -> Row:
    task, found = entry.task, entry.found
    notes = [] if entry.is_ours or task is None else ["not ours"]
    notes += [text for text in (entry.comment, found.reason if found else "") if text]
    return (
        "export",
        task.task_id if task else "",
        entry.state,
        _percent(task),
        entry.image_name or "",
        str(entry.key.folder),
        _until(entry),
        entry.key.image_id,
        "; ".join(notes),
    )


def _until(entry: ExportEntry) -> str:
    if entry.is_cleaned_up:
        return "cleaned-up"
    if entry.found is None:
        return ""
    if entry.found.shape is ManifestState.ALIVE:
        return rfc3339(entry.found.expires_at) or "unknown"
    return entry.found.shape.value


def image_row(entry: ImageEntry) -> Row:
    image = entry.image
    return (
        "image",
        image.image_id,
        image.state,
        "",
        image.name,
        entry.target.profile,
        "",
        str(entry.source),
        entry.reason,
    )


def copy_row(entry: CopyEntry) -> Row:
    request, destination = entry.request, entry.request.destination
    source = request.source
    name = (entry.image.name if entry.image else destination.name) if destination else ""
    return (
        "copy",
        entry.image.image_id if entry.image else entry.task.task_id if entry.task else "",
        str(entry.state),
        _percent(entry.task),
        name,
        destination.account.profile if destination else "",
        "",
        f"{source.account.region}/{source.image.image_id}" if isinstance(source, Source) else "",
        entry.reason,
    )


def _percent(task: ExportTask | None) -> str:
    return "" if task is None or task.progress is None else str(task.progress)

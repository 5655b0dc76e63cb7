"""`omicopy status`: shows exports and copies, read from the cloud alone."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info, print_error, warn
from omicopy.cli.declare_options import checked, option, twin
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import print_result
from omicopy.cli.tables import Table
from omicopy.model.export import ExportTask
from omicopy.model.request import Source
from omicopy.model.result import SCHEMA, describe_error, rfc3339
from omicopy.model.text import check_text
from omicopy.status.entries import (
    CopyEntry,
    ExportEntry,
    ImageEntry,
    ManifestState,
    describe_copy,
    describe_export,
    describe_image,
)
from omicopy.status.report import PlanStatus, StatusReport

_COLUMNS = ("Kind", "ID", "State", "Progress", "Name", "Where", "Until", "Source", "Note")
Row = tuple[str, ...]
_NAMES = typer.Argument(
    metavar="IMAGE|TASK|PLAN",
    envvar=twin("image"),
    callback=checked(check_text),
    help="Images (ID or exact name) and export tasks (image-export-…) of the source account, else all; or one "
    "plan, a file called ….yaml or ….yml.",
)
Names = Annotated[list[str] | None, _NAMES]
Deep = Annotated[bool, option("--deep", "Read the bucket of every complete export.")]


def status(
    *,
    names: Names = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    deep: Deep = False,
    connection: groups.Connecting,
    printing: groups.ResultPrinting,
) -> None:
    """Show exports and copies, or how each copy of a plan stands.

    Only reads. In a pipe, prints one line per entry, separated by tabs: KIND (export, image or copy), ID, STATE,
    PROGRESS in percent, NAME, WHERE, UNTIL, SOURCE, NOTE; a dash for an empty field. STATE is the service's own word.
    For a planned copy without an image it is exporting, exported, absent, name-taken or unknown.

    UNTIL is when the first URL in an export's manifest expires, or expired, refused, damaged, missing, unreadable or
    cleaned-up. It is read from the bucket if you name images or tasks, for at most 50 exports; with --deep, for all.
    --bucket and --prefix show only the exports there, and also exports of named images whose task is no longer listed.
    A plan has its own profiles and buckets.
    """
    print_status(
        api.status(
            names or (),
            source=source,
            targets=targets or (),
            bucket=bucket,
            prefix=prefix,
            deep=deep,
            storage=storage,
            connection=connection.options(),
        ),
        printing.output,
    )


def print_status(report: StatusReport | PlanStatus, output: OutputForm) -> None:
    """Prints the report, and each error once. Raises `typer.Exit` with the errors' exit code."""
    print_result(output, Table(_COLUMNS, _rows(report)), lambda: _describe(report))
    if isinstance(report, PlanStatus):
        for note in report.notes:
            info(note)
    elif report.left_out:
        warn(f"{report.left_out} more complete exports were not looked for in the bucket; --deep looks for all.")
    for error in {error.message: error for error in report.errors}.values():
        print_error(error)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _describe(report: StatusReport | PlanStatus) -> dict[str, Any]:
    if isinstance(report, PlanStatus):
        entries = {"copies": [describe_copy(entry) for entry in report.copies]}
    else:
        exports, images = map(describe_export, report.exports), map(describe_image, report.images)
        entries = {"exports": list(exports), "images": list(images)}
    return {"schema": SCHEMA, **entries, "errors": [describe_error(error) for error in report.errors]}


def _rows(report: StatusReport | PlanStatus) -> list[Row]:
    if isinstance(report, PlanStatus):
        return [copy_row(entry) for entry in report.copies]
    return [*map(export_row, report.exports), *map(image_row, report.images)]


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
    if entry.found.manifest_state is ManifestState.ALIVE:
        return rfc3339(entry.found.expires_at) or "unknown"
    return entry.found.manifest_state.value


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
    request, target = entry.request, entry.request.target
    source = request.source
    name = (entry.image.name if entry.image else target.name) if target else ""
    return (
        "copy",
        entry.image.image_id if entry.image else entry.task.task_id if entry.task else "",
        str(entry.state),
        _percent(entry.task),
        name,
        target.account.profile if target else "",
        "",
        f"{source.account.region}/{source.image.image_id}" if isinstance(source, Source) else "",
        entry.reason,
    )


def _percent(task: ExportTask | None) -> str:
    return "" if task is None or task.progress is None else str(task.progress)

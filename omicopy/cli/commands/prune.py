"""`omicopy prune`: retention for our copies and exports. Without --yes, it only shows what it would delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info, print_error, warn
from omicopy.cli.declare_options import duration, option
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import print_result
from omicopy.cli.tables import Table
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.result import SCHEMA, rfc3339
from omicopy.model.units import AGE, parse_duration
from omicopy.prune.entries import Action, Entry, PruneReport, describe_entry

_COLUMNS = ("Action", "What", "ID", "Name", "Source's date", "Why", "Where")
Plan = Annotated[str | None, typer.Argument(metavar="PLAN.yaml", help="A plan file, whose jobs define what to keep.")]
KeepLast = Annotated[
    int | None, option("--keep-last", "Keep the newest N of each group.", metavar="N", min=1, max=options.MOST)
]
KeepWithin = Annotated[
    str | None,
    duration("--keep-within", "Keep all whose source image is younger than this, in days and hours: 30d.", AGE.read),
]
Yes = Annotated[bool, option("--yes", "Delete; without this, only show what would be deleted.", short="-y")]


def prune(
    *,
    context: typer.Context,
    plan: Plan = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    keep_last: KeepLast = None,
    keep_within: KeepWithin = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    yes: Yes = False,
    grace: options.Grace = "60s",
    connection: groups.Connecting,
    printing: groups.ResultPrinting,
) -> None:
    """Show which old copies and exports to delete; --yes deletes them.

    With a plan, prune applies to the copies and exports of each job that has a retention, if an entry of the job
    matches them. Without a plan, it applies to the targets' copies of the source account's images and, with --bucket,
    to the exports there. Images are grouped by name without digits, per target, and ordered by the creation date of
    their source image. What either rule keeps is kept.

    Never deleted: the latest one of each group, what a plan still asks for, what omicopy did not make, what is
    incomplete or differs from its source, an export whose handed-out URL still works. Snapshots that an interrupted
    deletion left are deleted, too.

    In a pipe one line each, with tabs between: keep or delete (with --yes also deleted, gone or failed), image, export
    or snapshot, ID, name, the source's date, why, and where.
    """
    if plan is not None:
        _check_plan_alone(context)
    print_report(
        lambda: api.prune(
            plan,
            source=source,
            targets=targets or (),
            bucket=bucket,
            prefix=prefix,
            storage=storage,
            keep_last=keep_last,
            keep_within=keep_within,
            delete=yes,
            grace=parse_duration(grace),
            connection=connection.options(),
            tell=info,
        ),
        printing.output,
        is_preview=not yes,
    )


def _check_plan_alone(context: typer.Context) -> None:
    """Raises USAGE if options repeat what the plan defines. Environment variables are ignored: other commands use
    them."""
    words = {"source": "--from", "targets": "--to", "keep_last": "--keep-last", "keep_within": "--keep-within"}
    words |= {"bucket": "--bucket", "prefix": "--prefix", "storage": "--storage"}
    given = {name: context.get_parameter_source(name) for name in words}
    typed = [words[name] for name, where in given.items() if where is not None and where.name == "COMMANDLINE"]
    if typed:
        hint = f"Leave out {', '.join(typed)}."
        raise OmicopyError(ErrorCode.USAGE, "A plan defines its own accounts and retention", hint)


def print_report(work: Callable[[], PruneReport], output: OutputForm, is_preview: bool) -> NoReturn:
    """Does the work and prints every entry, even if interrupted. Raises `typer.Exit` with the exit code, or
    Interrupted."""
    try:
        report = work()
    except Interrupted as interruption:
        _print_entries([entry for entry in interruption.results if isinstance(entry, Entry)], output)
        raise
    _print_entries(report.entries, output)
    for note in report.notes:
        warn(note)
    for error in [*report.errors, *(entry.error for entry in report.entries if entry.error)]:
        print_error(error)
    if is_preview and any(entry.action is Action.DELETE for entry in report.entries):
        info("Nothing was deleted. To delete, run the same command with --yes.")
    raise typer.Exit(report.exit_code)


def _print_entries(entries: Sequence[Entry], output: OutputForm) -> None:
    described = {"schema": SCHEMA, "pruned": [describe_entry(entry) for entry in entries]}
    print_result(output, Table(_COLUMNS, [_row(entry) for entry in entries]), lambda: described)


def _row(entry: Entry) -> tuple[str, ...]:
    return entry.action, entry.kind, entry.id, entry.name, rfc3339(entry.created) or "", entry.why, entry.where

"""`omicopy prune`: retention for copies and exports of ours. Shows first, and deletes only when told to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import options
from omicopy.cli.declare_options import duration
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.units import AGE

if TYPE_CHECKING:
    from omicopy.cloud.clients import Clients
    from omicopy.cloud.profiles.storage_key import StorageByProfile
    from omicopy.plans.model import Retention
    from omicopy.prune.entries import Entry
    from omicopy.prune.plan_deletions import DeletionPlan

    Connect = Callable[[Sequence[str], StorageByProfile], Clients]

_COLUMNS = ("Action", "What", "ID", "Name", "Source's date", "Why", "Where")


def prune(
    context: typer.Context,
    plan: Annotated[
        str | None, typer.Argument(metavar="PLAN.yaml", help="A plan's file, whose jobs say what they keep.")
    ] = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    keep_last: Annotated[
        int | None,
        typer.Option(
            "--keep-last",
            metavar="N",
            min=1,
            max=options.MOST,
            envvar="OMICOPY_KEEP_LAST",
            help="Keep so many of each kind of image.",
        ),
    ] = None,
    keep_within: Annotated[
        str | None,
        duration(
            "--keep-within", "Keep what comes from images created within this time, in days and hours: 30d.", AGE.read
        ),
    ] = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", envvar="OMICOPY_YES", help="Delete it; without this it is only shown.")
    ] = False,
    grace: options.Grace = "60s",
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    output: options.Output = OutputForm.TABLE,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Show which old copies and exports to delete; --yes deletes them.

    With a plan: of each job that has a retention the copies and exports that it made and that one of its entries could
    mean. Else the copies that the targets have of the source account's images and, where --bucket is given, the exports
    there. Counted together are, in each target, those of one kind of image: whose names are alike without their digits.
    What counts is when the source image was created; what either rule keeps is kept. Never deleted: the latest one of
    each kind, what a plan still asks for, what others made, what is not whole or not as its source is, an export that
    was handed out and still works. Snapshots that an interrupted deletion left behind go, too.

    In a pipe one line each, with tabs between: keep or delete (with --yes also deleted, gone or failed), image, export
    or snapshot, ID, name, the source's date, why, and where.
    """
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure, info, print_error, warn
    from omicopy.deletion.cleaner import CleanupOptions
    from omicopy.deletion.importers import ActiveImports
    from omicopy.model.units import parse_duration
    from omicopy.prune.apply import prune as delete
    from omicopy.prune.entries import Action, Entry, exit_code
    from omicopy.reconcile.run import state_folder
    from omicopy.state.journal import Journal
    from omicopy.state.locks import Locks

    configure(log_format, verbose)
    now = datetime.now(UTC)
    patience, pause = parse_duration(retry), parse_duration(grace)

    def settle() -> None:
        info(f"Deleting the exported objects in {grace}, unless they turn out to be needed")
        time.sleep(pause.total_seconds())

    def connect(profiles: Sequence[str], storage: StorageByProfile) -> Clients:
        return clients_for(profiles, patience, http_timeout, ca_bundle, storage=storage)

    def silent(_: object) -> None:
        pass

    if plan is not None:
        _check_plan_alone(context)
        clients, survey = _survey_plan(plan, connect, now)
    else:
        asked = _Asked(source, storage, targets or (), keep_last, keep_within, bucket, prefix)
        clients, survey = _survey_accounts(asked, connect, now)
    entries = survey.entries
    if yes:
        journal, locks = Journal(state_folder() / "journal", silent), Locks(state_folder() / "locks", silent)
        importers = ActiveImports(clients, journal, locks, survey.accounts, pause)
        prune_options = CleanupOptions(now, settle, importers.keep)
        try:
            entries = delete(clients, entries, warn, prune_options)
        except Interrupted as interruption:
            _print([entry for entry in interruption.results if isinstance(entry, Entry)], output)
            raise
    _print(entries, output)
    for note in survey.notes:
        warn(note)
    for error in [*survey.errors, *(entry.error for entry in entries if entry.error)]:
        print_error(error)
    if not yes and any(entry.action is Action.DELETE for entry in entries):
        info("Nothing was deleted; with --yes it is.")
    raise typer.Exit(exit_code(entries, survey.errors))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What stands in the place of a plan."""

    source: str | None
    storage: str | None
    targets: Sequence[str]
    keep_last: int | None
    keep_within: str | None
    bucket: str | None
    prefix: str


def _survey_plan(plan: str, connect: Connect, now: datetime) -> tuple[Clients, DeletionPlan]:
    from omicopy import api
    from omicopy.cli.console import info
    from omicopy.prune.plan_deletions import plan_job_deletions

    loaded = api.load_plan(plan)
    if not any(job.retention for job in loaded.jobs):
        info(f"No job of {plan} has a retention: all is kept.")
    clients = connect(loaded.profiles, loaded.storage)
    return clients, plan_job_deletions(clients, loaded, now)


def _survey_accounts(asked: _Asked, connect: Connect, now: datetime) -> tuple[Clients, DeletionPlan]:
    from omicopy.cloud.queries import identify
    from omicopy.model.s3_location import check_bucket, check_prefix
    from omicopy.prune.ownership import Scope
    from omicopy.prune.plan_deletions import plan_account_deletions

    if not asked.source or not (asked.targets or asked.bucket):
        hint = "Name a plan, or --from and --to, or --from and --bucket."
        raise OmicopyError(ErrorCode.USAGE, "There is nothing to look at", hint)
    retention = _retention(asked.keep_last, asked.keep_within)
    bucket = check_bucket(asked.bucket) if asked.bucket else None
    targets = list(dict.fromkeys(asked.targets))
    clients = connect([asked.source, *targets], {asked.source: asked.storage})
    scope = Scope(identify(clients, asked.source), retention, bucket=bucket, prefix=check_prefix(asked.prefix))
    return clients, plan_account_deletions(clients, scope, targets, now)


def _retention(keep_last: int | None, keep_within: str | None) -> Retention:
    from omicopy.plans.model import Retention

    if keep_last is None and keep_within is None:
        raise OmicopyError(ErrorCode.USAGE, "No rule says what is kept", "Give --keep-last, --keep-within or both.")
    return Retention(keep_last, AGE.read(keep_within) if keep_within else None)


def _check_plan_alone(context: typer.Context) -> None:
    """Raises USAGE for a plan beside what it says itself. What the environment says is for whatever command it fits."""
    words = {"source": "--from", "targets": "--to", "keep_last": "--keep-last", "keep_within": "--keep-within"}
    words |= {"bucket": "--bucket", "prefix": "--prefix", "storage": "--storage"}
    given = {name: context.get_parameter_source(name) for name in words}
    typed = [words[name] for name, where in given.items() if where is not None and where.name == "COMMANDLINE"]
    if typed:
        raise OmicopyError(ErrorCode.USAGE, "A plan says itself what is kept where", f"Leave out {', '.join(typed)}.")


def _print(entries: Sequence[Entry], output: OutputForm) -> None:
    from omicopy.cli.output import print_object
    from omicopy.model.result import SCHEMA
    from omicopy.prune.entries import describe_entry

    if output is OutputForm.TABLE:
        _print_rows([_row(entry) for entry in entries])
        return
    print_object({"schema": SCHEMA, "pruned": [describe_entry(entry) for entry in entries]}, output)


def _row(entry: Entry) -> tuple[str, ...]:
    from omicopy.cli.console import safe
    from omicopy.model.result import rfc3339

    cells = (entry.action, entry.kind, entry.id, entry.name, rfc3339(entry.created), entry.why, entry.where)
    return tuple(safe(cell or "-") for cell in cells)


def _print_rows(rows: Sequence[tuple[str, ...]]) -> None:
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))  # noqa: T201
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)

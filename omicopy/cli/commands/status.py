"""`omicopy status`: what is running and what is there, from the cloud alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.errors import ErrorCode, OmicopyError, shared_exit_code
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from omicopy.status.exports import ExportFilter


def status(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE|TASK|PLAN",
            envvar="OMICOPY_IMAGE",
            callback=checked(check_text),
            help="Images (ID or exact name) and export tasks (image-export-…) of the source account, else all; or one "
            "plan, a file called ….yaml or ….yml.",
        ),
    ] = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    deep: Annotated[
        bool,
        typer.Option("--deep", envvar="OMICOPY_DEEP", help="Look into the bucket of every export that is complete."),
    ] = False,
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    output: options.Output = OutputForm.TABLE,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Show exports and copies, or how each copy of a plan stands.

    Reads only. In a pipe one line each, with tabs between: KIND (export, image or copy), ID, STATE, PROGRESS in
    percent, NAME, WHERE, UNTIL, SOURCE, NOTE; a dash where there is nothing to say. STATE is the service's own word; of
    a copy that a plan asks for and that is not there: exporting, exported, absent, name-taken or unknown.

    UNTIL is when the first URL inside an export's manifest ends, or expired, refused, damaged, missing, unreadable or
    cleaned-up. For that, the bucket is looked into where images or tasks are named, for 50 exports at most; with --deep
    for all. --bucket and --prefix show the exports there alone, and of the images named also those in the bucket
    whose task is not listed any more. A plan brings its own profiles and buckets along.
    """
    from omicopy.cli.console import configure
    from omicopy.model.units import parse_duration
    from omicopy.status.exports import ExportFilter

    configure(log_format, verbose)
    network = ConnectionOptions(parse_duration(retry), http_timeout, ca_bundle, storage)
    if _is_plan(names or (), source):
        _show_plan((names or [""])[0], output, network)
        return
    if source is None:
        hint = "Name its profile with --from PROFILE, or give a plan: omicopy status PLAN.yaml"
        raise OmicopyError(ErrorCode.USAGE, "Nobody said which account to look at", hint)
    wanted = ExportFilter(tuple(names or ()), bucket or None, prefix or None, deep)
    _show_account(source, list(dict.fromkeys(targets or ())), wanted, output, network)


def _is_plan(names: Sequence[str], source: str | None) -> bool:
    """By its name; where no account was named any file will do. Raises USAGE for a plan among other things."""
    plans = [n for n in names if n.endswith((".yaml", ".yml")) or (source is None and (n == "-" or Path(n).is_file()))]
    if plans and len(names) > 1:
        message = f"{plans[0]} is a plan, and more was named beside it"
        raise OmicopyError(ErrorCode.USAGE, message, "Name the plan alone.")
    return bool(plans)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How patient the reads are, and whose certificates they trust."""

    retry: timedelta
    http_timeout: str
    ca_bundle: str | None
    storage: str | None
    """Whose key opens the source's object storage; a plan says that itself."""


def _show_account(
    source: str, targets: Sequence[str], wanted: ExportFilter, output: OutputForm, network: ConnectionOptions
) -> None:
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import warn
    from omicopy.cli.status_rows import export_row, image_row, print_rows
    from omicopy.status.accounts import read_status
    from omicopy.status.entries import describe_export, describe_image

    clients = clients_for(
        [source, *targets], network.retry, network.http_timeout, network.ca_bundle, storage={source: network.storage}
    )
    view = read_status(clients, source, targets, wanted, datetime.now(UTC))
    if output is OutputForm.TABLE:
        print_rows([*map(export_row, view.exports), *map(image_row, view.images)])
    else:
        exports, images = map(describe_export, view.exports), map(describe_image, view.images)
        _print_json({"exports": list(exports), "images": list(images)}, view.errors, output)
    if view.left_out:
        warn(f"{view.left_out} more complete exports were not looked for in the bucket; --deep looks for all.")
    _end(view.errors, view.errors)


def _show_plan(file: str, output: OutputForm, network: ConnectionOptions) -> None:
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import info
    from omicopy.cli.status_rows import copy_row, print_rows
    from omicopy.manifests.read_input import read_plan_text
    from omicopy.model.request import Budgets
    from omicopy.plans.model import parse_plan
    from omicopy.plans.requests_from_plan import plan_requests
    from omicopy.status.entries import describe_copy
    from omicopy.status.plan import read_plan_status

    plan = parse_plan(read_plan_text(file), file, os.environ)
    clients = clients_for(plan.profiles, network.retry, network.http_timeout, network.ca_bundle, storage=plan.storage)
    prepared = plan_requests(clients, plan, Budgets())
    view = read_plan_status(clients, prepared.requests)
    errors = [*(failure.error for failure in prepared.failures), *view.errors]
    if output is OutputForm.TABLE:
        print_rows([copy_row(entry) for entry in view.copies])
    else:
        _print_json({"copies": [describe_copy(entry) for entry in view.copies]}, errors, output)
    for note in prepared.notes:
        info(note)
    _end(errors, [*(failure.error for failure in prepared.failures if not failure.best_effort), *view.errors])


def _end(errors: Sequence[OmicopyError], that_count: Sequence[OmicopyError]) -> None:
    """Says each error once, and ends with the exit code of those that count."""
    from omicopy.cli.console import print_error

    for error in {error.message: error for error in errors}.values():
        print_error(error)
    if that_count:
        raise typer.Exit(shared_exit_code(that_count))


def _print_json(parts: dict[str, Any], errors: Sequence[OmicopyError], output: OutputForm) -> None:
    from omicopy.cli.output import print_object
    from omicopy.model.result import SCHEMA, describe_error

    whole = {"schema": SCHEMA, **parts, "errors": [describe_error(error) for error in errors]}
    print_object(whole, output)

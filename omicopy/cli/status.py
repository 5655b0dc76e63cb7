"""`omicopy status`: what is running and what is there, from the cloud alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omicopy.cli import options
from omicopy.cli.options import LogFormat, OutputForm
from omicopy.errors import ErrorCode, OmicopyError, shared_exit_code

if TYPE_CHECKING:
    from omicopy.copying.overview_exports import Wanted


def register(app: typer.Typer) -> None:
    app.command()(status)


def status(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE|TASK",
            envvar="OMICOPY_IMAGE",
            help="Images (ID or exact name) and export tasks (image-export-…) of the source account, else all.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="PROFILE", envvar="OMICOPY_FROM", help="The source account's profile."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="PROFILE", envvar="OMICOPY_TO", help="The target account's profile; may be repeated."
        ),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="NAME", envvar="OMICOPY_BUCKET", help="The source account's bucket."),
    ] = None,
    prefix: options.Prefix = "",
    deep: Annotated[
        bool,
        typer.Option("--deep", envvar="OMICOPY_DEEP", help="Look into the bucket of every export that is complete."),
    ] = False,
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    output: options.Output = OutputForm.TABLE,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Show which exports run or are there, and which copies the targets have.

    Reads only. In a pipe one line each, with tabs between: KIND (export or image), ID, STATE, PROGRESS in
    percent, NAME, WHERE, UNTIL, SOURCE, NOTE; a dash where there is nothing to say. STATE is the service's own word.

    UNTIL is when the first URL inside an export's manifest ends, or expired, refused, damaged, missing, unreadable or
    cleaned-up. For that, the bucket is looked into where images or tasks are named, for 50 exports at most; with --deep
    for all. --bucket and --prefix show the exports there alone, and of the images named also those in the bucket
    whose task is not listed any more.
    """
    from omicopy.cli.talk import speak
    from omicopy.copying.overview_exports import Wanted
    from omicopy.model.duration import parse_duration

    speak(log_format, verbose)
    if source is None:
        hint = "Name its profile with --from PROFILE."
        raise OmicopyError(ErrorCode.USAGE, "Nobody said which account to look at", hint)
    wanted = Wanted(tuple(names or ()), bucket or None, prefix or None, deep)
    _show_account(
        source, list(dict.fromkeys(targets or ())), wanted, output, Network(parse_duration(retry), http_timeout)
    )


@dataclass(frozen=True, slots=True)
class Network:
    """How patient the reads are."""

    retry: timedelta
    http_timeout: str


def _show_account(source: str, targets: Sequence[str], wanted: Wanted, output: OutputForm, network: Network) -> None:
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.status_rows import export_row, image_row, print_rows
    from omicopy.cli.talk import say_error, warn
    from omicopy.copying.overview import look_around
    from omicopy.model.overview import describe_export, describe_image

    clients = clients_for([source, *targets], network.retry, network.http_timeout)
    view = look_around(clients, source, targets, wanted, datetime.now(UTC))
    if output is OutputForm.TABLE:
        print_rows([*map(export_row, view.exports), *map(image_row, view.images)])
    else:
        exports, images = map(describe_export, view.exports), map(describe_image, view.images)
        _print_json({"exports": list(exports), "images": list(images)}, output)
    if view.left_out:
        warn(f"{view.left_out} more complete exports were not looked for in the bucket; --deep looks for all.")
    for error in view.errors:
        say_error(error)
    if view.errors:
        raise typer.Exit(shared_exit_code(view.errors))


def _print_json(parts: dict[str, Any], output: OutputForm) -> None:
    from omicopy.cli.talk import safe
    from omicopy.model.report import SCHEMA

    indent = 2 if output is OutputForm.JSON else None
    print(safe(json.dumps({"schema": SCHEMA, **parts}, indent=indent)))  # noqa: T201

"""`omicopy cancel`: exports of ours that need not run any more, while the service still lets them go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import OutputForm
from omicopy.errors import ErrorCode, OmicopyError, printable, shared_exit_code
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from omicopy.deletion.cancel import Cancellation


def cancel(
    *,
    task_ids: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK",
            envvar="OMICOPY_TASK",
            callback=checked(check_text),
            help="An export task's ID: image-export-…",
        ),
    ],
    profile: options.From,
    grace: options.Grace = "60s",
    connection: groups.Connecting,
    dry_run: options.DryRun = False,
    printing: groups.ResultPrinting,
) -> None:
    """Cancel exports that omicopy started and that are still queued.

    Prints each task's ID and its state now. Others' exports are never touched. Once it runs, the service may refuse: a
    refusal ends with 1 and changes nothing. What was cancelled before is fine; what is completed ends with 1, what
    failed with 7.
    """

    from omicopy.cli.console import print_error, warn
    from omicopy.cli.output import print_object
    from omicopy.deletion.cancel import Canceller, describe_cancellation
    from omicopy.model.events import Event, WarningMessage
    from omicopy.model.result import SCHEMA
    from omicopy.model.units import parse_duration
    from omicopy.reconcile.run import state_folder
    from omicopy.state.journal import Journal

    def listen(event: Event) -> None:
        if isinstance(event, WarningMessage):
            warn(event.message)

    check_task_ids(task_ids)
    clients = connection.clients(profile)
    journal = Journal(state_folder() / "journal", listen)
    account, done = Canceller(clients.session(profile), journal, parse_duration(grace), dry_run).cancel(task_ids)
    if printing.output is OutputForm.TABLE:
        _print_lines(done)
    else:
        described = [describe_cancellation(account, one) for one in done]
        print_object({"schema": SCHEMA, "exports": described}, printing.output)
    for one in done:
        if one.error:
            print_error(one.error)
    raise typer.Exit(_exit_code(done))


def check_task_ids(task_ids: Sequence[str]) -> None:
    """Raises USAGE for what can't be the ID of an export task."""
    for task_id in task_ids:
        if not task_id.startswith("image-export-"):
            hint = "Give the ID of an export task (image-export-…); omicopy status lists them."
            raise OmicopyError(ErrorCode.USAGE, f"{task_id!r} is no export task's ID", hint)


def _print_lines(done: Sequence[Cancellation]) -> None:
    """`TASK<TAB>STATE` a line. Of a task that is not listed (any more) the state is a dash."""
    for one in done:
        print("\t".join(map(printable, (one.task_id, one.state or "-"))))  # noqa: T201


def _exit_code(done: Sequence[Cancellation]) -> int:
    """3 where some were cancelled and some were not."""
    errors = [one.error for one in done if one.error]
    return 3 if 0 < len(errors) < len(done) else shared_exit_code(errors)

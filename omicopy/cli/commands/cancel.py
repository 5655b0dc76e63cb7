"""`omicopy cancel`: exports of ours that need not run any more, while the service still lets them go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import print_error
from omicopy.cli.declare_options import checked, twin
from omicopy.cli.output import print_result
from omicopy.cli.tables import Table
from omicopy.model.result import SCHEMA, describe_error
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from omicopy.cli.forms import OutputForm
    from omicopy.deletion.cancel import CancelReport

_HEADINGS = ("Task", "State")
_TASKS = typer.Argument(
    metavar="TASK", envvar=twin("task"), callback=checked(check_text), help="An export task's ID: image-export-…"
)
Tasks = Annotated[list[str], _TASKS]


def cancel(
    *,
    task_ids: Tasks,
    profile: options.From,
    grace: options.Grace = "60s",
    connection: groups.Connecting,
    dry_run: options.DryRun = False,
    printing: groups.ResultPrinting,
) -> None:
    """Cancel exports that omicopy started and that are still queued.

    Prints each task's ID and its state. Exports that others started are never cancelled. When a task has left the
    queue, the service may refuse: that ends with 1 and changes nothing. A task that is already cancelled is no error;
    a completed one ends with 1, a failed one with 7.
    """
    report = api.cancel(task_ids, profile=profile, grace=grace, dry_run=dry_run, connection=connection.options())
    print_report(report, printing.output)


def print_report(report: CancelReport, output: OutputForm) -> NoReturn:
    """Prints every task and what kept it from being cancelled, and ends the command.

    Of a task that is not listed any more the state is a dash.
    """
    rows = [(one.task_id, one.state or "") for one in report.exports]
    print_result(output, Table(_HEADINGS, rows), lambda: _described(report))
    for one in report.exports:
        if one.error:
            print_error(one.error)
    raise typer.Exit(report.exit_code)


def _described(report: CancelReport) -> dict[str, Any]:
    exports = [
        {
            "task_id": one.task_id,
            "source": {**report.account.to_json(), "image_id": one.task.image_id if one.task else None},
            "state": one.state,
            "status": one.outcome.value if one.outcome else None,
            "changed": one.is_changed,
            "error": describe_error(one.error) if one.error else None,
        }
        for one in report.exports
    ]
    return {"schema": SCHEMA, "exports": exports}

"""What the options of `copy`, `export`, `import` and `run` say of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omicopy import api
from omicopy.cli.command_start import command_began
from omicopy.cli.option_groups import Connecting, Polling
from omicopy.model.units import parse_duration

if TYPE_CHECKING:
    from omicopy.api import RunOptions


def run_options(
    polling: Polling,
    connection: Connecting,
    *,
    export_timeout: str = "12h",
    import_timeout: str = "6h",
    deadline: str | None = None,
    parallel: int | None = None,
    lock_wait: str = "0s",
    no_wait: bool = False,
    dry_run: bool = False,
    fail_fast: bool = False,
) -> RunOptions:
    """Returns the options of a run, whose deadline counts from the command's start. Raises USAGE.

    A longest pause below the first one shortens the first.
    """
    longest = parse_duration(polling.poll_max)
    budgets = api.Budgets(
        export=parse_duration(export_timeout),
        import_=parse_duration(import_timeout),
        grace=parse_duration(polling.grace),
        retry=parse_duration(connection.retry),
        poll_min=min(parse_duration(polling.poll_min), longest),
        poll_max=longest,
    )
    mode = api.RunMode(
        wait=not no_wait,
        dry_run=dry_run,
        deadline=parse_duration(deadline) if deadline else None,
        fail_fast=fail_fast,
        parallel=parallel,
        began=command_began(),
    )
    return api.RunOptions(budgets, mode, parse_duration(lock_wait))

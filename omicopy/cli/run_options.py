"""Builds the options of a run from those of `copy`, `export`, `import` and `run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omicopy import api
from omicopy.cli.command_start import command_began
from omicopy.cli.option_groups import Connecting, Limits, Polling, Timeouts, Waiting
from omicopy.model.units import parse_duration

if TYPE_CHECKING:
    from omicopy.api import RunOptions


def run_options(
    polling: Polling,
    connection: Connecting,
    limits: Limits,
    waiting: Waiting,
    timeouts: Timeouts | None = None,
    lock_wait: str = "0s",
    fail_fast: bool = False,
) -> RunOptions:
    """Returns the options of a run, whose deadline counts from the command's start. Raises USAGE.

    If --poll-max is less than --poll-min, both are --poll-max.
    """
    timeouts = timeouts or Timeouts()
    longest = parse_duration(polling.poll_max)
    budgets = api.Budgets(
        export=parse_duration(timeouts.export_timeout),
        import_=parse_duration(timeouts.import_timeout),
        grace=parse_duration(polling.grace),
        retry=parse_duration(connection.retry),
        poll_min=min(parse_duration(polling.poll_min), longest),
        poll_max=longest,
    )
    mode = api.RunMode(
        wait=not waiting.no_wait,
        dry_run=waiting.dry_run,
        deadline=parse_duration(limits.deadline) if limits.deadline else None,
        fail_fast=fail_fast,
        parallel=limits.parallel,
        began=command_began(),
    )
    return api.RunOptions(budgets, mode, parse_duration(lock_wait))

"""`omicopy run`: makes every copy of a plan, by hand or from a timer."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.copy_printer import CopyPrinter
from omicopy.cli.copy_rows import image_lines
from omicopy.cli.declare_options import option
from omicopy.cli.monitoring import Monitor
from omicopy.cli.run_options import run_options
from omicopy.model.text import check_text
from omicopy.plans.shard import parse_shard

Plan = Annotated[
    str | None, typer.Argument(metavar="PLAN.yaml", help="The plan's file, or - for stdin.", show_default=False)
]
Check = Annotated[bool, option("--check", "Print what would be done; write nothing.")]
Only = Annotated[
    list[str] | None, option("--only", "Run only this job; may be repeated.", metavar="NAME", check=check_text)
]
ShardOption = Annotated[
    str | None,
    option("--shard", "Run part I (from 0) of N, so that N machines share the plan.", metavar="I/N", check=parse_shard),
]
Schema = Annotated[bool, option("--schema", "Print the JSON Schema of plan files and exit.")]
FailFast = Annotated[bool, option("--fail-fast", "Stop at the first failure.")]


def run(
    *,
    plan: Plan = None,
    check: Check = False,
    only: Only = None,
    shard: ShardOption = None,
    schema: Schema = False,
    fail_fast: FailFast = False,
    limits: groups.Limits,
    monitoring: groups.Monitoring,
    polling: groups.Polling,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    lock_wait: options.LockWait = "0s",
    no_wait: options.NoWait = False,
    printing: groups.Printing,
) -> None:
    """Make every copy that a plan asks for. Safe to interrupt, safe to repeat.

    All jobs run together: an image is exported once for all its targets. Failures are listed and stop nothing else; the
    next run makes what is still missing.
    """
    if schema:
        print(json.dumps(api.plan_schema(), indent=2))  # noqa: T201
        return
    waiting = groups.Waiting(no_wait=no_wait, dry_run=check)
    monitor = Monitor() if check else monitoring.monitor(connection.ca_bundle)
    printer = CopyPrinter(printing, image_lines, monitor)
    printer.finish(
        lambda: api.run_plan(
            plan or "",
            only=only or (),
            shard=parse_shard(shard) if shard else None,
            options=run_options(polling, connection, limits, waiting, lock_wait=lock_wait, fail_fast=fail_fast),
            connection=connection.options(allow_http),
            watch=printer.watch,
        )
    )

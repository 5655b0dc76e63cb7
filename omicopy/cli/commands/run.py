"""`omicopy run`: a plan's copies made true, by hand or by a timer that nobody watches."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.text import check_text
from omicopy.plans.shard import parse_shard

if TYPE_CHECKING:
    from omicopy.cli.monitoring import Monitor
    from omicopy.cli.run_loop import Presentation
    from omicopy.model.result import CallCount, CopyResult


def run(
    plan: Annotated[
        str | None, typer.Argument(metavar="PLAN.yaml", help="The plan's file, or - for stdin.", show_default=False)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", envvar="OMICOPY_CHECK", help="Say what would be done; write nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            envvar="OMICOPY_ONLY",
            callback=checked(check_text),
            help="A job to run alone; may be repeated.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            envvar="OMICOPY_SHARD",
            callback=checked(parse_shard),
            help="Run part I (from 0) of N, so that N machines share the plan.",
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", envvar="OMICOPY_SCHEMA", help="Print the JSON Schema of plan files and exit.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", envvar="OMICOPY_FAIL_FAST", help="Give up with the first failure.")
    ] = False,
    deadline: options.Deadline = None,
    parallel: options.Parallel = None,
    metrics_file: options.MetricsFile = None,
    ping_url_file: options.PingUrlFile = None,
    report: options.Report = None,
    poll_min: options.PollMin = "5s",
    poll_max: options.PollMax = "60s",
    grace: options.Grace = "60s",
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    allow_http: options.AllowHttp = False,
    lock_wait: options.LockWait = "0s",
    no_wait: options.NoWait = False,
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Make every copy that a plan asks for. Safe to interrupt, safe to repeat.

    All jobs are carried out in one go: an image is exported once for all its targets. What fails is listed and keeps
    nothing else from being done; the next run makes good what is missing.
    """
    from omicopy import api
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure
    from omicopy.cli.monitoring import Monitor
    from omicopy.cli.output import image_lines
    from omicopy.cli.run_loop import Presentation, budgets_of, mode_of, orders_of, watch
    from omicopy.cloud.clients import Clients
    from omicopy.cloud.http.network import Network
    from omicopy.plans.model import plan_schema

    if schema:
        print(json.dumps(plan_schema(), indent=2))  # noqa: T201
        return
    configure(log_format, verbose)
    presentation = Presentation(output, quiet, image_lines)
    clients = Clients({})

    def carry_out() -> Sequence[CopyResult]:
        nonlocal clients
        budgets = budgets_of(grace, retry, poll_min, poll_max)
        run_options = orders_of(budgets, mode_of(no_wait, check, deadline, parallel, fail_fast), lock_wait)
        part = parse_shard(shard) if shard else None
        if plan is None:
            raise OmicopyError(ErrorCode.USAGE, "There is no plan", "Name its file: omicopy run PLAN.yaml")
        loaded = api.load_plan(plan)
        wanted = loaded.only(only or ())
        clients = clients_for(wanted.profiles, budgets.retry, http_timeout, ca_bundle, allow_http, wanted.storage)
        return api.run_plan(
            loaded,
            only=only or (),
            shard=part,
            options=run_options,
            clients=clients,
            watch=watch(clients, presentation),
        )

    parts = (None, None, None) if check else (metrics_file, ping_url_file, report)
    monitor = Monitor(*parts, Network(os.environ, ca_bundle))
    raise typer.Exit(_monitored(monitor, carry_out, lambda: clients.counts(), presentation))


def _monitored(
    monitor: Monitor,
    carry_out: Callable[[], Sequence[CopyResult]],
    counts: Callable[[], dict[str, CallCount]],
    presentation: Presentation,
) -> int:
    """Shows the results and tells the monitor how a run begins and ends, however it ends; its exit code. A run that
    leaves everything to another one on this machine is no news: that one tells."""
    import time

    from omicopy.cli.streams import lost_output
    from omicopy.model.result import exit_code

    began = time.monotonic()
    results: Sequence[CopyResult] = ()
    try:
        monitor.begin()
        results = carry_out()
        presentation.show(results, counts())
        code = exit_code(results) if lost_output() is None else ErrorCode.FAILED.exit_code
        errors = [result.error for result in results if result.error]
        if not errors or any(error.code is not ErrorCode.LOCKED for error in errors):
            monitor.end(results, counts(), time.monotonic() - began, code)
    except OmicopyError as error:
        monitor.failed(error, time.monotonic() - began)
        raise
    except Interrupted as interruption:
        interruption.results = interruption.results or [*results]
        monitor.interrupted(interruption, counts(), time.monotonic() - began, presentation.show_interrupted)
        raise
    except BaseException:
        unforeseen = OmicopyError(ErrorCode.FAILED, "The run ended in a way that nobody foresaw", "See its log.")
        monitor.failed(unforeseen, time.monotonic() - began)
        raise
    return code

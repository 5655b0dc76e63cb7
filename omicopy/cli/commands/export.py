"""`omicopy export`: the first half, for those who do the other half elsewhere."""

from __future__ import annotations

from omicopy.cli import options
from omicopy.cli.forms import LogFormat, OutputForm


def export(
    images: options.ImagesArgument,
    source: options.From,
    bucket: options.Bucket,
    storage: options.Storage = None,
    prefix: options.Prefix = "",
    disk_format: options.Format = None,
    export_timeout: options.ExportTimeout = "12h",
    deadline: options.Deadline = None,
    parallel: options.Parallel = None,
    poll_min: options.PollMin = "5s",
    poll_max: options.PollMax = "60s",
    grace: options.Grace = "60s",
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    allow_http: options.AllowHttp = False,
    re_export: options.ReExport = False,
    create_bucket: options.CreateBucket = False,
    no_wait: options.NoWait = False,
    dry_run: options.DryRun = False,
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Export images to a bucket and print their manifests' locations.

    A location is s3://BUCKET/KEY. With --no-wait the command prints the export task's ID instead.
    """
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure
    from omicopy.cli.output import export_lines, task_lines
    from omicopy.cli.run_loop import Presentation, budgets_of, mode_of, orders_of, run
    from omicopy.reconcile.requests_from_args import ExportOptions, export_requests

    configure(log_format, verbose)
    budgets = budgets_of(grace, retry, poll_min, poll_max, export_timeout)
    given = ExportOptions(images, source, bucket, prefix, disk_format, re_export, create_bucket)
    clients = clients_for([source], budgets.retry, http_timeout, ca_bundle, allow_http, {source: storage})
    run_options = orders_of(budgets, mode_of(no_wait, dry_run, deadline, parallel))
    lines = task_lines if no_wait else export_lines
    run(clients, lambda c: export_requests(c, given), run_options, Presentation(output, quiet, lines))

"""`omicopy export`: the first half, for those who do the other half elsewhere."""

from __future__ import annotations

from omicopy import api
from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.copy_printer import CopyPrinter
from omicopy.cli.copy_rows import export_lines, task_lines
from omicopy.cli.run_options import run_options


def export(
    *,
    images: options.ImagesArgument,
    source: options.From,
    bucket: options.Bucket,
    storage: options.Storage = None,
    prefix: options.Prefix = "",
    disk_format: options.Format = None,
    export_timeout: options.ExportTimeout = "12h",
    deadline: options.Deadline = None,
    parallel: options.Parallel = None,
    polling: groups.Polling,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    re_export: options.ReExport = False,
    create_bucket: options.CreateBucket = False,
    no_wait: options.NoWait = False,
    dry_run: options.DryRun = False,
    printing: groups.Printing,
) -> None:
    """Export images to a bucket and print their manifests' locations.

    A location is s3://BUCKET/KEY. With --no-wait the command prints the export task's ID instead.
    """
    printer = CopyPrinter(printing, task_lines if no_wait else export_lines)
    printer.finish(
        lambda: api.export(
            images,
            source=source,
            bucket=bucket,
            storage=storage,
            prefix=prefix,
            disk_format=disk_format,
            re_export=re_export,
            create_bucket=create_bucket,
            options=run_options(
                polling,
                connection,
                export_timeout=export_timeout,
                deadline=deadline,
                parallel=parallel,
                no_wait=no_wait,
                dry_run=dry_run,
            ),
            connection=connection.options(allow_http),
            watch=printer.watch,
        )
    )

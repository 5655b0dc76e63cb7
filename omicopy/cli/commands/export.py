"""`omicopy export`: the first half of a copy, without the import."""

from __future__ import annotations

from omicopy import api
from omicopy.cli import option_groups as groups, options
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
    limits: groups.Limits,
    polling: groups.Polling,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    exporting: groups.Exporting,
    waiting: groups.Waiting,
    printing: groups.Printing,
) -> None:
    """Export images to a bucket and print their manifests' locations.

    A location is s3://BUCKET/KEY. With --no-wait the command prints the export task's ID instead.
    """
    timeouts = groups.Timeouts(export_timeout=export_timeout)
    printer = CopyPrinter(printing, task_lines if waiting.no_wait else export_lines)
    printer.finish(
        lambda: api.export(
            images,
            source=source,
            bucket=bucket,
            storage=storage,
            prefix=prefix,
            disk_format=disk_format,
            re_export=exporting.re_export,
            create_bucket=exporting.create_bucket,
            options=run_options(polling, connection, limits, waiting, timeouts),
            connection=connection.options(allow_http),
            watch=printer.watch,
        )
    )

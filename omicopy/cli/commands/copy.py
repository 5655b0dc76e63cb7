"""`omicopy copy`: an image from one account to others, end to end."""

from __future__ import annotations

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.copy_printer import CopyPrinter
from omicopy.cli.copy_rows import image_lines
from omicopy.cli.run_options import run_options
from omicopy.model.choices import IfExists
from omicopy.model.image_settings import parse_tag


def copy(
    *,
    images: options.ImagesArgument,
    source: options.From,
    targets: options.Targets,
    bucket: options.Bucket,
    storage: options.Storage = None,
    name: options.Name = "{name}",
    description: options.Description = None,
    tags: options.Tags = None,
    copy_tags: options.CopyTags = True,
    launching: groups.Launching,
    prefix: options.Prefix = "",
    disk_format: options.Format = None,
    if_exists: options.IfExistsOption = IfExists.FAIL,
    cleanup: options.Cleanup = False,
    timeouts: groups.Timeouts,
    limits: groups.Limits,
    min_validity: options.MinValidity = None,
    polling: groups.Polling,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    lock_wait: options.LockWait = "0s",
    exporting: groups.Exporting,
    waiting: groups.Waiting,
    printing: groups.Printing,
) -> None:
    """Copy images to accounts in other Regions. Safe to interrupt, safe to repeat.

    The result is one line per image: its ID in the target, its name and its status (copied, present, …).
    """
    printer = CopyPrinter(printing, image_lines)
    printer.finish(
        lambda: api.copy(
            images,
            source=source,
            targets=targets,
            bucket=bucket,
            storage=storage,
            prefix=prefix,
            name=name,
            description=description,
            disk_format=disk_format,
            if_exists=if_exists,
            tags=dict(map(parse_tag, tags or ())),
            copy_tags=copy_tags,
            share_with=launching.share_with or (),
            boot_modes=launching.boot_modes or (),
            tpm=launching.tpm,
            cleanup=cleanup,
            re_export=exporting.re_export,
            create_bucket=exporting.create_bucket,
            min_validity=min_validity,
            options=run_options(polling, connection, limits, waiting, timeouts, lock_wait),
            connection=connection.options(allow_http),
            watch=printer.watch,
        )
    )

"""`omicopy copy`: an image from one account to others, end to end."""

from __future__ import annotations

from omicopy import api
from omicopy.cli import option_groups as groups
from omicopy.cli import options
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
    share_with: options.ShareWith = None,
    boot_modes: options.BootModes = None,
    tpm: options.Tpm = None,
    prefix: options.Prefix = "",
    disk_format: options.Format = None,
    if_exists: options.IfExistsOption = IfExists.FAIL,
    cleanup: options.Cleanup = False,
    export_timeout: options.ExportTimeout = "12h",
    import_timeout: options.ImportTimeout = "6h",
    deadline: options.Deadline = None,
    parallel: options.Parallel = None,
    min_validity: options.MinValidity = None,
    polling: groups.Polling,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    lock_wait: options.LockWait = "0s",
    re_export: options.ReExport = False,
    create_bucket: options.CreateBucket = False,
    no_wait: options.NoWait = False,
    dry_run: options.DryRun = False,
    printing: groups.Printing,
) -> None:
    """Copy images to accounts in other Regions. Safe to interrupt, safe to repeat.

    The result is one line an image: its ID in the target, its name and what happened (copied, present, …).
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
            share_with=share_with or (),
            boot_modes=boot_modes or (),
            tpm=tpm,
            cleanup=cleanup,
            re_export=re_export,
            create_bucket=create_bucket,
            min_validity=min_validity,
            options=run_options(
                polling,
                connection,
                export_timeout=export_timeout,
                import_timeout=import_timeout,
                deadline=deadline,
                parallel=parallel,
                lock_wait=lock_wait,
                no_wait=no_wait,
                dry_run=dry_run,
            ),
            connection=connection.options(allow_http),
            watch=printer.watch,
        )
    )

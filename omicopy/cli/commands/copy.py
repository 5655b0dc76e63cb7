"""`omicopy copy`: an image from one account to others, end to end."""

from __future__ import annotations

from omicopy.cli import options
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.model.choices import IfExists


def copy(
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
    poll_min: options.PollMin = "5s",
    poll_max: options.PollMax = "60s",
    grace: options.Grace = "60s",
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    allow_http: options.AllowHttp = False,
    lock_wait: options.LockWait = "0s",
    re_export: options.ReExport = False,
    create_bucket: options.CreateBucket = False,
    no_wait: options.NoWait = False,
    dry_run: options.DryRun = False,
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Copy images to accounts in other Regions. Safe to interrupt, safe to repeat.

    The result is one line an image: its ID in the target, its name and what happened (copied, present, …).
    """
    from omicopy import api
    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure
    from omicopy.cli.output import image_lines
    from omicopy.cli.run_loop import Presentation, budgets_of, finish, mode_of, orders_of, watch
    from omicopy.model.image_settings import parse_image_settings

    configure(log_format, verbose)
    budgets = budgets_of(grace, retry, poll_min, poll_max, export_timeout, import_timeout)
    run_options = orders_of(budgets, mode_of(no_wait, dry_run, deadline, parallel), lock_wait)
    settings = parse_image_settings(tags or (), copy_tags, share_with or ())
    clients = clients_for([source, *targets], budgets.retry, http_timeout, ca_bundle, allow_http, {source: storage})
    presentation = Presentation(output, quiet, image_lines)
    finish(
        clients,
        lambda: api.copy(
            images,
            source=source,
            targets=targets,
            bucket=bucket,
            prefix=prefix,
            name=name,
            description=description,
            disk_format=disk_format,
            if_exists=if_exists,
            tags=settings.tags,
            copy_tags=copy_tags,
            share_with=settings.share_with,
            boot_modes=boot_modes or (),
            tpm=tpm,
            cleanup=cleanup,
            re_export=re_export,
            create_bucket=create_bucket,
            min_validity=min_validity,
            options=run_options,
            clients=clients,
            watch=watch(clients, presentation),
        ),
        presentation,
    )

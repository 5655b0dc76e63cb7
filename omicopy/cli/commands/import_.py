"""`omicopy import`: the other half, for the account that was handed a manifest's URL."""

from __future__ import annotations

from typing import Annotated

import typer

from omicopy.cli import options
from omicopy.cli.declare_options import checked, duration
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.model.choices import IfExists
from omicopy.model.image import check_image_name
from omicopy.model.units import ANY_DURATION


def import_image(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URL|FILE|-",
            help="A manifest's pre-signed URL, or a file (- for stdin) that holds one, such as a hand-off text.",
        ),
    ],
    target: options.To,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            envvar="OMICOPY_NAME",
            callback=checked(check_image_name),
            help="The image's name; else the manifest's.",
        ),
    ] = None,
    description: options.Description = None,
    if_exists: options.IfExistsOption = IfExists.FAIL,
    tags: options.Tags = None,
    share_with: options.ShareWith = None,
    boot_modes: options.BootModes = None,
    tpm: options.Tpm = None,
    import_timeout: options.ImportTimeout = "6h",
    deadline: options.Deadline = None,
    min_validity: Annotated[
        str,
        duration("--min-validity", "For how long every URL must still work.", ANY_DURATION.read),
    ] = "10m",
    accept_licences: Annotated[
        bool,
        typer.Option(
            "--accept-licences",
            envvar="OMICOPY_ACCEPT_LICENCES",
            help="Don't warn of product types that may bear a licence.",
        ),
    ] = False,
    allow_http: options.AllowHttp = False,
    allow_private: options.AllowPrivate = False,
    poll_min: options.PollMin = "5s",
    poll_max: options.PollMax = "60s",
    grace: options.Grace = "60s",
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    lock_wait: options.LockWait = "0s",
    no_wait: options.NoWait = False,
    dry_run: options.DryRun = False,
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Import an image from a manifest's pre-signed URL.

    Looks at the manifest first and says what it is. Give the URL in a file or on stdin (-) to keep it out of the
    shell's history.
    """
    from datetime import UTC, datetime

    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure
    from omicopy.cli.output import image_lines
    from omicopy.cli.run_loop import Presentation, budgets_of, introduce_handed, mode_of, orders_of, run
    from omicopy.manifests.read_input import read_url
    from omicopy.model.boot import check_boot
    from omicopy.model.image_settings import parse_image_settings
    from omicopy.model.units import parse_duration
    from omicopy.reconcile.requests_from_args import ImportOptions, import_request, read_import_manifest

    configure(log_format, verbose)
    budgets = budgets_of(grace, retry, poll_min, poll_max, import_timeout=import_timeout)
    given = ImportOptions(
        url=read_url(source),
        target=target,
        name=name,
        description=description,
        if_exists=if_exists,
        min_validity=parse_duration(min_validity),
        allow_http=allow_http,
        allow_private=allow_private,
        settings=parse_image_settings(tags or (), True, share_with or ()),
        boot=check_boot(boot_modes, tpm),
    )
    clients = clients_for([target], budgets.retry, http_timeout, ca_bundle)
    run_options = orders_of(budgets, mode_of(no_wait, dry_run, deadline), lock_wait)
    now = datetime.now(UTC)
    with clients.time_limit.until(run_options.mode.ends):
        shared = read_import_manifest(clients, given, now)
    introduce_handed(shared, given.boot, now, quiet, accept_licences)
    run(clients, lambda c: [import_request(c, given, shared)], run_options, Presentation(output, quiet, image_lines))

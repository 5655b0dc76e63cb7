"""`omicopy resign`: an old export comes back in seconds, without exporting again."""

from __future__ import annotations

from typing import Annotated

import typer

from omicopy.cli import options
from omicopy.cli.checks import checked
from omicopy.cli.options import LogFormat, OutputForm
from omicopy.errors import printable
from omicopy.model.s3_location import check_prefix


def register(app: typer.Typer) -> None:
    app.command()(resign)


def resign(
    source: options.Source,
    profile: options.From,
    storage: options.Storage = None,
    expires: options.Expires = "7d",
    allow_key_prefix: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-key-prefix",
            metavar="PREFIX",
            envvar="OMICOPY_ALLOW_KEY_PREFIX",
            callback=checked(check_prefix),
            help="Where else in the bucket the manifest may point to; may be repeated.",
        ),
    ] = None,
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Sign every object of an export anew, and print where the new manifest lies (s3://…).

    The new manifest lies beside the old one, which stays as it is. Only objects in or below the manifest's own folder
    are signed, after each was found to be there with the right size.
    """
    from datetime import UTC, datetime

    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure, info
    from omicopy.cli.output import print_object
    from omicopy.manifests.from_task import require_storage_key
    from omicopy.manifests.locate import locate
    from omicopy.manifests.resign import describe_resigned, resign_export
    from omicopy.model.result import format_timestamp
    from omicopy.model.units import parse_duration

    configure(log_format, verbose)
    life = parse_duration(expires)
    clients = clients_for([profile], parse_duration(retry), http_timeout, ca_bundle, storage={profile: storage})
    now = datetime.now(UTC)
    located = locate(clients, profile, source, now)
    require_storage_key(clients, profile)
    renewed = resign_export(clients, profile, located.location, now, life, allow_key_prefix or ())
    clients.warn_of_clocks()
    if not quiet:
        count = len(renewed.manifest.snapshots)
        objects = "1 object" if count == 1 else f"{count} objects"
        info(f"Signed {objects}, until {format_timestamp(renewed.manifest.expiry().at, now)}")
    if output is OutputForm.TABLE:
        print(printable(str(renewed.location)))  # noqa: T201
    else:
        print_object(describe_resigned(renewed), output)

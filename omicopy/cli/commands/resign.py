"""`omicopy resign`: an old export comes back in seconds, without exporting again."""

from __future__ import annotations

from typing import Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import OutputForm
from omicopy.errors import printable
from omicopy.model.s3_location import check_prefix


def resign(
    *,
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
    connection: groups.Connection,
    printing: groups.Printing,
) -> None:
    """Sign an export's URLs again and print the new manifest's location.

    The new manifest lies beside the old one, which stays as it is. Only objects in or below the manifest's own folder
    are signed, after each was found to be there with the right size.
    """
    from datetime import UTC, datetime

    from omicopy.cli.console import info
    from omicopy.cli.output import print_object
    from omicopy.manifests.from_task import require_storage_key
    from omicopy.manifests.locate import locate
    from omicopy.manifests.resign import describe_resigned, resign_export
    from omicopy.model.result import format_timestamp
    from omicopy.model.units import parse_duration

    life = parse_duration(expires)
    clients = connection.clients(profile, storage={profile: storage})
    now = datetime.now(UTC)
    located = locate(clients, profile, source, now)
    require_storage_key(clients, profile)
    renewed = resign_export(clients, profile, located.location, now, life, allow_key_prefix or ())
    clients.warn_of_clocks()
    if not printing.quiet:
        count = len(renewed.manifest.snapshots)
        objects = "1 object" if count == 1 else f"{count} objects"
        info(f"Signed {objects}, until {format_timestamp(renewed.manifest.expiry().at, now)}")
    if printing.output is OutputForm.TABLE:
        print(printable(str(renewed.location)))  # noqa: T201
    else:
        print_object(describe_resigned(renewed), printing.output)

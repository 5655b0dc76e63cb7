"""`omicopy resign`: signs an old export's URLs again, so that it can be imported without a new export."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info
from omicopy.cli.declare_options import option
from omicopy.cli.output import print_result
from omicopy.model.result import SCHEMA, describe_snapshots, format_timestamp, rfc3339
from omicopy.model.s3_location import check_prefix

if TYPE_CHECKING:
    from omicopy.model.export import StoredExport

_ALLOW_KEY_PREFIX = option(
    "--allow-key-prefix",
    "Another prefix in the bucket that the manifest may point to; may be repeated.",
    metavar="PREFIX",
    check=check_prefix,
)
AllowKeyPrefix = Annotated[list[str] | None, _ALLOW_KEY_PREFIX]


def resign(
    *,
    source: options.Source,
    profile: options.From,
    storage: options.Storage = None,
    expires: options.Expires = "7d",
    allow_key_prefix: AllowKeyPrefix = None,
    connection: groups.Connecting,
    printing: groups.Printing,
) -> None:
    """Sign an export's URLs again and print the new manifest's location.

    The new manifest is written beside the old one, which is not changed. Only objects in or below the manifest's own
    folder are signed, and only if each exists with the right size.
    """
    renewed = api.resign(
        source,
        profile=profile,
        storage=storage,
        expires=expires,
        allow_key_prefixes=allow_key_prefix or (),
        connection=connection.options(),
    )
    print_renewed(renewed, printing)


def print_renewed(renewed: StoredExport, printing: groups.Printing) -> None:
    """Prints where the new manifest is, and until when its URLs work."""
    if not printing.quiet:
        count = len(renewed.manifest.snapshots)
        objects = "1 object" if count == 1 else f"{count} objects"
        info(f"Signed {objects}, until {format_timestamp(renewed.manifest.expiry().at, datetime.now(UTC))}")
    print_result(printing.output, [str(renewed.location)], lambda: _described(renewed))


def _described(renewed: StoredExport) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "manifest": str(renewed.location),
        "effective_expires_at": rfc3339(renewed.manifest.expiry().at),
        "snapshots": describe_snapshots(renewed.manifest),
    }

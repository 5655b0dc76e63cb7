"""`omicopy manifest build`: writes a manifest for disks in a bucket that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info, warn
from omicopy.cli.declare_options import option
from omicopy.cli.output import print_result
from omicopy.manifests.from_disks.volume_spec import parse_volume
from omicopy.model.image import check_image_name
from omicopy.model.result import SCHEMA, rfc3339
from omicopy.model.units import format_size

if TYPE_CHECKING:
    from omicopy.manifests.from_disks.build import BuiltManifest

Folder = Annotated[
    str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Folder that contains the disks, and gets the manifest.")
]
Name = Annotated[str, option("--name", "The image's name.", metavar="NAME", check=check_image_name)]
_VOLUMES = option(
    "--volume",
    "A volume and its disk, a key below PREFIX; may be repeated. Not needed for a single disk.",
    metavar="DEVICE=OBJECT[,size=10GiB][,type=TYPE][,iops=N]",
    check=parse_volume,
)
Volumes = Annotated[list[str] | None, _VOLUMES]
Architecture = Annotated[str, option("--architecture", "The image's architecture: x86_64 or i386.", metavar="TEXT")]
ProductTypes = Annotated[
    list[str] | None,
    option("--product-type", "A product code of the image; may be repeated. Default: 0001 (Linux).", metavar="CODE"),
]


def build(
    *,
    location: Folder,
    profile: options.From,
    name: Name,
    storage: options.Storage = None,
    description: options.Description = None,
    volumes: Volumes = None,
    architecture: Architecture = "x86_64",
    product_types: ProductTypes = None,
    dry_run: options.DryRun = False,
    connection: groups.Connecting,
    printing: groups.Printing,
) -> None:
    """Write a manifest and print its location.

    For disks that were exported one by one, restored from a backup, or uploaded. The size of a
    qcow2 disk is read from its header; give the size of a raw disk yourself. Nothing is overwritten: an identical
    manifest is left as it is.
    """
    built = api.build_manifest(
        location,
        profile=profile,
        name=name,
        storage=storage,
        description=description or "",
        volumes=volumes or (),
        architecture=architecture,
        product_types=product_types or (),
        dry_run=dry_run,
        connection=connection.options(),
    )
    print_built(built, printing)


def print_built(built: BuiltManifest, printing: groups.Printing) -> None:
    """Prints the manifest's location; on stderr its content, and warnings of what the service may refuse."""
    for warning in built.warnings:
        warn(warning)
    if not printing.quiet:
        _tell(built)
    print_result(printing.output, [str(built.location)], lambda: _described(built))


def _tell(built: BuiltManifest) -> None:
    for one in built.manifest.snapshots:
        stored = format_size(one.compressed_bytes or 0)
        info(f"{one.device}: {one.key}, {format_size(one.size_bytes)} ({stored} in the bucket)")
    expiry = rfc3339(built.manifest.earliest_expiry()) or "an unknown time"
    if built.was_there:
        info(f"The same manifest is there already; its URLs are signed until {expiry}. omicopy url renews them.")
    else:
        info(f"{'Wrote' if built.changed else 'Would write'} the manifest; its URLs are valid until {expiry}")


def _described(built: BuiltManifest) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "manifest": str(built.location),
        "changed": built.changed,
        "expires_at": rfc3339(built.manifest.earliest_expiry()),
        "volumes": [
            {
                "device": snapshot.device,
                "key": snapshot.key,
                "size_bytes": snapshot.size_bytes,
                "compressed_bytes": snapshot.compressed_bytes,
            }
            for snapshot in built.manifest.snapshots
        ],
    }

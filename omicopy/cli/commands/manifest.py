"""`omicopy manifest build`: a manifest for disks that lie in a bucket without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import OutputForm
from omicopy.errors import printable
from omicopy.manifests.from_disks.volume_spec import parse_volume
from omicopy.model.image import check_image_name
from omicopy.model.text import check_description

if TYPE_CHECKING:
    from omicopy.manifests.from_disks.build import Built


def build(
    *,
    location: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Where the disks lie and the manifest will.")
    ],
    profile: options.From,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="NAME",
            envvar="OMICOPY_NAME",
            callback=checked(check_image_name),
            help="The image's name.",
        ),
    ],
    storage: options.Storage = None,
    description: options.Description = None,
    volumes: Annotated[
        list[str] | None,
        typer.Option(
            "--volume",
            metavar="DEVICE=OBJECT[,size=10GiB][,type=TYPE][,iops=N]",
            envvar="OMICOPY_VOLUME",
            callback=checked(parse_volume),
            help="A volume and its disk, a key under PREFIX; may be repeated. A single disk need not be named.",
        ),
    ] = None,
    architecture: Annotated[
        str,
        typer.Option(
            "--architecture",
            metavar="TEXT",
            envvar="OMICOPY_ARCHITECTURE",
            help="The image's architecture: x86_64 or i386.",
        ),
    ] = "x86_64",
    product_types: Annotated[
        list[str] | None,
        typer.Option(
            "--product-type",
            metavar="CODE",
            envvar="OMICOPY_PRODUCT_TYPE",
            help="A product code of the image, else 0001 (Linux); may be repeated.",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    connection: groups.Connection,
    printing: groups.Printing,
) -> None:
    """Write a manifest and print its location.

    For disks that were exported one by one, restored from a backup, or uploaded. How large a disk is stands in its
    qcow2 header; of a raw disk you have to say it. Nothing is written over: a manifest of the same is left as it is.
    """

    from omicopy.cli.console import warn
    from omicopy.cli.output import print_object
    from omicopy.manifests.from_disks.build import BuildOptions, build_manifest, describe_built
    from omicopy.manifests.from_disks.draft import ImageWords
    from omicopy.model.s3_location import parse_s3_folder

    given = BuildOptions(
        profile,
        parse_s3_folder(location),
        ImageWords(name, check_description(description or ""), architecture, tuple(product_types or ("0001",))),
        [parse_volume(text) for text in volumes or ()],
        dry_run,
    )
    clients = connection.clients(profile, storage={profile: storage})
    built = build_manifest(clients, given)
    clients.warn_of_clocks()
    for warning in built.warnings:
        warn(warning)
    if not printing.quiet:
        _tell(built)
    if printing.output is OutputForm.TABLE:
        print(printable(str(built.location)))  # noqa: T201
    else:
        print_object(describe_built(built), printing.output)


def _tell(built: Built) -> None:
    """What the manifest says and until when its URLs serve, on stderr."""
    from omicopy.cli.console import info
    from omicopy.model.result import rfc3339
    from omicopy.model.units import format_size

    for one in built.manifest.snapshots:
        stored = format_size(one.compressed_bytes or 0)
        info(f"{one.device}: {one.key}, {format_size(one.size_bytes)} ({stored} in the bucket)")
    expiry = rfc3339(built.manifest.earliest_expiry()) or "an unknown time"
    if built.was_there:
        info(f"The same manifest is there already; its URLs are signed until {expiry}. omicopy url renews them.")
    else:
        info(f"{'Wrote' if built.changed else 'Would write'} the manifest; its URLs are valid until {expiry}")

"""`omicopy import`: the second half of a copy, for an account that received a manifest's URL."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.copy_printer import CopyPrinter
from omicopy.cli.copy_rows import image_lines
from omicopy.cli.declare_options import duration, option
from omicopy.cli.progress import introduce_manifest
from omicopy.cli.run_options import run_options
from omicopy.model.choices import IfExists
from omicopy.model.image import check_image_name
from omicopy.model.image_settings import parse_tag
from omicopy.model.units import ANY_DURATION

_SOURCE = typer.Argument(
    metavar="URL|FILE|-",
    help="A manifest's pre-signed URL, or a file (- for stdin) that contains one, such as a hand-off text.",
)
Source = Annotated[str, _SOURCE]
Name = Annotated[
    str | None, option("--name", "The image's name; else the manifest's.", metavar="NAME", check=check_image_name)
]
MinValidity = Annotated[str, duration("--min-validity", "How long every URL must still work.", ANY_DURATION.read)]
AcceptLicences = Annotated[bool, option("--accept-licences", "Don't warn of product types that may bear a licence.")]


def import_image(
    *,
    source: Source,
    target: options.To,
    name: Name = None,
    description: options.Description = None,
    if_exists: options.IfExistsOption = IfExists.FAIL,
    tags: options.Tags = None,
    launching: groups.Launching,
    import_timeout: options.ImportTimeout = "6h",
    deadline: options.Deadline = None,
    min_validity: MinValidity = "10m",
    accept_licences: AcceptLicences = False,
    allow_http: options.AllowHttp = False,
    allow_private: options.AllowPrivate = False,
    polling: groups.Polling,
    connection: groups.Connecting,
    lock_wait: options.LockWait = "0s",
    waiting: groups.Waiting,
    printing: groups.Printing,
) -> None:
    """Import an image from a manifest's pre-signed URL.

    Reads the manifest first and prints what it contains. Give the URL in a file or on stdin (-) to keep it out of the
    shell's history.
    """
    limits, timeouts = groups.Limits(deadline=deadline), groups.Timeouts(import_timeout=import_timeout)
    printer = CopyPrinter(printing, image_lines)
    printer.finish(
        lambda: api.import_image(
            source,
            target=target,
            name=name,
            description=description,
            if_exists=if_exists,
            tags=dict(map(parse_tag, tags or ())),
            share_with=launching.share_with or (),
            boot_modes=launching.boot_modes or (),
            tpm=launching.tpm,
            min_validity=min_validity,
            allow_private=allow_private,
            options=run_options(polling, connection, limits, waiting, timeouts, lock_wait),
            connection=connection.options(allow_http),
            introduce=partial(introduce_manifest, bool(launching.boot_modes), printing.quiet, accept_licences),
            watch=printer.watch,
        )
    )

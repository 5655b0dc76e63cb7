"""`omicopy inspect`: what is in an export, how big, until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.forms import OutputForm
from omicopy.errors import ErrorCode, printable

if TYPE_CHECKING:
    from omicopy.manifests.inspect import Inspection
    from omicopy.model.urls.presigned_url import PresignedUrl


_GRAVITY = {ErrorCode.DAMAGED: 2, ErrorCode.EXPIRED: 1}
"""Of several problems the one that a new signature can't mend gives the exit code."""


def inspect(
    *,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A manifest's URL, a file that holds one or the manifest itself, or - for stdin; with --from also "
            "s3://BUCKET/KEY, an export task's ID or an image's ID.",
        ),
    ],
    profile: options.FromIfAny = None,
    storage: options.Storage = None,
    probe: Annotated[
        bool,
        typer.Option("--probe", envvar="OMICOPY_PROBE", help="Ask the store for one byte of every object."),
    ] = False,
    allow_private: options.AllowPrivate = False,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    printing: groups.Printing,
) -> None:
    """Show what an export's manifest contains and when it expires.

    A URL or a file needs no credentials. With --probe the command fails when an object is gone, has another size than
    the manifest says, or is refused.
    """
    from datetime import UTC

    from omicopy import api
    from omicopy.cli.console import info, print_error, warn
    from omicopy.cli.output import print_object
    from omicopy.manifests.inspect import describe_inspection
    from omicopy.manifests.locate import is_own

    named = [profile] if profile and is_own(source) else []
    clients = connection.clients(*named, storage=dict.fromkeys(named, storage), allow_http=allow_http)
    now = datetime.now(UTC)
    inspection = api.inspect(source, profile=profile, probe=probe, allow_private=allow_private, clients=clients)
    if printing.output is OutputForm.TABLE:
        print(*map(printable, _lines(inspection, now)), sep="\n")  # noqa: T201
    else:
        print_object(describe_inspection(inspection, now), printing.output, verbatim=True)
    if inspection.outside:
        warn(f"It points out of its export: {inspection.outside} Don't hand it out.")
    ended = inspection.expiry.earliest_known
    if ended is not None and ended <= now and not printing.quiet:
        info("It can't be imported any more. The bucket's owner can sign it anew: omicopy resign …")
    problems = inspection.problems()
    for problem in problems:
        print_error(problem)
    if problems:
        raise typer.Exit(max(problems, key=lambda problem: _GRAVITY.get(problem.code, 0)).exit_code)


def _lines(inspection: Inspection, now: datetime) -> Iterator[str]:
    from omicopy.manifests.inspect import probe_verdict
    from omicopy.model.boot import Boot
    from omicopy.model.result import format_timestamp
    from omicopy.model.units import format_size

    manifest, expiry = inspection.manifest, inspection.expiry
    yield f"Name:          {manifest.name or '-'}"
    if manifest.description:
        yield f"Description:   {manifest.description}"
    yield f"Architecture:  {manifest.architecture or '-'}"
    yield f"Product types: {', '.join(manifest.product_types) or '-'}"
    if inspection.boot != Boot():
        yield f"Boot:          {inspection.boot}, as the image says; the manifest does not"
    yield "Not in it:     boot modes and TPM (--boot-mode, --tpm), tags (--tag), launch permissions (--share-with)"
    if inspection.location:
        yield f"Manifest:      {inspection.location}"
    if inspection.url:
        label = "  read from   " if inspection.location else "Manifest:     "
        yield f"{label} {inspection.url.place}"
        yield f"  until        {_until(inspection.url, now)}"
    probes = inspection.probes or (None,) * len(manifest.snapshots)
    for snapshot, probe in zip(manifest.snapshots, probes, strict=True):
        compressed = snapshot.compressed_bytes
        in_bucket = "size in the bucket not known" if compressed is None else f"{format_size(compressed)} in the bucket"
        kind = f", {snapshot.volume_type}" if snapshot.volume_type else ""
        yield f"Volume:        {snapshot.device or '-'}, {format_size(snapshot.size_bytes)}, {in_bucket}{kind}"
        yield f"  object       {snapshot.url.place}"
        yield f"  until        {_until(snapshot.url, now)}"
        if probe:
            yield f"  probe        {probe_verdict(snapshot, probe)}"
    known = expiry.earliest_known
    no_later = f", {format_timestamp(known, now)} at the latest" if known and expiry.at is None else ""
    yield f"Valid until:   {format_timestamp(expiry.at, now)}{no_later}; what ends first: {expiry.first}"


def _until(url: PresignedUrl, now: datetime) -> str:
    """When it ends, and why it does not work before that, as far as its own dates tell."""
    from omicopy.model.result import format_timestamp
    from omicopy.model.urls.refusal import Reason, flaw

    found = flaw(url, now)
    more = f"; {found.message}" if found and found.reason is not Reason.EXPIRED else ""
    return f"{format_timestamp(url.expires_at, now)}, {_signed(url)}{more}"


def _signed(url: PresignedUrl) -> str:
    from omicopy.model.urls.presigned_url import Signature

    if url.signature is Signature.NONE:
        return "not signed"
    return f"{url.signature.value} for {url.signed_for}" if url.signed_for else str(url.signature.value)

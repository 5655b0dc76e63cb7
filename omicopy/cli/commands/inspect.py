"""`omicopy inspect`: shows an export's content, size and expiry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info, print_error, warn
from omicopy.cli.declare_options import option
from omicopy.cli.output import print_result
from omicopy.model.boot import Boot
from omicopy.model.result import SCHEMA, format_timestamp, rfc3339
from omicopy.model.units import format_size
from omicopy.model.urls.presigned_url import PresignedUrl, Signature
from omicopy.model.urls.refusal import Reason, flaw

if TYPE_CHECKING:
    from omicopy.cloud.url_reader import Probe
    from omicopy.manifests.inspect import Inspection
    from omicopy.model.manifest import ManifestSnapshot

_SOURCE = typer.Argument(
    metavar="SOURCE",
    help="A manifest's URL, a file that contains one or the manifest itself, or - for stdin; with --from also "
    "s3://BUCKET/KEY, an export task's ID or an image's ID.",
)
Source = Annotated[str, _SOURCE]
AskStore = Annotated[bool, option("--probe", "Read one byte of every object.")]


def inspect(
    *,
    source: Source,
    profile: options.FromIfAny = None,
    storage: options.Storage = None,
    probe: AskStore = False,
    allow_private: options.AllowPrivate = False,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    printing: groups.Printing,
) -> None:
    """Show what an export's manifest contains and when it expires.

    A URL or a file needs no credentials. With --probe the command fails if an object is missing, differs in size from
    the manifest, or is refused.
    """
    inspection = api.inspect(
        source,
        profile=profile,
        storage=storage,
        probe=probe,
        allow_private=allow_private,
        connection=connection.options(allow_http),
    )
    print_inspection(inspection, printing)


def print_inspection(inspection: Inspection, printing: groups.Printing) -> NoReturn:
    """Prints what the manifest contains, on stderr what is wrong with it, and ends the command."""
    now = datetime.now(UTC)
    print_result(printing.output, list(_lines(inspection, now)), lambda: _described(inspection, now), verbatim=True)
    if inspection.outside:
        warn(f"It points out of its export: {inspection.outside} Don't hand it out.")
    ended = inspection.expiry.earliest_known
    if ended is not None and ended <= now and not printing.quiet:
        info("It has expired, so it can't be imported. The bucket's owner can sign it again: omicopy resign …")
    for problem in inspection.problems():
        print_error(problem)
    raise typer.Exit(inspection.exit_code)


# --- as text


def _lines(inspection: Inspection, now: datetime) -> Iterator[str]:
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
    verdicts = inspection.verdicts() or [""] * len(manifest.snapshots)
    for snapshot, verdict in zip(manifest.snapshots, verdicts, strict=True):
        yield from _volume_lines(snapshot, verdict, now)
    known = expiry.earliest_known
    no_later = f", {format_timestamp(known, now)} at the latest" if known and expiry.at is None else ""
    yield f"Valid until:   {format_timestamp(expiry.at, now)}{no_later}; first to expire: {expiry.first}"


def _volume_lines(snapshot: ManifestSnapshot, verdict: str, now: datetime) -> Iterator[str]:
    compressed = snapshot.compressed_bytes
    in_bucket = "size in the bucket not known" if compressed is None else f"{format_size(compressed)} in the bucket"
    kind = f", {snapshot.volume_type}" if snapshot.volume_type else ""
    yield f"Volume:        {snapshot.device or '-'}, {format_size(snapshot.size_bytes)}, {in_bucket}{kind}"
    yield f"  object       {snapshot.url.place}"
    yield f"  until        {_until(snapshot.url, now)}"
    if verdict:
        yield f"  probe        {verdict}"


def _until(url: PresignedUrl, now: datetime) -> str:
    """When it expires, and why it does not work before that, as far as its own dates tell."""
    found = flaw(url, now)
    more = f"; {found.message}" if found and found.reason is not Reason.EXPIRED else ""
    return f"{format_timestamp(url.expires_at, now)}, {_signed(url)}{more}"


def _signed(url: PresignedUrl) -> str:
    if url.signature is Signature.NONE:
        return "not signed"
    return f"{url.signature.value} for {url.signed_for}" if url.signed_for else str(url.signature.value)


# --- as JSON


def _described(inspection: Inspection, now: datetime) -> dict[str, Any]:
    """Names hosts, buckets and keys, and no URL that would open anything."""
    manifest, expiry = inspection.manifest, inspection.expiry
    probes = inspection.probes or (None,) * len(manifest.snapshots)
    return {
        "schema": SCHEMA,
        "manifest": str(inspection.location) if inspection.location else None,
        "name": manifest.name,
        "description": manifest.description,
        "architecture": manifest.architecture,
        "product_types": list(manifest.product_types),
        "boot_modes": sorted(inspection.boot.modes) if inspection.boot.modes else None,
        "tpm_mandatory": inspection.boot.tpm,
        "url": _described_url(inspection.url, now) if inspection.url else None,
        "outside": inspection.outside,
        "effective_expires_at": rfc3339(expiry.at),
        "seconds_left": _seconds_left(expiry.at, now),
        "ends_first": expiry.first,
        "ends_by": rfc3339(expiry.earliest_known),
        "snapshots": [
            {
                "device": snapshot.device,
                "size_bytes": snapshot.size_bytes,
                "compressed_bytes": snapshot.compressed_bytes,
                "volume_type": snapshot.volume_type,
                "iops": snapshot.iops,
                **_described_url(snapshot.url, now),
                "probe": _described_probe(probe) if probe else None,
            }
            for snapshot, probe in zip(manifest.snapshots, probes, strict=True)
        ],
    }


def _described_url(url: PresignedUrl, now: datetime) -> dict[str, Any]:
    return {
        "scheme": url.scheme,
        "host": url.host,
        "bucket": url.bucket,
        "key": url.key,
        "signature": url.signature.value,
        "signed_for": url.signed_for,
        "expires_at": rfc3339(url.expires_at),
        "seconds_left": _seconds_left(url.expires_at, now),
    }


def _described_probe(probe: Probe) -> dict[str, Any]:
    reason = probe.refusal.reason.value if probe.refusal else None if probe.was_asked else "not-asked"
    return {"state": probe.life.value, "size_bytes": probe.size_bytes, "reason": reason}


def _seconds_left(moment: datetime | None, now: datetime) -> int | None:
    """Negative: so many seconds ago."""
    return None if moment is None else int((moment - now).total_seconds())

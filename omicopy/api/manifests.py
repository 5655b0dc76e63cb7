"""Manifests: inspect one, sign one again, or build one for disks that have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from omicopy.api.connection import ConnectionOptions, Duration, check_lists, connect, duration
from omicopy.cloud.clients import Clients
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import read_own_manifest, read_shared_manifest
from omicopy.manifests.from_disks.build import BuildOptions, BuiltManifest, build_manifest as build
from omicopy.manifests.from_disks.draft import ImageMetadata
from omicopy.manifests.from_disks.volume_spec import VolumeSpec, parse_volume
from omicopy.manifests.from_task import require_storage_key
from omicopy.manifests.inspect import Inspection, probe_all
from omicopy.manifests.locate import is_own, locate
from omicopy.manifests.own_manifest import problem_of_own
from omicopy.manifests.read_input import read_source
from omicopy.manifests.resign import resign_export
from omicopy.manifests.source_boot import read_source_boot
from omicopy.model.export import StoredExport
from omicopy.model.manifest import parse_manifest
from omicopy.model.s3_location import parse_s3_folder
from omicopy.model.text import check_description
from omicopy.model.urls.validity import check_expiry


def inspect(
    source: str,
    *,
    profile: str | None = None,
    storage: str | None = None,
    probe: bool = False,
    allow_private: bool = False,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> Inspection:
    """Returns what a manifest contains and when it expires; with `probe` also whether every object behind it is alive.

    `source` is the manifest's URL, a file that holds one or the manifest itself, or `-` for stdin, none of which needs
    credentials; or, with `profile`, what `presign` takes, read with the key of `storage`, else with its own. This
    machine and private networks are asked only at the host of the URL that was given, or of the profile's own store;
    with `allow_private` wherever the manifest leads to. `clients` have their own connection.

    Raises USAGE for what needs a profile, NOT_FOUND, DAMAGED for what is no manifest, EXPIRED, CONFIGURATION, or a
    ServiceError. What the probes find is in `.problems()`.

        inspect("handoff.txt").expiry.at
    """
    own, now = is_own(source), datetime.now(UTC)
    if own and profile is None:
        hint = "Name the account that it belongs to (--from PROFILE); a URL or a file needs none."
        raise OmicopyError(ErrorCode.USAGE, f"{source} can't be read without credentials", hint)
    if clients is None:
        named_profiles = [profile] if profile and own else []
        clients = connect(*named_profiles, storage=dict.fromkeys(named_profiles, storage), connection=connection)
    if own and profile is not None:
        session = clients.session(profile)
        boot = read_source_boot(session, source)
        inspection = replace(_inspect_own(session, source, now), boot=boot)
    else:
        inspection = _inspect_shared(clients, source, now)
    if not probe:
        return inspection
    named = _named_host(clients, inspection, profile)
    return replace(inspection, probes=probe_all(clients.fetcher(), inspection.manifest, named, allow_private))


def _inspect_own(session: AccountSession, source: str, now: datetime) -> Inspection:
    located = locate(session, source, now)
    if located.from_task is not None:
        from omicopy.manifests.task_url import inspect_from_task  # looks into buckets, too, which few need

        return inspect_from_task(session, located.from_task)
    manifest = read_own_manifest(session, located.location)
    outside = problem_of_own(manifest, located.location, session.account.oos_endpoint)
    return Inspection(manifest, location=located.location, outside=outside)


def _named_host(clients: Clients, inspection: Inspection, profile: str | None) -> str | None:
    """The host that the user named: that of the URL, or of the account's own store. A file names none."""
    if inspection.url is not None:
        return inspection.url.hostname
    is_own_place = inspection.location is not None and profile is not None
    return urlsplit(clients.accounts[profile].oos_endpoint).hostname if is_own_place and profile else None


def _inspect_shared(clients: Clients, source: str, now: datetime) -> Inspection:
    found = read_source(source)
    if isinstance(found, bytes):
        return Inspection(parse_manifest(found, "The manifest on stdin" if source == "-" else source))
    return Inspection(read_shared_manifest(clients.fetcher(), found, now), found)


def resign(
    source: str,
    *,
    profile: str,
    storage: str | None = None,
    expires: Duration = "7d",
    allow_key_prefixes: Sequence[str] = (),
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> StoredExport:
    """Signs every URL of an export's manifest again, in a new manifest beside the old one; returns the new one.

    `source` and `storage` are as in `presign`. Only objects in or below the manifest's own folder are signed, or below
    one of `allow_key_prefixes`, each after it was found to be there with the right size. `clients` have their own
    connection.

    Raises USAGE, NOT_FOUND, DAMAGED for a manifest that points elsewhere or to what is gone, DENIED where the key may
    not read or write there, CONFIGURATION, or a ServiceError.

        resign("s3://exports/golden/manifest.json", profile="source").location
    """
    check_lists(allow_key_prefixes=allow_key_prefixes)
    life, now = duration("expires", expires, check_expiry), datetime.now(UTC)
    clients = clients or connect(profile, storage={profile: storage}, connection=connection)
    session = clients.session(profile)
    located = locate(session, source, now)
    require_storage_key(session)
    renewed = resign_export(session, located.location, now, life, allow_key_prefixes)
    clients.warn_of_clocks()
    return renewed


def build_manifest(
    location: str,
    *,
    profile: str,
    name: str,
    storage: str | None = None,
    description: str = "",
    volumes: Sequence[VolumeSpec | str] = (),
    architecture: str = "x86_64",
    product_types: Sequence[str] = (),
    dry_run: bool = False,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
) -> BuiltManifest:
    """Writes a manifest for disks below `s3://BUCKET/PREFIX` that have none; returns it and its location.

    `name`, `description`, `architecture` (x86_64 or i386) and `product_types` (else 0001, Linux) are the image's.
    `volumes` (`DEVICE=OBJECT[,size=10GiB][,type=TYPE][,iops=N]`) name its disks; a single disk need not be named.
    Nothing is replaced: the same manifest is left as it is. With `dry_run` nothing is written. `storage` is as in
    `presign`; `clients` have their own connection.

    Raises USAGE for what has to be given first, NOT_FOUND, DAMAGED for a disk that can't stand alone, NAME_CONFLICT for
    another manifest of that name, DENIED, CONFIGURATION, or a ServiceError.

        build_manifest("s3://uploads/web", profile="source", name="web").location
    """
    check_lists(volumes=volumes, product_types=product_types)
    options = BuildOptions(
        parse_s3_folder(location),
        ImageMetadata(name, check_description(description), architecture, tuple(product_types) or ("0001",)),
        [parse_volume(volume) if isinstance(volume, str) else volume for volume in volumes],
        dry_run,
    )
    clients = clients or connect(profile, storage={profile: storage}, connection=connection)
    built = build(clients.session(profile), options)
    clients.warn_of_clocks()
    return built

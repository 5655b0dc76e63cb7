"""A look at a manifest, one's own or one that was handed over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from omicopy.api.connection import ConnectionOptions, connect
from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import read_own_manifest, read_shared_manifest
from omicopy.manifests.inspect import Inspection, probe_all
from omicopy.manifests.locate import is_own, locate
from omicopy.manifests.own_manifest import problem_of_own
from omicopy.manifests.read_input import read_source
from omicopy.manifests.source_boot import read_source_boot
from omicopy.model.manifest import parse_manifest


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
    """What a manifest says and until when it serves; with `probe` whether every object behind it is alive.

    `source` is the manifest's URL, a file that holds one or the manifest itself, or `-` for stdin, none of which needs
    credentials; or, with `profile`, what `presign` takes, read with the key of `storage`, else with its own. This
    machine and private networks are asked only at the host of the URL that was given, or of the profile's own store;
    with `allow_private` wherever the manifest leads to. `clients` have their own connection.
    """
    own, now = is_own(source), datetime.now(UTC)
    if own and profile is None:
        hint = "Name the account that it belongs to (--from PROFILE); a URL or a file needs none."
        raise OmicopyError(ErrorCode.USAGE, f"{source} can't be read without credentials", hint)
    if clients is None:
        named_profiles = [profile] if profile and own else []
        clients = connect(*named_profiles, storage=dict.fromkeys(named_profiles, storage), connection=connection)
    if own and profile is not None:
        boot = read_source_boot(clients, profile, source)
        inspection = replace(_inspect_own(clients, profile, source, now), boot=boot)
    else:
        inspection = _inspect_handed(clients, source, now)
    if not probe:
        return inspection
    named = _named_host(clients, inspection, profile)
    return replace(inspection, probes=probe_all(clients.fetcher(), inspection.manifest, named, allow_private))


def _inspect_own(clients: Clients, profile: str, source: str, now: datetime) -> Inspection:
    located = locate(clients, profile, source, now)
    if located.by_task is not None:
        from omicopy.manifests.task_url import inspect_by_task  # looks into buckets, too, which few need

        return inspect_by_task(clients, profile, located.by_task)
    manifest = read_own_manifest(clients, profile, located.location)
    outside = problem_of_own(manifest, located.location, clients.accounts[profile].oos_endpoint)
    return Inspection(manifest, location=located.location, outside=outside)


def _named_host(clients: Clients, inspection: Inspection, profile: str | None) -> str | None:
    """The host that the user named: that of the URL, or of the account's own store. A file names none."""
    if inspection.url is not None:
        return inspection.url.hostname
    is_own_place = inspection.location is not None and profile is not None
    return urlsplit(clients.accounts[profile].oos_endpoint).hostname if is_own_place and profile else None


def _inspect_handed(clients: Clients, source: str, now: datetime) -> Inspection:
    found = read_source(source)
    if isinstance(found, bytes):
        return Inspection(parse_manifest(found, "The manifest on stdin" if source == "-" else source))
    return Inspection(read_shared_manifest(clients.fetcher(), found, now), found)

"""From what was typed to complete requests: who the two accounts are, which image is meant, what the copy is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import find_images, identify
from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.manifests.check import (
    demand_https,
    demand_https_inside,
    demand_life,
    demand_no_strays,
    demand_validity,
    read_handed,
)
from omicopy.model.boot import Boot
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.export import export_key
from omicopy.model.image import (
    check_image_name,
    check_name_template,
    render_name,
)
from omicopy.model.image_settings import Aftercare
from omicopy.model.manifest import effective_expiry
from omicopy.model.request import CopyRequest, Destination, HandedManifest, Origin, Party, check_parties
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.validity import check_validity


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What `export` is asked for. `images` are IDs or exact names; the prefix is as typed."""

    images: Sequence[str]
    source: str
    bucket: str
    prefix: str = ""
    disk_format: DiskFormat | None = None
    re_export: bool = False
    create_bucket: bool = False


@dataclass(frozen=True, slots=True)
class CopyWish:
    """What `copy` is asked for beside its export. `name` is a template; `description` None keeps the source's."""

    export: ExportWish
    targets: Sequence[str]
    name: str = "{name}"
    description: str | None = None
    if_exists: IfExists = IfExists.FAIL
    min_validity: timedelta = timedelta(hours=6)
    care: Aftercare = field(default_factory=Aftercare)
    boot: Boot = field(default_factory=Boot)
    cleanup: bool = False


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What `import` is asked for. `name` None takes the manifest's own."""

    url: PresignedUrl
    target: str
    name: str | None = None
    description: str | None = None
    if_exists: IfExists = IfExists.FAIL
    min_validity: timedelta = timedelta(minutes=10)
    allow_http: bool = False
    allow_private: bool = False
    care: Aftercare = field(default_factory=Aftercare)
    boot: Boot = field(default_factory=Boot)


def copy_requests(clients: Clients, wish: CopyWish) -> list[CopyRequest]:
    """One request an image and target. Reads both accounts; raises what keeps any of them from being asked for."""
    check_name_template(wish.name)
    check_validity(wish.min_validity)
    described = None if wish.description is None else _checked_description(wish.description)
    source = identify(clients, wish.export.source)
    targets = [identify(clients, profile) for profile in wish.targets]
    for target in targets:
        check_parties(source, target)
    _check_different(targets)
    requests = []
    for origin in _origins(clients, source, wish.export):
        name = render_name(wish.name, origin.image, source.region)
        text = origin.image.description if described is None else described
        for target in targets:
            destination = Destination(target, name, text, wish.if_exists, wish.care, wish.boot)
            requests.append(
                CopyRequest(
                    origin,
                    destination,
                    wish.min_validity,
                    wish.export.re_export,
                    create_bucket=wish.export.create_bucket,
                    cleanup=wish.cleanup,
                )
            )
    _check_distinct(requests)
    return requests


def export_requests(clients: Clients, wish: ExportWish) -> list[CopyRequest]:
    """One request an image, without a target."""
    source = identify(clients, wish.source)
    return [
        CopyRequest(origin, None, timedelta(0), wish.re_export, create_bucket=wish.create_bucket)
        for origin in _origins(clients, source, wish)
    ]


def read_wished(clients: Clients, wish: ImportWish, now: datetime) -> HandedManifest:
    """What was handed over, read and found alive without a call of the API (R9).

    Raises USAGE for plain http or a host that a stranger must not choose, EXPIRED, NOT_FOUND, DAMAGED, or a
    ServiceError.
    """
    if wish.name is not None:
        check_image_name(wish.name)
    if not wish.allow_http:
        demand_https(wish.url)
    manifest = read_handed(clients.fetcher(), wish.url, now)
    if not wish.allow_http:
        demand_https_inside(manifest)
    if not wish.allow_private:
        demand_no_strays(manifest, wish.url.hostname)
    demand_validity(effective_expiry(wish.url.expires_at, manifest), wish.min_validity, now)
    demand_life(clients.fetcher(), manifest)
    return HandedManifest(wish.url, manifest)


def import_request(clients: Clients, wish: ImportWish, handed: HandedManifest) -> CopyRequest:
    """The request for a manifest that was read by `read_wished`. Raises USAGE for a name that no image may have."""
    manifest = handed.manifest
    name = check_image_name(manifest.name or "" if wish.name is None else wish.name)
    text = (manifest.description or "") if wish.description is None else _checked_description(wish.description)
    target = identify(clients, wish.target)
    destination = Destination(target, name, text, wish.if_exists, wish.care, wish.boot)
    return CopyRequest(handed, destination, wish.min_validity)


def _origins(clients: Clients, source: Party, wish: ExportWish) -> list[Origin]:
    with named("bucket"):
        bucket = check_bucket(wish.bucket)
    with named("prefix"):
        prefix = check_prefix(wish.prefix)
    return [
        Origin(source, image, export_key(image.image_id, bucket, prefix), wish.disk_format)
        for image in find_images(clients, source, wish.images)
    ]


def _checked_description(text: str) -> str:
    with named("description"):
        return check_description(text)


def _check_different(targets: Sequence[Party]) -> None:
    """Two profiles of one account would each make the copy."""
    seen: dict[tuple[str, str], Party] = {}
    for target in targets:
        other = seen.setdefault((target.account_id, target.region), target)
        if other is not target:
            raise OmicopyError(
                ErrorCode.USAGE,
                f"{other} and {target.profile} are the same target",
                "Name each account once with --to.",
            )


def _check_distinct(requests: Sequence[CopyRequest]) -> None:
    """Two images must not become one name in one account: the second would find the first in its place."""
    seen: dict[tuple[str, str, str], str] = {}
    for request in requests:
        if request.destination is None:
            continue
        party, name = request.destination.party, request.destination.name
        other = seen.setdefault((party.account_id, party.region, name), request.marker)
        if other != request.marker:
            raise OmicopyError(
                ErrorCode.USAGE, f"Two images would both be called {name!r} in {party}", "Put {image_id} into --name."
            )

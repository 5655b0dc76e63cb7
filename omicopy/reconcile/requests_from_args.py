"""From what was typed to complete requests: who the two accounts are, which image is meant, what the copy is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import find_images
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.manifests.check import (
    check_objects,
    read_shared_manifest,
    require_https,
    require_https_objects,
    require_no_foreign_objects,
    require_validity,
)
from omicopy.model.boot import Boot
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.export import export_key
from omicopy.model.image import (
    check_image_name,
    check_name_template,
    render_name,
)
from omicopy.model.image_settings import ImageSettings
from omicopy.model.manifest import effective_expiry
from omicopy.model.request import AccountRef, CopyRequest, SharedManifest, Source, Target, check_accounts
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.validity import check_validity


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What `export` is asked for. `images` are IDs or exact names; the prefix is as typed."""

    images: Sequence[str]
    source: str
    bucket: str
    prefix: str = ""
    disk_format: DiskFormat | None = None
    re_export: bool = False
    create_bucket: bool = False


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """What `copy` is asked for beside its export. `name` is a template; `description` None keeps the source's."""

    export: ExportOptions
    targets: Sequence[str]
    name: str = "{name}"
    description: str | None = None
    if_exists: IfExists = IfExists.FAIL
    min_validity: timedelta = timedelta(hours=6)
    settings: ImageSettings = field(default_factory=ImageSettings)
    boot: Boot = field(default_factory=Boot)
    cleanup: bool = False


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What `import` is asked for. `name` None takes the manifest's own."""

    url: PresignedUrl
    target: str
    name: str | None = None
    description: str | None = None
    if_exists: IfExists = IfExists.FAIL
    min_validity: timedelta = timedelta(minutes=10)
    allow_http: bool = False
    allow_private: bool = False
    settings: ImageSettings = field(default_factory=ImageSettings)
    boot: Boot = field(default_factory=Boot)


def copy_requests(clients: Clients, options: CopyOptions) -> list[CopyRequest]:
    """One request an image and target. Reads both accounts; raises what keeps any of them from being asked for."""
    check_name_template(options.name)
    check_validity(options.min_validity)
    described = None if options.description is None else _checked_description(options.description)
    session = clients.session(options.export.source)
    source = session.ref
    targets = [clients.session(profile).ref for profile in options.targets]
    for target in targets:
        check_accounts(source, target)
    _check_different(targets)
    requests = []
    for origin in _origins(session, options.export):
        name = render_name(options.name, origin.image, source.region)
        text = origin.image.description if described is None else described
        for target in targets:
            destination = Target(target, name, text, options.if_exists, options.settings, options.boot)
            requests.append(
                CopyRequest(
                    origin,
                    destination,
                    options.min_validity,
                    options.export.re_export,
                    create_bucket=options.export.create_bucket,
                    cleanup=options.cleanup,
                )
            )
    _check_distinct(requests)
    return requests


def export_requests(clients: Clients, options: ExportOptions) -> list[CopyRequest]:
    """One request an image, without a target."""
    return [
        CopyRequest(origin, None, timedelta(0), options.re_export, create_bucket=options.create_bucket)
        for origin in _origins(clients.session(options.source), options)
    ]


def read_import_manifest(clients: Clients, options: ImportOptions, now: datetime) -> SharedManifest:
    """What was handed over, read and found alive without a call of the API (R9).

    Raises USAGE for plain http or a host that a stranger must not choose, EXPIRED, NOT_FOUND, DAMAGED, or a
    ServiceError.
    """
    if options.name is not None:
        check_image_name(options.name)
    if not options.allow_http:
        require_https(options.url)
    manifest = read_shared_manifest(clients.fetcher(), options.url, now)
    if not options.allow_http:
        require_https_objects(manifest)
    if not options.allow_private:
        require_no_foreign_objects(manifest, options.url.hostname)
    require_validity(effective_expiry(options.url.expires_at, manifest), options.min_validity, now)
    check_objects(clients.fetcher(), manifest)
    return SharedManifest(options.url, manifest)


def import_request(clients: Clients, options: ImportOptions, shared: SharedManifest) -> CopyRequest:
    """The request for a manifest that `read_import_manifest` returned. Raises USAGE for an invalid image name."""
    manifest = shared.manifest
    name = check_image_name(manifest.name or "" if options.name is None else options.name)
    text = (manifest.description or "") if options.description is None else _checked_description(options.description)
    target = clients.session(options.target).ref
    destination = Target(target, name, text, options.if_exists, options.settings, options.boot)
    return CopyRequest(shared, destination, options.min_validity)


def _origins(session: AccountSession, options: ExportOptions) -> list[Source]:
    with named("bucket"):
        bucket = check_bucket(options.bucket)
    with named("prefix"):
        prefix = check_prefix(options.prefix)
    return [
        Source(session.ref, image, export_key(image.image_id, bucket, prefix), options.disk_format)
        for image in find_images(session, options.images)
    ]


def _checked_description(text: str) -> str:
    with named("description"):
        return check_description(text)


def _check_different(targets: Sequence[AccountRef]) -> None:
    """Two profiles of one account would each make the copy."""
    seen: dict[tuple[str, str], AccountRef] = {}
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
        account, name = request.destination.account, request.destination.name
        other = seen.setdefault((account.account_id, account.region, name), request.marker)
        if other != request.marker:
            raise OmicopyError(
                ErrorCode.USAGE, f"Two images would both be called {name!r} in {account}", "Put {image_id} into --name."
            )

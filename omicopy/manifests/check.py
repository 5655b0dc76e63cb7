"""Checks that a manifest URL really works before anyone uses it (R9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from omicopy.cloud.clients import Clients
from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import ObjectState, Probe, UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.own_manifest import TrustedManifest, trust
from omicopy.model.export import FoundExport
from omicopy.model.manifest import (
    MANIFEST_URL,
    Expiry,
    Manifest,
    ManifestSnapshot,
    effective_expiry,
    parse_manifest,
    url_path,
)
from omicopy.model.request import SharedManifest
from omicopy.model.s3_location import S3Object
from omicopy.model.units import format_duration
from omicopy.model.urls.address import HostScope, host_scope
from omicopy.model.urls.presigned_url import MAX_EXPIRY, PresignedUrl
from omicopy.model.urls.refusal import CHECK_KEY

_HINT = "Ask for a new URL (omicopy url …), or lower --min-validity."
NEW_EXPORT = "A new export is needed (omicopy export … --re-export). Ask the owner if it is not yours."


def read_shared_manifest(fetcher: UrlReader, url: PresignedUrl, now: datetime) -> Manifest:
    """Returns the manifest, read through its URL. Raises EXPIRED, NOT_FOUND, or DAMAGED if it is no manifest."""
    # A URL that says it expired is not sent at all: the store's answer could only be vaguer.
    if url.expires_at is not None and url.expires_at <= now:
        message = f"The manifest's URL expired at {url.expires_at:%Y-%m-%d %H:%M:%SZ}"
        raise OmicopyError(ErrorCode.EXPIRED, message, _HINT)
    return parse_manifest(fetcher.read(url), url.place)


def read_importable(
    clients: Clients, url: PresignedUrl, min_validity: timedelta, allow_private: bool, now: datetime
) -> SharedManifest:
    """Reads a shared manifest and checks that it works, without a request to the API (R9).

    Raises USAGE for plain http or for a private host that only the manifest names, EXPIRED, NOT_FOUND, DAMAGED, or a
    ServiceError.
    """
    fetcher = clients.fetcher()
    if not clients.allow_http:
        require_https(url)
    manifest = read_shared_manifest(fetcher, url, now)
    for index, snapshot in enumerate(() if clients.allow_http else manifest.snapshots):
        require_https(snapshot.url, url_path(index))
    if not allow_private:
        require_no_foreign_objects(manifest, url.hostname)
    require_validity(effective_expiry(url.expires_at, manifest), min_validity, now)
    check_objects(fetcher, manifest)
    return SharedManifest(url, manifest)


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A manifest and its URL. It was read through that URL, and points only into its own export (R4, R9)."""

    url: PresignedUrl
    location: S3Object
    manifest: TrustedManifest


def sign_manifest(
    session: AccountSession, location: S3Object, expires: timedelta = MAX_EXPIRY, allowed: Sequence[str] = ()
) -> SignedManifest:
    """Signs an own manifest and returns it as read through the new URL.

    Raises DENIED, NOT_FOUND, DAMAGED, or a ServiceError.
    """
    # Read after signing: the object may have been replaced since an earlier read.
    url = session.presign(location, expires)
    manifest = parse_manifest(session.read_object(location, url), str(location))
    return SignedManifest(url, location, trust(manifest, location, allowed, "Do not import it."))


def sign_found(session: AccountSession, stored: FoundExport) -> str:
    """Returns a new URL of a manifest that was checked before. Raises as `sign_manifest`, and TEMPORARY if it was
    replaced since."""
    signed = sign_manifest(session, stored.location)
    require_unchanged(stored, signed.manifest)
    return signed.url.url


def require_unchanged(stored: FoundExport, manifest: Manifest) -> None:
    """Raises TEMPORARY if `manifest` isn't the one that was checked. Only that one may be handed out."""
    if stored.digest and manifest.digest() != stored.digest:
        message = f"{stored.location} was replaced after it was checked"
        raise OmicopyError(ErrorCode.TEMPORARY, message, "Run the same command again. Check who else writes there.")


def shared_manifest_url(fetcher: UrlReader, shared: SharedManifest, now: datetime) -> str:
    """Returns the manifest's URL, after reading the manifest through it once more.

    Raises what `read_shared_manifest` raises, and DAMAGED if another manifest is there now.
    """
    # Hours may have passed since the first read: the import may have waited for a free place.
    if read_shared_manifest(fetcher, shared.url, now).digest() != shared.manifest.digest():
        message = f"The manifest at {shared.url.place} was replaced after it was checked; nothing was imported"
        hint = "Check the new manifest (omicopy inspect), then import it again."
        raise OmicopyError(ErrorCode.DAMAGED, message, hint)
    return shared.url.url


def read_own_manifest(session: AccountSession, location: S3Object) -> Manifest:
    """Reads the manifest at `location` with the account's own credentials. Only for showing it: it may point anywhere.

    Raises DENIED, NOT_FOUND, DAMAGED, or a ServiceError.
    """
    return parse_manifest(session.read_object(location), str(location))


def require_validity(expiry: Expiry, min_validity: timedelta, now: datetime, hint: str = _HINT) -> None:
    """Raises EXPIRED if a URL is known to expire within `min_validity` from now."""
    if expiry.earliest_known is None or expiry.earliest_known - now >= min_validity:
        return
    left = max(expiry.earliest_known - now, timedelta(0))
    raise OmicopyError(
        ErrorCode.EXPIRED,
        f"{expiry.first} expires at {expiry.earliest_known:%Y-%m-%d %H:%M:%SZ}: "
        f"{format_duration(left)} left, {format_duration(min_validity)} required",
        hint,
    )


def check_objects(fetcher: UrlReader, manifest: Manifest, signer: str | None = None) -> None:
    """Reads one byte through every embedded URL. Raises like `problem_of`, or a ServiceError."""
    for index, snapshot in enumerate(manifest.snapshots):
        problem = problem_of(index, snapshot, fetcher.probe(snapshot.url), signer)
        if problem is not None:
            raise problem


def problem_of(index: int, snapshot: ManifestSnapshot, probe: Probe, signer: str | None = None) -> OmicopyError | None:
    """Returns the error that a probe found in the snapshot `index` of a manifest, or None: DAMAGED for a missing object
    or one of another size, EXPIRED for a refused URL, or the probe's own ServiceError.

    If the profile `signer` has just signed the URL, a refusal means that its credentials are refused: DENIED.
    """
    what = f"{url_path(index)}: {snapshot.key}"
    if probe.error is not None:
        return OmicopyError(probe.error.code, f"{what}: {probe.error.message}", probe.error.hint)
    if probe.life is ObjectState.MISSING:
        return OmicopyError(ErrorCode.DAMAGED, f"{what} is gone", NEW_EXPORT)
    if probe.life is ObjectState.REFUSED:
        why = f": {probe.refusal.message}" if probe.refusal else ""
        if signer is None:
            hint = probe.refusal.hint if probe.refusal else _HINT
            return OmicopyError(ErrorCode.EXPIRED, f"{what}: the store refuses the URL{why}", hint)
        hint = probe.refusal.own_hint if probe.refusal else CHECK_KEY
        message = f"The store refuses a URL of an object signed with the profile {signer!r}: {what}{why}"
        return OmicopyError(ErrorCode.DENIED, message, hint)
    # A store may not report a size, and a manifest need not contain one: then there is nothing to compare.
    if None not in (probe.size_bytes, snapshot.compressed_bytes) and probe.size_bytes != snapshot.compressed_bytes:
        message = f"{what} has {probe.size_bytes} bytes where the manifest says {snapshot.compressed_bytes}"
        return OmicopyError(ErrorCode.DAMAGED, message, NEW_EXPORT)
    return None


def require_https(url: PresignedUrl, what: str = MANIFEST_URL) -> None:
    """Raises USAGE for plain http to another machine, as others on the network could replace the image."""
    if url.is_exposed:
        message = f"{what}: http://{url.host} is not https, so others on the network could change what is imported"
        hint = "Ask for an https URL. If you trust the network, use --allow-http."
        raise OmicopyError(ErrorCode.USAGE, message, hint)


def require_no_foreign_objects(manifest: Manifest, named: str) -> None:
    """Raises USAGE for an embedded URL that leads to a private host; see `foreign_object`."""
    for index, snapshot in enumerate(manifest.snapshots):
        problem = foreign_object(snapshot.url, named)
        if problem is not None:
            raise OmicopyError(problem.code, f"{url_path(index)}: {problem.message}", problem.hint)


def foreign_object(url: PresignedUrl, named: str | None) -> OmicopyError | None:
    """Returns USAGE for a URL that leads to this machine, its link or a private network, unless its host is `named`;
    else None.

    A manifest is untrusted input: it could make omicopy send requests to hosts that only this machine can reach. A host
    that the user named is the user's own choice.
    """
    reach = url.reach
    # 127.0.0.1 and localhost are one machine: they need not be spelled alike.
    are_both_here = named is not None and reach is HostScope.MACHINE and host_scope(named) is HostScope.MACHINE
    if reach is HostScope.PUBLIC or url.hostname == named or are_both_here:
        return None
    message = f"{url.host} was not contacted: it is {reach.value}, and only the manifest names it"
    hint = "A manifest from elsewhere must not choose private hosts. If you trust this one, use --allow-private."
    return OmicopyError(ErrorCode.USAGE, message, hint)

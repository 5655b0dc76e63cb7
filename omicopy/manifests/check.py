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
_NEW_EXPORT = "A new export is needed."


def read_shared_manifest(fetcher: UrlReader, url: PresignedUrl, now: datetime) -> Manifest:
    """The manifest, read through its URL. Raises EXPIRED, NOT_FOUND, or DAMAGED for what is no manifest."""
    if url.expires_at is not None and url.expires_at <= now:
        message = f"The manifest's URL expired at {url.expires_at:%Y-%m-%d %H:%M:%SZ}"
        raise OmicopyError(ErrorCode.EXPIRED, message, _HINT)
    return parse_manifest(fetcher.read(url), url.place)


def read_importable(
    clients: Clients, url: PresignedUrl, min_validity: timedelta, allow_private: bool, now: datetime
) -> SharedManifest:
    """A shared manifest, read and found to work without a request to the API (R9).

    Raises USAGE for plain http or a host that a stranger must not choose, EXPIRED, NOT_FOUND, DAMAGED, or a
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
    """A manifest and its URL: read through that URL, and found to point only into its own export (R4, R9)."""

    url: PresignedUrl
    location: S3Object
    manifest: TrustedManifest


def sign_manifest(
    session: AccountSession, location: S3Object, expires: timedelta = MAX_EXPIRY, allowed: Sequence[str] = ()
) -> SignedManifest:
    """Signs an own manifest and checks what the URL leads to: somebody may have replaced what was read before.

    Raises DENIED, NOT_FOUND, DAMAGED, or a ServiceError.
    """
    url = session.presign(location, expires)
    manifest = parse_manifest(session.read_own(location, url), str(location))
    return SignedManifest(url, location, trust(manifest, location, allowed, "Do not import it."))


def sign_found(session: AccountSession, stored: FoundExport) -> str:
    """A URL of the manifest that was looked at before. Raises as `sign_manifest`, and TEMPORARY where another one lies
    there now, which has to be looked at first."""
    signed = sign_manifest(session, stored.location)
    require_unchanged(stored, signed.manifest)
    return signed.url.url


def require_unchanged(stored: FoundExport, manifest: Manifest) -> None:
    """Raises TEMPORARY if `manifest` isn't the one that was checked: only that one may be passed on."""
    if stored.digest and manifest.digest() != stored.digest:
        message = f"{stored.location} was replaced after it was looked at"
        raise OmicopyError(ErrorCode.TEMPORARY, message, "Run the same command again, and see who else writes there.")


def shared_manifest_url(fetcher: UrlReader, shared: SharedManifest, now: datetime) -> str:
    """The manifest's URL, after one more read through it: hours may have passed since.

    Raises what `read_shared_manifest` raises, and DAMAGED if another manifest is there now.
    """
    if read_shared_manifest(fetcher, shared.url, now).digest() != shared.manifest.digest():
        message = f"The manifest at {shared.url.place} was replaced after it was checked; nothing was imported"
        raise OmicopyError(ErrorCode.DAMAGED, message, "Look at the new one (omicopy inspect), then import it again.")
    return shared.url.url


def read_own_manifest(session: AccountSession, location: S3Object) -> Manifest:
    """The manifest at `location`, read with the account's own credentials, wherever it points to: for eyes only.

    Raises DENIED, NOT_FOUND, DAMAGED, or a ServiceError.
    """
    return parse_manifest(session.read_own(location), str(location))


def require_validity(expiry: Expiry, min_validity: timedelta, now: datetime, hint: str = _HINT) -> None:
    """Raises EXPIRED if a URL is known to expire within `min_validity` from now."""
    if expiry.earliest_known is None or expiry.earliest_known - now >= min_validity:
        return
    left = max(expiry.earliest_known - now, timedelta(0))
    raise OmicopyError(
        ErrorCode.EXPIRED,
        f"{expiry.first} ends at {expiry.earliest_known:%Y-%m-%d %H:%M:%SZ}: "
        f"{format_duration(left)} left, {format_duration(min_validity)} asked for",
        hint,
    )


def check_objects(fetcher: UrlReader, manifest: Manifest, signer: str | None = None) -> None:
    """Reads one byte through every embedded URL. Raises like `problem_of`, or a ServiceError."""
    for index, snapshot in enumerate(manifest.snapshots):
        problem = problem_of(index, snapshot, fetcher.probe(snapshot.url), signer)
        if problem is not None:
            raise problem


def problem_of(index: int, snapshot: ManifestSnapshot, probe: Probe, signer: str | None = None) -> OmicopyError | None:
    """What a probe found wrong with the snapshot `index` of a manifest: DAMAGED for a missing object or one of another
    size, EXPIRED for a refused URL, or the ServiceError that kept it from being found out.

    Where the profile `signer` signed the URL a moment ago, a refusal speaks of its credentials: DENIED.
    """
    what = f"{url_path(index)}: {snapshot.key}"
    if probe.error is not None:
        return OmicopyError(probe.error.code, f"{what}: {probe.error.message}", probe.error.hint)
    if probe.life is ObjectState.MISSING:
        return OmicopyError(ErrorCode.DAMAGED, f"{what} is gone", _NEW_EXPORT)
    if probe.life is ObjectState.REFUSED:
        why = f": {probe.refusal.message}" if probe.refusal else ""
        if signer is None:
            hint = probe.refusal.hint if probe.refusal else _HINT
            return OmicopyError(ErrorCode.EXPIRED, f"{what}: the store refuses the URL{why}", hint)
        hint = probe.refusal.own_hint if probe.refusal else CHECK_KEY
        message = f"The store refuses a URL of an object signed with the profile {signer!r}: {what}{why}"
        return OmicopyError(ErrorCode.DENIED, message, hint)
    if None not in (probe.size_bytes, snapshot.compressed_bytes) and probe.size_bytes != snapshot.compressed_bytes:
        message = f"{what} has {probe.size_bytes} bytes where the manifest says {snapshot.compressed_bytes}"
        return OmicopyError(ErrorCode.DAMAGED, message, _NEW_EXPORT)
    return None


def require_https(url: PresignedUrl, what: str = MANIFEST_URL) -> None:
    """Raises USAGE for plain http to another machine: others on the network could replace the image."""
    if url.is_exposed:
        message = f"{what}: http://{url.host} is not https, so others on the network could change what is imported"
        raise OmicopyError(ErrorCode.USAGE, message, "Ask for an https URL, or trust the network and say --allow-http.")


def require_no_foreign_objects(manifest: Manifest, named: str) -> None:
    """Raises USAGE for an embedded URL to a place that a stranger's manifest must not use; see `foreign_object`."""
    for index, snapshot in enumerate(manifest.snapshots):
        problem = foreign_object(snapshot.url, named)
        if problem is not None:
            raise OmicopyError(problem.code, f"{url_path(index)}: {problem.message}", problem.hint)


def foreign_object(url: PresignedUrl, named: str | None) -> OmicopyError | None:
    """USAGE for a URL that leads to this machine, its link or a private network, if it is not at the host `named`.

    A manifest is a stranger's input: it could have us ask whatever only this machine can reach. A host that the user
    named is the user's own choice.
    """
    reach = url.reach
    are_both_here = named is not None and reach is HostScope.MACHINE and host_scope(named) is HostScope.MACHINE
    if reach is HostScope.PUBLIC or url.hostname == named or are_both_here:
        return None
    return OmicopyError(
        ErrorCode.USAGE,
        f"{url.host} was not asked: it is {reach.value}, and only the manifest names it",
        "A stranger's manifest must not choose what is asked there. If it is right all the same, say --allow-private.",
    )

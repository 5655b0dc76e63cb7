"""Signs a URL of any object. A manifest is checked first (R9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from omicopy.cloud.access_key import ACCESS_KEY, access_key_expiry
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.presign import check_content_type
from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import ObjectState
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import check_objects, require_validity, sign_manifest
from omicopy.manifests.expiry_tag import record_url_expiry
from omicopy.manifests.own_manifest import TrustedManifest, has_to_be_manifest, read_trusted_manifest
from omicopy.manifests.resign import read_back, resign_or_expired, resigned_keys
from omicopy.model.export import StoredExport
from omicopy.model.manifest import MANIFEST_URL, Expiry, earliest_of, url_path
from omicopy.model.s3_location import S3Object
from omicopy.model.units import format_duration
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.validity import check_expiry, check_validity

OBJECT_URL = "URL"
"""The name in `Expiry` for the URL of an object that isn't a manifest."""


@dataclass(frozen=True, slots=True)
class PresignOptions:
    """`expires` is how long the URL works. Every URL inside a manifest must work for `min_validity`, at most
    `expires`.

    Without `check`, no request is sent. Without `resign`, a manifest with other URLs is refused.
    """

    expires: timedelta
    min_validity: timedelta
    check: bool = True
    resign: bool = True
    only_manifest: bool = False
    """Sign only a manifest: the object was given as a URL, which may come from elsewhere."""
    is_export: bool = False
    """The object was given as an export, so it must be a manifest."""


@dataclass(frozen=True, slots=True)
class PresignResult:
    """A signed URL of `location`. `manifest` is None if the object is no manifest, or wasn't read."""

    url: PresignedUrl
    location: S3Object
    manifest: TrustedManifest | None
    key_expires_at: datetime | None = None
    """When the signing access key expires. None if never or unknown."""
    resigned: bool = False
    replaces: bool = False
    """True if an upload will replace an existing object."""
    handoff: str | None = None
    """The hand-off text with the URL, if requested."""

    @property
    def expiry(self) -> Expiry:
        """The earliest expiry of the URL, the URLs inside the manifest, and the access key."""
        ends = [(MANIFEST_URL if self.manifest else OBJECT_URL, self.url.expires_at)]
        ends += [(ACCESS_KEY, self.key_expires_at)] if self.key_expires_at else []
        return earliest_of(ends + (self.manifest.ends() if self.manifest else []))


def presign_checked(
    session: AccountSession, options: PresignOptions, location: S3Object, now: datetime
) -> PresignResult:
    """Signs one object. A manifest whose URLs expire too early is re-signed first (R9).

    Records the expiry on the task of omicopy's own exports. Raises USAGE for a bad expiry, NOT_FOUND, DENIED for
    refused credentials, DAMAGED, EXPIRED, or a ServiceError.
    """
    result = _presign_checked(session, options, location, now)
    if result.manifest:
        record_url_expiry(session, result.location, result.expiry.at or now + options.expires)
    return result


def _presign_checked(
    session: AccountSession, options: PresignOptions, location: S3Object, now: datetime
) -> PresignResult:
    _check(options)
    url = session.presign(location, options.expires)
    if not options.check and not options.only_manifest:
        return PresignResult(url, location, None)
    raw = session.read_object(location, url)
    # A URL works only as long as the key that signed it.
    key_expires_at = _require_valid_key(session, options, now)
    if not options.is_export and not has_to_be_manifest(location.key, raw):
        if options.only_manifest:
            hint = f"To hand it out, give its location instead of a URL: {location}"
            raise OmicopyError(ErrorCode.USAGE, f"{location} is no manifest, so it isn't signed for a URL", hint)
        return PresignResult(url, location, None, key_expires_at)
    manifest = _trusted(raw, location)
    shortcoming = _validity_problem(session, options, manifest, now)
    if shortcoming is None:
        return PresignResult(url, location, manifest, key_expires_at)
    # An earlier run may have re-signed it already: without this read, every run would add another manifest.
    newer = _newer_manifest(session, options, location, manifest, now)
    if newer is not None:
        return replace(newer, key_expires_at=key_expires_at)
    if not options.resign:
        raise shortcoming
    return _presign_resigned(session, options, StoredExport(location, manifest), key_expires_at, now)


def presign_upload(
    session: AccountSession, options: PresignOptions, location: S3Object, content_type: str | None, now: datetime
) -> PresignResult:
    """Signs one upload (PUT) to a key, which need not exist. Raises USAGE, EXPIRED for the access key, NOT_FOUND for
    the bucket, or a ServiceError."""
    _check(options)
    content_type = check_content_type(content_type) if content_type else None
    url = session.presign(location, options.expires, "PUT", content_type)
    if not options.check:
        return PresignResult(url, location, None)
    key_expires_at = _require_valid_key(session, options, now)
    probe = session.url_reader.probe(session.presign(location))
    taken = probe.life is ObjectState.ALIVE
    # A refusal may only mean that this key can't read: the right to upload can't be tested without an upload.
    if probe.refusal is not None and probe.refusal.is_signers_fault:
        raise session.refused(location, probe.refusal)
    if not taken:
        _require_bucket(session, location)
    return PresignResult(url, location, None, key_expires_at, replaces=taken)


def _check(options: PresignOptions) -> None:
    check_expiry(options.expires)
    if options.min_validity > options.expires:
        asked, life = format_duration(options.min_validity), format_duration(options.expires)
        message = f"A URL that expires after {life} can't be valid for {asked}"
        raise OmicopyError(ErrorCode.USAGE, message, "Raise --expires, or lower --min-validity.")
    check_validity(options.min_validity)


def _require_valid_key(session: AccountSession, options: PresignOptions, now: datetime) -> datetime | None:
    ends = access_key_expiry(session)
    if ends is not None:
        hint = f"Sign with an access key that expires later than that of {session.profile!r}, or lower --min-validity."
        require_validity(earliest_of([(ACCESS_KEY, ends)]), options.min_validity, now, hint)
    return ends


def _require_bucket(session: AccountSession, location: S3Object) -> None:
    """Raises NOT_FOUND if the bucket doesn't exist. A key that can only upload can't find that out: no error."""
    try:
        session.storage.sizes(location.bucket, location.key)
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED:
            raise


def _validity_problem(
    session: AccountSession, options: PresignOptions, manifest: TrustedManifest, now: datetime
) -> OmicopyError | None:
    """Returns EXPIRED if the manifest must be re-signed: a URL inside expires too early, is refused, has no expiry, or
    leads to another endpoint. None if it is good. Raises errors that re-signing doesn't cure."""
    endpoint = session.account.oos_endpoint
    for index, snapshot in enumerate(manifest.snapshots):
        if snapshot.url.expires_at is None:
            return _expired(f"{url_path(index)} doesn't say when it expires")
        if not snapshot.url.is_at(endpoint):
            return _expired(f"{url_path(index)} leads to {snapshot.url.host}, not to {endpoint}")
    try:
        require_validity(manifest.expiry(), options.min_validity, now, _RESIGN)
        check_objects(session.url_reader, manifest)
    except OmicopyError as error:
        if error.code is not ErrorCode.EXPIRED:
            raise
        return OmicopyError(error.code, error.message, _RESIGN)
    return None


_RESIGN = "Re-sign it: omicopy resign …, or omicopy url … without --no-resign."


def _expired(what: str) -> OmicopyError:
    return OmicopyError(ErrorCode.EXPIRED, what, _RESIGN)


def _newer_manifest(
    session: AccountSession, options: PresignOptions, location: S3Object, manifest: TrustedManifest, now: datetime
) -> PresignResult | None:
    """Returns the newest good manifest of the same objects that was re-signed beside this one, or None."""
    for found in resigned_keys(session.storage, location)[:_MAX_READ]:
        try:
            newer = sign_manifest(session, found, options.expires)
        except ServiceError:
            raise
        except OmicopyError:  # damaged, deleted meanwhile, or planted: a manifest that points outside its export
            continue
        is_same = newer.manifest.fingerprint() == manifest.fingerprint()
        if is_same and _validity_problem(session, options, newer.manifest, now) is None:
            return PresignResult(newer.url, newer.location, newer.manifest)
    return None


_MAX_READ = 5
"""Re-signed manifests to try before a new one is made."""


def _presign_resigned(
    session: AccountSession,
    options: PresignOptions,
    stored: StoredExport,
    key_expires_at: datetime | None,
    now: datetime,
) -> PresignResult:
    renewed = resign_or_expired(session, stored, now)
    signed = read_back(session, stored, renewed, options.expires)
    check_objects(session.url_reader, signed.manifest, session.account.signer)
    return PresignResult(signed.url, signed.location, signed.manifest, key_expires_at, resigned=True)


def _trusted(raw: bytes, location: S3Object) -> TrustedManifest:
    try:
        return read_trusted_manifest(raw, location, "Don't hand it out.")
    except OmicopyError as error:
        hint = f"{error.hint} If you are sure that it is right: omicopy url … --no-check"
        raise OmicopyError(error.code, error.message, hint) from None

"""Re-signs an old export: every object gets a new URL, in a new manifest next to the old one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import SignedManifest, problem_of, read_own_manifest, require_unchanged, sign_manifest
from omicopy.manifests.own_manifest import TrustedManifest, read_trusted_manifest, trust
from omicopy.model.export import FoundExport, StoredExport
from omicopy.model.manifest import parse_manifest
from omicopy.model.s3_location import S3Object, check_own_key, check_prefix
from omicopy.model.urls.presigned_url import MAX_EXPIRY, PresignedUrl
from omicopy.model.urls.validity import check_expiry

if TYPE_CHECKING:
    from omicopy.cloud.object_storage import Storage


def resign(
    session: AccountSession,
    stored: StoredExport,
    now: datetime,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> S3Object:
    """Writes a manifest with new URLs, which expire after `expires`, beside the old one; returns its location.

    Signs only keys in or below the manifest's own folder, or under one of the prefixes `allowed` (R4). Reads every
    object through its new URL before the manifest is written. Never replaces an object.

    Raises USAGE if the new key is too long, DAMAGED if an object is elsewhere, missing or of another size, DENIED if
    the account may not read or write there, or a ServiceError.
    """
    for prefix in allowed:
        if not check_prefix(prefix).strip("/"):
            hint = "Give the folder that contains the objects."
            raise OmicopyError(ErrorCode.USAGE, "An empty --allow-key-prefix would allow the whole bucket", hint)
    _renewed(stored.location, now)  # a key that is too long is refused before any request
    manifest = trust(stored.manifest, stored.location, allowed, _OUTSIDE)
    urls = [session.presign(stored.location.with_key(snapshot.key or ""), expires) for snapshot in manifest.snapshots]
    _require_objects(session, manifest, urls)
    body = manifest.with_urls([url.url for url in urls])
    parse_manifest(body, f"The new manifest of {stored.location}")  # never write what can't be read again
    location = _free_location(session.storage, stored, now)
    session.storage.put(location, body)
    return location


def resign_export(
    session: AccountSession,
    location: S3Object,
    now: datetime,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> StoredExport:
    """Re-signs a manifest; returns the new one, as read back from the bucket. Raises as `resign`."""
    check_expiry(expires)
    _renewed(location, now)
    old = StoredExport(location, read_own_manifest(session, location))
    renewed = resign(session, old, now, expires, allowed)
    return StoredExport(renewed, read_back(session, old, renewed, allowed=allowed).manifest)


def read_back(
    session: AccountSession,
    old: StoredExport,
    renewed: S3Object,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> SignedManifest:
    """Reads the manifest that `resign` has just written, and signs its URL. Raises as `sign_manifest`, and DAMAGED if
    it is another one."""
    signed = sign_manifest(session, renewed, expires, allowed)
    is_same = signed.manifest.fingerprint() == old.manifest.fingerprint()
    if not (is_same and signed.manifest.is_at(session.account.oos_endpoint)):
        message = f"{signed.location} was replaced after it was written"
        raise OmicopyError(ErrorCode.DAMAGED, message, "Nothing was handed out. Check who else writes to the bucket.")
    return signed


def resign_found(session: AccountSession, found: FoundExport, now: datetime) -> S3Object:
    """Re-signs a manifest that was checked before. Raises as `resign_or_expired`, and TEMPORARY if it was replaced
    since."""
    # Read again: `found` has only the digest of the manifest that was checked, not its content.
    manifest = read_trusted_manifest(session.storage.read(found.location), found.location)
    require_unchanged(found, manifest)
    return resign_or_expired(session, StoredExport(found.location, manifest), now)


def resign_or_expired(session: AccountSession, stored: StoredExport, now: datetime) -> S3Object:
    """Re-signs a manifest whose URLs expire too early. Raises as `resign`, but EXPIRED without the right to write."""
    try:
        return resign(session, stored, now)
    except ServiceError as error:
        # Only the write is optional: a refused read concerns the export itself.
        if error.code is not ErrorCode.DENIED or error.action != "PutObject":
            raise
        raise OmicopyError(
            ErrorCode.EXPIRED,
            f"The URLs in {stored.location} expire too early, and "
            f"{session.account.signer} may not put a new manifest beside it",
            "Give that access key the right to write to the bucket, or sign with one that has it.",
        ) from None


_OUTSIDE = "Nothing was signed. If you are sure that it is right: omicopy resign … --allow-key-prefix PREFIX"


def _require_objects(session: AccountSession, manifest: TrustedManifest, urls: Sequence[PresignedUrl]) -> None:
    """Raises if an object is missing, has another size, or can't be read with the new URL."""
    for index, (snapshot, url) in enumerate(zip(manifest.snapshots, urls, strict=True)):
        problem = problem_of(index, snapshot, session.url_reader.probe(url), session.account.signer)
        if problem is not None:
            raise problem


def resigned_keys(storage: Storage, location: S3Object) -> list[S3Object]:
    """Returns the locations of re-signed manifests beside `location`, newest first; none if the key can't list the
    bucket.

    The names prove nothing: other writers of the bucket may use them, too.
    """
    try:
        listed = storage.sizes(location.bucket, _new_key_prefix(location.key))
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED:
            raise
        return []
    # The keys contain the time of signing, so that the last one is the newest.
    keys = sorted((key for key in listed if key.endswith(".json") and key != location.key), reverse=True)
    return [location.with_key(key) for key in keys]


def _free_location(storage: Storage, stored: StoredExport, now: datetime) -> S3Object:
    """`a/b.json` -> `a/b.resigned-20260101T000000Z.json`, or with the next free second."""
    taken = storage.sizes(stored.location.bucket, _new_key_prefix(stored.location.key))
    while (location := _renewed(stored.location, now)).key in taken:
        now += timedelta(seconds=1)
    return location


def _renewed(location: S3Object, now: datetime) -> S3Object:
    """Returns the location of the new manifest. Raises USAGE if the key is too long for object storage."""
    return location.with_key(check_own_key(f"{_new_key_prefix(location.key)}{now:%Y%m%dT%H%M%SZ}.json"))


def _new_key_prefix(key: str) -> str:
    """Returns the prefix of the keys of new manifests. It doesn't grow if the manifest was re-signed before."""
    path = PurePosixPath(key)
    folder = key[: len(key) - len(path.name)]
    stem = (path.stem if path.suffix == ".json" else path.name).split(".resigned-")[0]
    return f"{folder}{stem}.resigned-"

"""New signatures for an old export: every object signed anew, a new manifest put beside the old one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.presign import presign
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.url_reader import UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import SignedManifest, problem_of, read_own_manifest, require_unchanged, sign_manifest
from omicopy.manifests.own_manifest import TrustedManifest, read_trusted_manifest, trust
from omicopy.model.export import FoundExport, StoredExport
from omicopy.model.manifest import parse_manifest
from omicopy.model.result import SCHEMA, describe_snapshots, rfc3339
from omicopy.model.s3_location import check_own_key, check_prefix
from omicopy.model.urls.presigned_url import MAX_EXPIRY, parse_presigned
from omicopy.model.urls.validity import check_expiry

if TYPE_CHECKING:
    from omicopy.cloud.object_storage import Storage


def resign(
    account: Account,
    storage: Storage,
    fetcher: UrlReader,
    stored: StoredExport,
    now: datetime,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> str:
    """Puts a manifest whose URLs live for `expires` beside the old one; returns its key, which nothing had before.

    Only keys in or below the manifest's own folder get a signature, or under one of the prefixes `allowed` (R4); every
    object is asked for through its new URL first. Raises USAGE for a new key that would be too long, DAMAGED for what
    points elsewhere, is gone or has another size, DENIED where the account may not read or write there, else a
    ServiceError.
    """
    for prefix in allowed:
        if not check_prefix(prefix).strip("/"):
            hint = "Name the folder that the objects lie in."
            raise OmicopyError(ErrorCode.USAGE, "--allow-key-prefix without a prefix is the whole bucket", hint)
    _new_key(stored.manifest_key, now)
    manifest = trust(stored.manifest, stored.bucket, stored.manifest_key, allowed, _OUTSIDE)
    urls = [presign(account, stored.bucket, snapshot.key or "", expires) for snapshot in manifest.snapshots]
    _demand_objects(account, fetcher, manifest, urls)
    body = manifest.with_urls(urls)
    parse_manifest(body, f"The new manifest of {stored.location}")  # nothing is put that we could not read again
    key = _free_key(storage, stored, now)
    storage.put(stored.bucket, key, body)
    return key


def resign_export(
    clients: Clients,
    profile: str,
    bucket: str,
    key: str,
    now: datetime,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> StoredExport:
    """Signs the export of a manifest anew: the new manifest, as it now lies beside the old one. Raises as `resign`."""
    check_expiry(expires)
    _new_key(key, now)
    account, storage, fetcher = clients.accounts[profile], clients.storage(profile), clients.fetcher()
    old = StoredExport(bucket, key, read_own_manifest(clients, profile, bucket, key))
    new_key = resign(account, storage, fetcher, old, now, expires, allowed)
    return StoredExport(bucket, new_key, read_back(account, fetcher, old, new_key, allowed=allowed).manifest)


def read_back(
    account: Account,
    fetcher: UrlReader,
    old: StoredExport,
    new_key: str,
    expires: timedelta = MAX_EXPIRY,
    allowed: Sequence[str] = (),
) -> SignedManifest:
    """What lies where `resign` has just put a manifest, and a URL of it. Raises DAMAGED where it is another one, else
    as `sign_manifest`."""
    signed = sign_manifest(fetcher, account, old.bucket, new_key, expires, allowed)
    if not signed.manifest.is_at(account.oos_endpoint) or signed.manifest.fingerprint() != old.manifest.fingerprint():
        message = f"{signed.location} was replaced after it was put there"
        raise OmicopyError(ErrorCode.DAMAGED, message, "Nothing was handed out. See who else writes to the bucket.")
    return signed


def describe_resigned(new: StoredExport) -> dict[str, Any]:
    """What `resign -o json` prints."""
    return {
        "schema": SCHEMA,
        "manifest": new.location,
        "effective_expires_at": rfc3339(new.manifest.expiry().at),
        "snapshots": describe_snapshots(new.manifest),
    }


def resign_found(account: Account, storage: Storage, fetcher: UrlReader, found: FoundExport, now: datetime) -> str:
    """As `resign_in_passing`, of the manifest that was looked at before; TEMPORARY where another one lies there now."""
    manifest = read_trusted_manifest(storage.read(found.bucket, found.manifest_key), found.bucket, found.manifest_key)
    require_unchanged(found, manifest)
    stored = StoredExport(found.bucket, found.manifest_key, manifest)
    return resign_in_passing(account, storage, fetcher, stored, now)


def resign_in_passing(
    account: Account, storage: Storage, fetcher: UrlReader, stored: StoredExport, now: datetime
) -> str:
    """As `resign`, for whom a URL that ends too early is in the way: without the right to write that is EXPIRED."""
    try:
        return resign(account, storage, fetcher, stored, now)
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED or error.action != "PutObject":
            raise
        raise OmicopyError(
            ErrorCode.EXPIRED,
            f"The URLs in {stored.location} end too early, and {account.signer} may not put a new manifest beside it",
            "Give that access key the right to write to the bucket, or sign with one that has it.",
        ) from None


_OUTSIDE = "Nothing was signed. If it is right all the same: omicopy resign … --allow-key-prefix PREFIX"


def _demand_objects(account: Account, fetcher: UrlReader, manifest: TrustedManifest, urls: Sequence[str]) -> None:
    """Every object is there, as large as the manifest says, and may be read by whoever signed."""
    for index, (snapshot, url) in enumerate(zip(manifest.snapshots, urls, strict=True)):
        problem = problem_of(index, snapshot, fetcher.probe(parse_presigned(url)), account.signer)
        if problem is not None:
            raise problem


def resigned_manifest(storage: Storage, bucket: str, key: str) -> list[str]:
    """The keys of the manifests that were signed anew beside `key`, the last one first; none where the bucket may not
    be listed. Whoever may put an object there may have called it so."""
    try:
        listed = storage.sizes(bucket, _beside(key))
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED:
            raise
        return []
    return sorted((found for found in listed if found.endswith(".json") and found != key), reverse=True)


def _free_key(storage: Storage, stored: StoredExport, now: datetime) -> str:
    """`a/b.json` -> `a/b.resigned-20260101T000000Z.json`, or of the next second that nobody took."""
    taken = storage.sizes(stored.bucket, _beside(stored.manifest_key))
    while (key := _new_key(stored.manifest_key, now)) in taken:
        now += timedelta(seconds=1)
    return key


def _new_key(key: str, now: datetime) -> str:
    """Raises USAGE for one that object storage would not take."""
    return check_own_key(f"{_beside(key)}{now:%Y%m%dT%H%M%SZ}.json")


def _beside(key: str) -> str:
    """What the keys of new manifests begin with; a stem that was signed anew before is not made longer."""
    path = PurePosixPath(key)
    folder = key[: len(key) - len(path.name)]
    stem = (path.stem if path.suffix == ".json" else path.name).split(".resigned-")[0]
    return f"{folder}{stem}.resigned-"

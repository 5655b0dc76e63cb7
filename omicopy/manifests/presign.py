"""A URL to hand out: of any object, or of an export's manifest, which then is found to work first (R9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from omicopy.cloud.access_key import ACCESS_KEY, access_key_ends
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.presign import check_content_type, presign
from omicopy.cloud.url_reader import Life
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import demand_life, demand_validity, read_own, sign_manifest
from omicopy.manifests.expiry_tag import promise
from omicopy.manifests.own_manifest import TrustedManifest, has_to_be_manifest, read_trusted_manifest
from omicopy.manifests.resign import read_back, resign_in_passing, signed_anew
from omicopy.model.export import StoredExport
from omicopy.model.manifest import MANIFEST_URL, Expiry, first_to_end, url_path
from omicopy.model.result import SCHEMA, describe_snapshots, rfc3339
from omicopy.model.units import say_duration
from omicopy.model.urls.presigned_url import PresignedUrl, parse_presigned
from omicopy.model.urls.validity import check_expiry, check_validity

OBJECT_URL = "URL"
"""What an expiry calls the URL of an object that is no manifest."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`expires` is the URL's life; every URL inside a manifest must live `min_validity`, which is no longer.

    Without `check` nothing is asked of anybody; without `resign` a manifest is only handed out as it is.
    """

    profile: str
    expires: timedelta
    min_validity: timedelta
    check: bool = True
    resign: bool = True
    only_manifest: bool = False
    """Sign nothing but a manifest: what is wanted was named by a URL, which may be a stranger's."""
    is_export: bool = False
    """What is wanted was named as an export: what lies there has to be its manifest."""


@dataclass(frozen=True, slots=True)
class Handout:
    """A signed URL of `location`; `manifest` is None for an object that is none, or that nobody looked at."""

    url: PresignedUrl
    location: str
    manifest: TrustedManifest | None
    key_ends: datetime | None = None
    """When the access key that signed ends. None: never, as far as is known."""
    signed_anew: bool = False
    replaces: bool = False
    """For an upload: an object is there already."""

    @property
    def expiry(self) -> Expiry:
        """The effective one: the earliest of the URL's, all those inside and the access key's."""
        ends = [(MANIFEST_URL if self.manifest else OBJECT_URL, self.url.expires_at)]
        ends += [(ACCESS_KEY, self.key_ends)] if self.key_ends else []
        return first_to_end(ends + (self.manifest.ends() if self.manifest else []))


def hand_out(clients: Clients, wish: Wish, bucket: str, key: str, now: datetime) -> Handout:
    """Signs one object. A manifest whose URLs end too early is signed anew first (R9).

    Where it is a manifest of an export of ours, the export's task says from then on until when it is handed out.
    Raises USAGE for a bad expiry, NOT_FOUND, DENIED for refused credentials, DAMAGED, EXPIRED, or a ServiceError.
    """
    handout = _hand_out(clients, wish, bucket, key, now)
    if handout.manifest and handout.url.key:
        promise(clients, wish.profile, bucket, handout.url.key, handout.expiry.at or now + wish.expires)
    return handout


def _hand_out(clients: Clients, wish: Wish, bucket: str, key: str, now: datetime) -> Handout:
    _check(wish)
    url = parse_presigned(presign(clients.accounts[wish.profile], bucket, key, wish.expires))
    location = f"s3://{bucket}/{key}"
    if not wish.check and not wish.only_manifest:
        return Handout(url, location, None)
    raw = read_own(clients.fetcher(), url, clients.accounts[wish.profile].signer, location)
    key_ends = _demand_key(clients, wish, now)
    if not wish.is_export and not has_to_be_manifest(key, raw):
        if wish.only_manifest:
            hint = f"To hand it out, name it: {location}"
            raise OmicopyError(ErrorCode.USAGE, f"{location} is no manifest, and only a URL asks for it", hint)
        return Handout(url, location, None, key_ends)
    manifest = _trusted(raw, bucket, key)
    shortcoming = _shortcoming(clients, wish, manifest, now)
    if shortcoming is None:
        return Handout(url, location, manifest, key_ends)
    newer = _newer(clients, wish, bucket, key, manifest, now)
    if newer is not None:
        return replace(newer, key_ends=key_ends)
    if not wish.resign:
        raise shortcoming
    return _hand_out_anew(clients, wish, StoredExport(bucket, key, manifest), key_ends, now)


def hand_out_upload(
    clients: Clients, wish: Wish, bucket: str, key: str, content_type: str | None, now: datetime
) -> Handout:
    """Signs one upload (PUT) to a key that need not exist yet. Raises USAGE, EXPIRED for the access key, NOT_FOUND for
    the bucket, or a ServiceError."""
    _check(wish)
    account = clients.accounts[wish.profile]
    content_type = check_content_type(content_type) if content_type else None
    url = parse_presigned(presign(account, bucket, key, wish.expires, "PUT", content_type))
    location = f"s3://{bucket}/{key}"
    if not wish.check:
        return Handout(url, location, None)
    key_ends = _demand_key(clients, wish, now)
    probe = clients.fetcher().probe(parse_presigned(presign(account, bucket, key)))
    taken = probe.life is Life.ALIVE
    if probe.refusal is not None and probe.refusal.is_of_signer:
        said = (
            f"The store refuses a URL of {location} signed with the profile {account.signer!r}: {probe.refusal.message}"
        )
        raise OmicopyError(ErrorCode.DENIED, said, probe.refusal.own_hint)
    if not taken:
        _demand_bucket(clients, wish.profile, bucket, key)
    return Handout(url, location, None, key_ends, replaces=taken)


def describe_handout(handout: Handout) -> dict[str, Any]:
    """What `url -o json` prints (DESIGN: the JSON of `url`). For an object that is no manifest, `manifest` is null."""
    return {
        "schema": SCHEMA,
        "url": handout.url.url,
        "manifest": handout.location if handout.manifest else None,
        "url_expires_at": rfc3339(handout.url.expires_at),
        "effective_expires_at": rfc3339(handout.expiry.at),
        "snapshots": describe_snapshots(handout.manifest) if handout.manifest else [],
    }


def _check(wish: Wish) -> None:
    check_expiry(wish.expires)
    if wish.min_validity > wish.expires:
        asked, life = say_duration(wish.min_validity), say_duration(wish.expires)
        message = f"A URL that lives for {life} can't be valid for {asked}"
        raise OmicopyError(ErrorCode.USAGE, message, "Raise --expires, or lower --min-validity.")
    check_validity(wish.min_validity)


def _demand_key(clients: Clients, wish: Wish, now: datetime) -> datetime | None:
    ends = access_key_ends(clients, wish.profile)
    if ends is not None:
        hint = f"Sign with an access key that lives longer than the one of {wish.profile!r}, or lower --min-validity."
        demand_validity(first_to_end([(ACCESS_KEY, ends)]), wish.min_validity, now, hint)
    return ends


def _demand_bucket(clients: Clients, profile: str, bucket: str, key: str) -> None:
    """Raises NOT_FOUND for a bucket that is not there. Who may only upload can't be told."""
    try:
        clients.storage(profile).sizes(bucket, key)
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED:
            raise


def _shortcoming(clients: Clients, wish: Wish, manifest: TrustedManifest, now: datetime) -> OmicopyError | None:
    """Why the manifest can't be handed out as it is: a URL inside ends too early, is refused, says no end, or is plain
    http where the account's own store is not. Raises what no new signature can mend."""
    endpoint = clients.accounts[wish.profile].oos_endpoint
    for index, snapshot in enumerate(manifest.snapshots):
        if snapshot.url.expires_at is None:
            return _unfit(f"{url_path(index)} does not say when it ends")
        if not snapshot.url.is_at(endpoint):
            return _unfit(f"{url_path(index)} leads to {snapshot.url.host}, not to {endpoint}")
    try:
        demand_validity(manifest.expiry(), wish.min_validity, now, _RESIGN)
        demand_life(clients.fetcher(), manifest)
    except OmicopyError as error:
        if error.code is not ErrorCode.EXPIRED:
            raise
        return OmicopyError(error.code, error.message, _RESIGN)
    return None


_RESIGN = "Sign it anew: omicopy resign …, or omicopy url … without --no-resign."


def _unfit(what: str) -> OmicopyError:
    return OmicopyError(ErrorCode.EXPIRED, what, _RESIGN)


def _newer(
    clients: Clients, wish: Wish, bucket: str, key: str, manifest: TrustedManifest, now: datetime
) -> Handout | None:
    """The newest manifest that was signed anew beside this one, of the very same objects, if it can be handed out."""
    for found in signed_anew(clients.storage(wish.profile), bucket, key)[:_MOST_READ]:
        try:
            newer = sign_manifest(clients.fetcher(), clients.accounts[wish.profile], bucket, found, wish.expires)
        except ServiceError:
            raise
        except OmicopyError:  # broken, gone by now, or planted: it points into somebody else's bucket
            continue
        is_same = newer.manifest.fingerprint() == manifest.fingerprint()
        if is_same and _shortcoming(clients, wish, newer.manifest, now) is None:
            return Handout(newer.url, newer.location, newer.manifest)
    return None


_MOST_READ = 5
"""Of the manifests that were signed anew; beyond them a new one is made."""


def _hand_out_anew(
    clients: Clients, wish: Wish, stored: StoredExport, key_ends: datetime | None, now: datetime
) -> Handout:
    account, storage, fetcher = clients.accounts[wish.profile], clients.storage(wish.profile), clients.fetcher()
    key = resign_in_passing(account, storage, fetcher, stored, now)
    signed = read_back(account, fetcher, stored, key, wish.expires)
    demand_life(fetcher, signed.manifest, account.signer)
    return Handout(signed.url, signed.location, signed.manifest, key_ends, signed_anew=True)


def _trusted(raw: bytes, bucket: str, key: str) -> TrustedManifest:
    try:
        return read_trusted_manifest(raw, bucket, key, "Don't hand it out.")
    except OmicopyError as error:
        hint = f"{error.hint} If it is right all the same: omicopy url … --no-check"
        raise OmicopyError(error.code, error.message, hint) from None

"""A URL to hand out: of any object, or of an export's manifest, which then is found to work first (R9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.signing import check_expiry, presign
from omicopy.copying.bucket import look_in_bucket, read_stored
from omicopy.copying.facts import Present, Refused, Unknown
from omicopy.copying.handed import demand_life, demand_validity, read_own
from omicopy.copying.resign import resign
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.duration import say_duration
from omicopy.model.export import ExportTask, Phase, StoredExport, parse_task
from omicopy.model.manifest import Expiry, Manifest, effective_expiry, parse_manifest
from omicopy.model.presigned import PresignedUrl, parse_presigned
from omicopy.model.report import SCHEMA, rfc3339


@dataclass(frozen=True, slots=True)
class Wish:
    """`expires` is the URL's life; every URL inside a manifest must live `min_validity`, which is no longer."""

    profile: str
    expires: timedelta
    min_validity: timedelta
    check: bool = True


@dataclass(frozen=True, slots=True)
class Handout:
    """A signed URL of `s3://bucket/key`; `manifest` is None for an object that is none, or that nobody looked at."""

    url: PresignedUrl
    location: str
    manifest: Manifest | None
    signed_anew: bool = False

    @property
    def expiry(self) -> Expiry | None:
        """The effective one: the earliest of the URL's and all those inside."""
        return effective_expiry(self.url.expires_at, self.manifest) if self.manifest else None


def hand_out_object(clients: Clients, wish: Wish, bucket: str, key: str, now: datetime) -> Handout:
    """Signs one object. A manifest whose URLs end too early is signed anew first (R9).

    Raises USAGE for a bad expiry, NOT_FOUND, DENIED for refused credentials, DAMAGED, EXPIRED, or a ServiceError.
    """
    _check(wish)
    account = clients.accounts[wish.profile]
    url = parse_presigned(presign(account, bucket, key, wish.expires))
    location = f"s3://{bucket}/{key}"
    if not wish.check:
        return Handout(url, location, None)
    raw = read_own(clients.fetcher(), url, wish.profile, location)
    if not _may_be_manifest(raw):
        return Handout(url, location, None)
    manifest = parse_manifest(raw, location)
    if _is_usable(clients, wish, manifest, now):
        return Handout(url, location, manifest)
    storage = clients.storage(wish.profile)
    stored = read_stored(storage, bucket, key, storage.sizes(bucket, key.rpartition("/")[0]))
    return _hand_out_resigned(clients, wish, stored, now)


def hand_out_export(clients: Clients, wish: Wish, source: str, now: datetime) -> Handout:
    """Signs the manifest of a finished export: `source` is its task's ID, or its image's. Raises NOT_FOUND too."""
    _check(wish)
    stored = _finished_export(clients, wish.profile, source, now)
    return hand_out_object(clients, wish, stored.bucket, stored.manifest_key, now)


def _check(wish: Wish) -> None:
    check_expiry(wish.expires)
    if wish.min_validity > wish.expires:
        asked, life = say_duration(wish.min_validity), say_duration(wish.expires)
        message = f"A URL that lives for {life} can't be valid for {asked}"
        raise OmicopyError(ErrorCode.USAGE, message, "Raise --expires, or lower --min-validity.")


def describe_handout(handout: Handout) -> dict[str, Any]:
    """What `url -o json` prints (DESIGN: the JSON of `url`). For an object that is no manifest, `manifest` is null."""
    expiry = handout.expiry
    return {
        "schema": SCHEMA,
        "url": handout.url.url,
        "manifest": handout.location if handout.manifest else None,
        "url_expires_at": rfc3339(handout.url.expires_at),
        "effective_expires_at": rfc3339(expiry.at if expiry else handout.url.expires_at),
        "snapshots": [
            {
                "device": snapshot.device,
                "size_bytes": snapshot.size_bytes,
                "compressed_bytes": snapshot.compressed_bytes,
                "expires_at": rfc3339(snapshot.url.expires_at),
            }
            for snapshot in (handout.manifest.snapshots if handout.manifest else ())
        ],
    }


def _is_usable(clients: Clients, wish: Wish, manifest: Manifest, now: datetime) -> bool:
    """Whether every URL inside works and lives long enough; one that dies before the URL we make is of no use."""
    try:
        demand_validity(now + wish.expires, manifest, wish.min_validity, now)
        demand_life(clients.fetcher(), manifest)
    except OmicopyError as error:
        if error.code is not ErrorCode.EXPIRED:
            raise
        return False
    return manifest.earliest_expiry() is not None


def _hand_out_resigned(clients: Clients, wish: Wish, stored: StoredExport, now: datetime) -> Handout:
    if stored.damage:
        raise OmicopyError(
            ErrorCode.DAMAGED, f"{stored.location} is damaged: {stored.damage[0]}", "A new export is needed."
        )
    account, storage = clients.accounts[wish.profile], clients.storage(wish.profile)
    key = resign(account, storage, stored, now)
    url = parse_presigned(presign(account, stored.bucket, key, wish.expires))
    location = f"s3://{stored.bucket}/{key}"
    manifest = parse_manifest(read_own(clients.fetcher(), url, wish.profile, location), location)
    demand_life(clients.fetcher(), manifest)
    return Handout(url, location, manifest, signed_anew=True)


def _may_be_manifest(raw: bytes) -> bool:
    """Whether an object wants to be a manifest, and so has to be a good one."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return raw.lstrip()[:1] == b"{" and b'"Snapshots"' in raw
    return isinstance(document, Mapping) and "Image" in document


def _finished_export(clients: Clients, profile: str, source: str, now: datetime) -> StoredExport:
    is_task = source.startswith("image-export-")
    filters = {"TaskIds": [source]} if is_task else {"ImageIds": [source]}
    api = clients.api(profile)
    raw = api.read_all("ReadImageExportTasks", "ImageExportTasks", clients.retry.total_seconds(), filters)
    tasks = [task for item in raw if (task := parse_task(item)) and source in (task.task_id, task.image_id)]
    complete = [task for task in tasks if task.phase is Phase.COMPLETE]
    if not complete:
        raise _none_finished(source, profile, tasks)
    facts = [look_in_bucket(clients.storage(profile), clients.fetcher(), t.key, [t], now) for t in complete]
    found = [fact.value for fact in facts if isinstance(fact, Present)]
    if found:
        return min(found, key=lambda stored: bool(stored.damage))
    for fact in facts:
        if isinstance(fact, Refused | Unknown):
            raise fact.error
    where = f"s3://{complete[0].key.bucket}/{complete[0].key.folder}"
    hint = "If its objects were deleted, export once more with: omicopy export … --re-export"
    raise OmicopyError(ErrorCode.NOT_FOUND, f"{source} is completed, but no manifest lies under {where}", hint)


def _none_finished(source: str, profile: str, tasks: list[ExportTask]) -> OmicopyError:
    if not tasks:
        message = f"No export of {source} is listed for the profile {profile!r}"
        return OmicopyError(
            ErrorCode.NOT_FOUND, message, "Start one with: omicopy export …, or name its s3://… location."
        )
    states = ", ".join(f"{task.task_id} is {task.state}" for task in tasks)
    return OmicopyError(
        ErrorCode.NOT_FOUND, f"No export of {source} is completed: {states}", "Wait for it, then repeat."
    )

"""Finds a finished export in its bucket: chooses its manifest, and checks that all of its objects exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from omicopy.cloud.errors import Cause, ServiceError, temporary
from omicopy.cloud.url_reader import MANIFEST_LIMIT, ObjectState, UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.listing import Sizes
from omicopy.manifests.own_manifest import TrustedManifest, may_be_manifest_key, read_trusted_manifest
from omicopy.model.choices import DiskFormat
from omicopy.model.export import ExportKey, ExportTask, FoundExport, StoredExport, format_of, tidy_key
from omicopy.model.lookup import ABSENT, BucketFact, Present, Refused, Unknown
from omicopy.model.manifest import Manifest
from omicopy.model.s3_location import S3Folder, S3Object
from omicopy.model.urls.presigned_url import parse_presigned

if TYPE_CHECKING:
    from omicopy.cloud.object_storage import Storage
    from omicopy.cloud.session import AccountSession


@dataclass(frozen=True, slots=True)
class FolderContents:
    """The objects in an export's folder."""

    sizes: dict[str, int]
    found: list[StoredExport]
    """Every manifest."""
    broken: dict[str, OmicopyError]
    """Errors of damaged manifests, by key."""
    named: set[str]
    """Manifest keys that the tasks name."""


def find_in_bucket(
    session: AccountSession,
    export: ExportKey,
    tasks: Sequence[ExportTask],
    now: datetime,
    listed: Sizes | None = None,
    wanted: DiskFormat | None = None,
) -> BucketFact:
    """Returns the export as its bucket shows it; prefers a manifest in the format `wanted`. Raises nothing.

    `tasks` are the export's tasks, which say where its objects may be. `listed` replaces `Storage.sizes` if many
    exports were listed together.
    """
    try:
        folder = read_folder(session.storage, export, tasks, listed)
        broken = list(folder.broken.values())
        found = folder.found
        if not found:
            return Refused(broken[0]) if broken else ABSENT
        endpoint = session.account.oos_endpoint
        return Present(_probed(_choose(found, endpoint, folder.named, wanted), session.url_reader, endpoint, now))
    except ServiceError as error:
        return Refused(error, error.is_no_bucket) if error.cause is Cause.REFUSED else Unknown(error)
    except OmicopyError as error:
        return Refused(error)


def read_folder(
    storage: Storage, export: ExportKey, tasks: Sequence[ExportTask], listed: Sizes | None = None
) -> FolderContents:
    """Returns everything in an export's folder. Raises a ServiceError."""
    sizes, named = _listing(listed or storage.sizes, export, tasks), _named_by_tasks(export, tasks)
    found, broken = _manifests(storage, export.bucket, sizes, named)
    return FolderContents(sizes, found, broken, named)


def find_in_folder(storage: Storage, folder: S3Folder) -> StoredExport:
    """Returns the best manifest of those directly in `folder`; see `_choose`.

    Raises NOT_FOUND, DAMAGED if it is broken or if there are several of different images, or a ServiceError.
    """
    sizes = storage.sizes(folder.bucket, folder.path)
    found, broken = _manifests(storage, folder.bucket, sizes, set(), folder.path)
    if found:
        return _choose(found, storage.account.oos_endpoint)
    if broken:
        raise next(iter(broken.values()))
    hint = "Give the manifest itself, or the folder that contains it: s3://BUCKET/PREFIX/ami-…/"
    raise OmicopyError(ErrorCode.NOT_FOUND, f"{folder} contains no manifest", hint)


def read_stored(storage: Storage, location: S3Object, sizes: dict[str, int]) -> StoredExport:
    """Reads the manifest at `location` and compares it with the objects in `sizes`. Raises DAMAGED, or a
    ServiceError."""
    manifest = read_trusted(storage, location)
    return StoredExport(location, manifest, tuple(_damage(manifest, sizes)))


def read_trusted(storage: Storage, location: S3Object) -> TrustedManifest:
    """Reads the manifest at `location`. Raises DAMAGED if it points outside its own export, or a ServiceError."""
    return read_trusted_manifest(storage.read(location), location)


def _listing(listed: Sizes, export: ExportKey, tasks: Sequence[ExportTask]) -> dict[str, int]:
    """Returns the export's objects and their sizes."""
    # It is not documented how the service treats slashes in a prefix. The other spellings are listed only if the
    # likely ones contain nothing: each costs a request.
    likely = {export.folder.path} | {task.raw_prefix for task in tasks if task.raw_prefix}
    other = {f"{export.prefix}//{export.image_id}/", f"/{export.folder.path}"} if export.prefix else set()
    for prefixes in (likely, other - likely):
        sizes: dict[str, int] = {}
        for prefix in sorted(prefixes):
            sizes.update(listed(export.bucket, prefix))
        inside = {key: size for key, size in sizes.items() if tidy_key(key).startswith(export.folder.path)}
        if inside:
            return inside
    return {}


def _named_by_tasks(export: ExportKey, tasks: Sequence[ExportTask]) -> set[str]:
    """Returns the keys of manifests that the tasks name."""
    keys = set()
    for task in tasks:
        try:
            url = parse_presigned(task.manifest_url or "")
        except OmicopyError:
            continue
        if url.bucket == export.bucket and url.key:
            keys.add(url.key)
    return keys


def _manifests(
    storage: Storage, bucket: str, sizes: dict[str, int], named: set[str], folder: str | None = None
) -> tuple[list[StoredExport], dict[str, OmicopyError]]:
    """Returns every manifest (with `folder`: only those directly in it), and the errors of damaged ones by key."""
    found: list[StoredExport] = []
    broken: dict[str, OmicopyError] = {}
    for key in sorted(key for key in sizes if not key.endswith(".gz")):
        if folder is not None and "/" in key.removeprefix(folder):
            continue
        # Other objects in the folder are only manifests if they can be read as one.
        has_to_be = key in named or may_be_manifest_key(key)
        if sizes[key] > MANIFEST_LIMIT and not has_to_be:
            continue
        try:
            found.append(read_stored(storage, S3Object(bucket, key), sizes))
        except ServiceError as error:
            if error.code is ErrorCode.NOT_FOUND:
                where = f"s3://{bucket}"
                raise temporary(Cause.UNREADABLE, error.action, where, f"{key} is listed, but can't be found") from None
            raise
        except OmicopyError as error:
            if has_to_be:
                broken[key] = error
    return found, broken


def _damage(manifest: Manifest, sizes: dict[str, int]) -> Iterable[str]:
    for snapshot in manifest.snapshots:
        size = sizes.get(snapshot.key or "")
        if size is None:
            yield f"{snapshot.key} is missing"
        elif snapshot.compressed_bytes is not None and size != snapshot.compressed_bytes:
            yield f"{snapshot.key} has {size} bytes where the manifest says {snapshot.compressed_bytes}"


def _choose(
    found: Sequence[StoredExport], endpoint: str, named: Set[str] = frozenset(), wanted: DiskFormat | None = None
) -> StoredExport:
    """Returns the manifest to use: of complete exports, the one whose URLs expire last. One in another format than
    `wanted` is used only if there is none in that format.

    An OMI never changes, so every complete export of it is good. Raises DAMAGED if two manifests describe different
    volumes: then they aren't of one image, and it is unknown which one is right.
    """
    whole = [stored for stored in found if not stored.damage] or list(found)
    if len({_volumes(stored.manifest) for stored in whole}) > 1:
        names = ", ".join(str(stored.location) for stored in whole)
        message = f"Several manifests in one folder describe different images: {names}"
        hint = "Move the wrong one out of the folder, or export with another --prefix."
        raise OmicopyError(ErrorCode.DAMAGED, message, hint)

    def rank(stored: StoredExport) -> tuple[bool, bool, bool, float, str]:
        expiry, key = stored.manifest.earliest_expiry(), stored.location.key
        is_called_so = key in named or may_be_manifest_key(key)
        # The expiry is the manifest's own claim, and another writer may have put one object here. So a manifest whose
        # URLs lead to the account's own store, and whose key a task names or is usual, goes before a later expiry.
        fits = wanted is None or format_of(stored.manifest) in (None, wanted)
        return (fits, stored.manifest.is_at(endpoint), is_called_so, expiry.timestamp() if expiry else 0.0, key)

    return max(whole, key=rank)


def _volumes(manifest: Manifest) -> frozenset[tuple[str | None, int]]:
    return frozenset((snapshot.device, snapshot.size_bytes) for snapshot in manifest.snapshots)


def _probed(stored: StoredExport, fetcher: UrlReader, endpoint: str, now: datetime) -> FoundExport:
    """Reads one byte of every object through its embedded URL (R9), and lists the objects whose URL doesn't work.

    Skips the reads if a URL has expired, or if an object is damaged.
    """
    expiry = stored.manifest.expiry()
    dead: tuple[str, ...] = ()
    if not stored.damage and (expiry.earliest_known is None or expiry.earliest_known > now):
        dead = tuple(
            snapshot.key or ""
            for snapshot in stored.manifest.snapshots
            # Never followed: a writer of the bucket could let such a URL lead to any other disk.
            if not snapshot.url.is_at(endpoint) or fetcher.probe(snapshot.url).life is not ObjectState.ALIVE
        )
    manifest = stored.manifest
    return FoundExport(stored.location, expiry, stored.damage, dead, manifest.digest(), format_of(manifest))

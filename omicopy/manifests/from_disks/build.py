"""Building a manifest for disks that lie in a bucket without one: looked at, signed, found to work (R9), then put.

Only what lies in the manifest's own folder or below it can be named: nothing else would ever be signed anew (R4).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from omicopy.cloud.parallel import in_parallel
from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import MANIFEST_LIMIT
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import check_objects
from omicopy.manifests.from_disks.disk_header import DiskHead
from omicopy.manifests.from_disks.disks import MAX_OBJECTS, DiskFolder, find_object, list_disk_folder, single_disk
from omicopy.manifests.from_disks.draft import (
    DraftVolume,
    ImageMetadata,
    differences,
    draft_manifest,
    in_order,
    manifest_file_name,
)
from omicopy.manifests.from_disks.volume_spec import VolumeSpec, check_volumes
from omicopy.manifests.own_manifest import may_be_manifest_key
from omicopy.model.manifest import Manifest, parse_manifest
from omicopy.model.s3_location import S3Folder, S3Object, check_own_key
from omicopy.model.units import GIB


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a manifest is wanted of. Without `volumes` the one disk that lies in the folder is the root volume."""

    folder: S3Folder
    words: ImageMetadata
    volumes: Sequence[VolumeSpec] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BuiltManifest:
    """The manifest that lies at `location` now, or would; `warnings` are what may not please the service."""

    location: S3Object
    manifest: Manifest
    was_there: bool
    changed: bool
    warnings: tuple[str, ...]


def build_manifest(session: AccountSession, options: BuildOptions) -> BuiltManifest:
    """Puts the manifest, unless the very same is there.

    Raises USAGE for what has to be said first, NOT_FOUND, DAMAGED for a disk that can't stand alone, NAME_CONFLICT
    when something else has the key, DENIED, or a ServiceError.
    """
    check_volumes(options.volumes)
    key = check_own_key(options.folder.path + manifest_file_name(options.words.name))
    disk_folder = list_disk_folder(session.storage, options.folder)
    volumes, warnings = _volumes(disk_folder, options.volumes or [single_disk(disk_folder)])
    raw, manifest = _draft(session, options, key, volumes)
    if key in disk_folder.sizes:
        there = _existing_manifest(disk_folder, key, manifest, session.account.oos_endpoint)
        return BuiltManifest(disk_folder.location(key), there, was_there=True, changed=False, warnings=tuple(warnings))
    _require_no_other_manifest(disk_folder, key, {volume.key for volume in volumes})
    check_objects(session.url_reader, manifest, session.account.signer)  # no manifest with dead URLs is put (R9)
    if not options.dry_run:
        disk_folder.storage.put(disk_folder.location(key), raw)
    return BuiltManifest(
        disk_folder.location(key), manifest, was_there=False, changed=not options.dry_run, warnings=tuple(warnings)
    )


def _volumes(disk_folder: DiskFolder, specs: Sequence[VolumeSpec]) -> tuple[list[DraftVolume], list[str]]:
    """The volumes, in the manifest's order, and what may be wrong with them."""
    keys = [find_object(disk_folder, spec) for spec in specs]
    heads = disk_folder.heads(keys)
    volumes = in_order([_volume(disk_folder, spec, key, heads[key]) for spec, key in zip(specs, keys, strict=True)])
    return volumes, list(_warnings(volumes, heads))


def _volume(disk_folder: DiskFolder, spec: VolumeSpec, key: str, head: DiskHead) -> DraftVolume:
    """The volume with its size, which the header says or the user has to."""
    location = disk_folder.location(key)
    if head.problem:
        hint = "Upload a whole disk that stands alone, for example from: qemu-img convert -O qcow2"
        raise OmicopyError(ErrorCode.DAMAGED, f"{location} {head.problem}", hint)
    size = spec.size_bytes or head.size_bytes
    if size is None:
        message = f"How large the disk in {location} is can't be read: it has no qcow2 header"
        typed = f"--volume {spec.device}={shlex.quote(spec.object_name)},size=SIZE"
        raise OmicopyError(ErrorCode.USAGE, message, f"Say it, as 10GiB or in bytes: {typed}")
    if head.size_bytes not in (None, size):
        message = f"{location} is a disk of {head.size_bytes} bytes, as its header says, not of {size}"
        raise OmicopyError(ErrorCode.USAGE, message, f"Leave size= out of --volume {spec.device}=…")
    return DraftVolume(spec.device, key, size, disk_folder.sizes[key], spec.volume_type, spec.iops)


def _warnings(volumes: Sequence[DraftVolume], heads: Mapping[str, DiskHead]) -> Iterator[str]:
    """What the service may refuse, or a user may not have meant."""
    seen: dict[str, str] = {}
    for volume in volumes:
        what = f"{volume.key} ({volume.device})"
        if not heads[volume.key].compressed:
            yield f"{what} is not compressed with gzip as exports are. Nobody documents whether the service takes it."
        if volume.size_bytes % GIB:
            yield f"{what} is {volume.size_bytes} bytes large. The service's volumes have whole GiB."
        if seen.setdefault(volume.key, volume.device) != volume.device:
            yield f"{what} is the same object as that of {seen[volume.key]}."


def _require_no_other_manifest(disk_folder: DiskFolder, key: str, disks: set[str]) -> None:
    """A disk may have a manifest after all, of an export that says more of the image than we can know; two that tell
    different stories of one disk would be taken for one export."""
    own = key.removesuffix("json")
    others = [
        other
        for other in sorted(disk_folder.sizes)
        if may_be_manifest_key(other) and not other.startswith(own) and disk_folder.sizes[other] <= MANIFEST_LIMIT
    ]
    if len(others) > MAX_OBJECTS:
        message = (
            f"{len(others)} manifests or JSON files lie under {disk_folder.folder}, "
            "too many to see whether one is a manifest"
        )
        raise OmicopyError(ErrorCode.USAGE, message, "Put the disks of one image into a folder of their own.")
    raws = in_parallel(lambda other: disk_folder.storage.read(disk_folder.location(other)), others)
    for other, raw in zip(others, raws, strict=True):
        try:
            there = parse_manifest(raw)
        except OmicopyError:
            continue
        if not disks.isdisjoint(snapshot.key or "" for snapshot in there.snapshots):
            message = f"{disk_folder.location(other)} is a manifest of the same disks already"
            hint = "Sign that (omicopy url, omicopy resign), or delete it first if nobody needs it."
            raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint)


# ---- the manifest


def _draft(
    session: AccountSession, options: BuildOptions, key: str, volumes: Sequence[DraftVolume]
) -> tuple[bytes, Manifest]:
    """The manifest with fresh URLs, having passed the checks that an import will make."""
    location = S3Object(options.folder.bucket, key)
    urls = [session.presign(location.with_key(volume.key)).url for volume in volumes]
    raw = draft_manifest(options.words, volumes, urls)
    manifest = parse_manifest(raw, "The new manifest")
    outside = manifest.problem_outside_folder(location)
    if outside:
        hint = "Name the folder that the disks lie in: s3://BUCKET/PREFIX"
        raise OmicopyError(ErrorCode.USAGE, f"A manifest at {location} can't be: {outside}", hint)
    return raw, manifest


def _existing_manifest(disk_folder: DiskFolder, key: str, wanted: Manifest, endpoint: str) -> Manifest:
    """The manifest that has the key already, if it is of the same objects. Nothing is ever put over another one."""
    location = disk_folder.location(key)
    hint = "Give another --name, or delete that object first if nobody needs it."
    if disk_folder.sizes[key] > MANIFEST_LIMIT:
        raise OmicopyError(ErrorCode.NAME_CONFLICT, f"{location} is there already, and is no manifest", hint)
    raw = disk_folder.storage.read(location)
    try:
        there = parse_manifest(raw, str(location))
    except OmicopyError as error:
        message = f"{location} is there already, and is no manifest: {error.message}"
        raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint) from None
    is_elsewhere = there.problem_outside_folder(location) is not None or not there.is_at(endpoint)
    if is_elsewhere or there.fingerprint() != wanted.fingerprint():
        where = ["where its URLs lead"] if is_elsewhere else []
        what = ", ".join([*where, *differences(there, wanted)]) or "details"
        message = f"{location} is there already, and differs from what you ask for in: {what}"
        raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint)
    return there

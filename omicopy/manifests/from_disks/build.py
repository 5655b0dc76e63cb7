"""Builds a manifest for disks in a bucket: reads their headers, signs, checks every URL (R9), then writes it.

All disks must be in the manifest's own folder or below: `resign` signs nothing else (R4).
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
    """What to build. Without `volumes`, the only disk in the folder is the root volume."""

    folder: S3Folder
    words: ImageMetadata
    volumes: Sequence[VolumeSpec] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BuiltManifest:
    """The manifest at `location`; in a dry run, the manifest that would be there. `warnings` are possible problems."""

    location: S3Object
    manifest: Manifest
    was_there: bool
    changed: bool
    warnings: tuple[str, ...]


def build_manifest(session: AccountSession, options: BuildOptions) -> BuiltManifest:
    """Writes the manifest, unless an equal one exists.

    Raises USAGE for missing options, NOT_FOUND, DAMAGED for a disk that can't be used alone, NAME_CONFLICT if another
    object has the key, DENIED, or a ServiceError.
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
    check_objects(session.url_reader, manifest, session.account.signer)  # never write a manifest with dead URLs (R9)
    if not options.dry_run:
        disk_folder.storage.put(disk_folder.location(key), raw)
    return BuiltManifest(
        disk_folder.location(key), manifest, was_there=False, changed=not options.dry_run, warnings=tuple(warnings)
    )


def _volumes(disk_folder: DiskFolder, specs: Sequence[VolumeSpec]) -> tuple[list[DraftVolume], list[str]]:
    """Returns the volumes, in the manifest's order, and warnings about them."""
    keys = [find_object(disk_folder, spec) for spec in specs]
    heads = disk_folder.heads(keys)
    volumes = in_order([_volume(disk_folder, spec, key, heads[key]) for spec, key in zip(specs, keys, strict=True)])
    return volumes, list(_warnings(volumes, heads))


def _volume(disk_folder: DiskFolder, spec: VolumeSpec, key: str, head: DiskHead) -> DraftVolume:
    """Returns the volume with its size, from the disk's header or else from the user.

    Raises DAMAGED if the disk can't be used alone, USAGE if the size is unknown or wrong.
    """
    location = disk_folder.location(key)
    if head.problem:
        hint = "Upload a complete disk image without other files, for example from: qemu-img convert -O qcow2"
        raise OmicopyError(ErrorCode.DAMAGED, f"{location} {head.problem}", hint)
    size = spec.size_bytes or head.size_bytes
    if size is None:
        message = f"The size of the disk {location} is unknown: it has no qcow2 header"
        typed = f"--volume {spec.device}={shlex.quote(spec.object_name)},size=SIZE"
        raise OmicopyError(ErrorCode.USAGE, message, f"Give the size, as 10GiB or in bytes: {typed}")
    # A volume of another size than its disk could be imported, and then not boot.
    if head.size_bytes not in (None, size):
        message = f"{location} is a disk of {head.size_bytes} bytes, according to its header, not of {size}"
        raise OmicopyError(ErrorCode.USAGE, message, f"Remove size= from --volume {spec.device}=…")
    return DraftVolume(spec.device, key, size, disk_folder.sizes[key], spec.volume_type, spec.iops)


def _warnings(volumes: Sequence[DraftVolume], heads: Mapping[str, DiskHead]) -> Iterator[str]:
    """Yields a warning for each volume that the service may refuse, or that may be a mistake."""
    seen: dict[str, str] = {}
    for volume in volumes:
        what = f"{volume.key} ({volume.device})"
        if not heads[volume.key].compressed:
            yield f"{what} is not compressed with gzip, as exports are. It is not documented if the service accepts it."
        if volume.size_bytes % GIB:
            yield f"{what} is {volume.size_bytes} bytes large. The service's volumes have a size in whole GiB."
        if seen.setdefault(volume.key, volume.device) != volume.device:
            yield f"{what} is the same object as the one for {seen[volume.key]}."


def _require_no_other_manifest(disk_folder: DiskFolder, key: str, disks: set[str]) -> None:
    """Raises NAME_CONFLICT if one of the disks already has a manifest, USAGE if there are too many files to read.

    An export's own manifest knows more of the image than omicopy can. And two different manifests of one disk would be
    taken for one export.
    """
    # Re-signed manifests of this one have its key with a suffix: they are not other manifests.
    own = key.removesuffix("json")
    others = [
        other
        for other in sorted(disk_folder.sizes)
        if may_be_manifest_key(other) and not other.startswith(own) and disk_folder.sizes[other] <= MANIFEST_LIMIT
    ]
    if len(others) > MAX_OBJECTS:
        message = (
            f"{disk_folder.folder} contains {len(others)} manifests or JSON files, "
            "too many to check if one is a manifest of these disks"
        )
        raise OmicopyError(ErrorCode.USAGE, message, "Put the disks of one image into a folder of their own.")
    raws = in_parallel(lambda other: disk_folder.storage.read(disk_folder.location(other)), others)
    for other, raw in zip(others, raws, strict=True):
        try:
            there = parse_manifest(raw)
        except OmicopyError:
            continue
        if not disks.isdisjoint(snapshot.key or "" for snapshot in there.snapshots):
            message = f"{disk_folder.location(other)} already is a manifest of the same disks"
            hint = "Sign that one (omicopy url, omicopy resign), or delete it first if it is not needed."
            raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint)


# ---- the manifest


def _draft(
    session: AccountSession, options: BuildOptions, key: str, volumes: Sequence[DraftVolume]
) -> tuple[bytes, Manifest]:
    """Returns the manifest with new URLs, which passed the checks that an import makes.

    Raises USAGE if a disk is outside the manifest's folder.
    """
    location = S3Object(options.folder.bucket, key)
    urls = [session.presign(location.with_key(volume.key)).url for volume in volumes]
    raw = draft_manifest(options.words, volumes, urls)
    manifest = parse_manifest(raw, "The new manifest")
    outside = manifest.problem_outside_folder(location)
    if outside:
        hint = "Give the folder that contains the disks: s3://BUCKET/PREFIX"
        raise OmicopyError(ErrorCode.USAGE, f"A manifest at {location} can't contain these disks: {outside}", hint)
    return raw, manifest


def _existing_manifest(disk_folder: DiskFolder, key: str, wanted: Manifest, endpoint: str) -> Manifest:
    """Returns the manifest that already has the key, if it is of the same objects; else raises NAME_CONFLICT.

    omicopy never replaces an object.
    """
    location = disk_folder.location(key)
    hint = "Use another --name, or delete that object first if it is not needed."
    if disk_folder.sizes[key] > MANIFEST_LIMIT:
        raise OmicopyError(ErrorCode.NAME_CONFLICT, f"{location} already exists, and is no manifest", hint)
    raw = disk_folder.storage.read(location)
    try:
        there = parse_manifest(raw, str(location))
    except OmicopyError as error:
        message = f"{location} already exists, and is no manifest: {error.message}"
        raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint) from None
    is_elsewhere = there.problem_outside_folder(location) is not None or not there.is_at(endpoint)
    if is_elsewhere or there.fingerprint() != wanted.fingerprint():
        where = ["the host or folder of its URLs"] if is_elsewhere else []
        what = ", ".join([*where, *differences(there, wanted)]) or "details"
        message = f"{location} already exists, and differs from the requested manifest in: {what}"
        raise OmicopyError(ErrorCode.NAME_CONFLICT, message, hint)
    return there

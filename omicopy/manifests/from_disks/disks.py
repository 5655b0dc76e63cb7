"""Finds the disks in a folder of a bucket: the object of each volume, and its first bytes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omicopy.cloud.parallel import by_item
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_disks.disk_header import HEAD_BYTES, DiskHead, read_head
from omicopy.manifests.from_disks.volume_spec import ROOT_DEVICE, VolumeSpec
from omicopy.manifests.own_manifest import may_be_manifest_key
from omicopy.model.s3_location import S3Folder, S3Object
from omicopy.model.units import format_size

if TYPE_CHECKING:
    from omicopy.cloud.object_storage import Storage

MAX_OBJECTS = 100
"""In folders with more objects, omicopy doesn't search for disks."""
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class DiskFolder:
    """The listed objects of a folder. Reads the start of each object once."""

    storage: Storage
    folder: S3Folder
    sizes: Mapping[str, int]
    """Bytes by key. Keys that can't be part of a URL are left out."""
    _heads: dict[str, DiskHead] = field(default_factory=dict)

    def name(self, key: str) -> str:
        """Returns a key as the user types it: without the folder."""
        return key.removeprefix(self.folder.path)

    def location(self, key: str) -> S3Object:
        return S3Object(self.folder.bucket, key)

    def heads(self, keys: Sequence[str]) -> dict[str, DiskHead]:
        """Reads the start of each object. Raises a ServiceError."""
        new = [key for key in dict.fromkeys(keys) if key not in self._heads]
        self._heads.update(by_item(self._look, new))
        return {key: self._heads[key] for key in keys}

    def _look(self, key: str) -> DiskHead:
        # A store refuses a range of an empty object.
        return read_head(self.storage.read_start(self.location(key), HEAD_BYTES) if self.sizes[key] else b"")


def list_disk_folder(storage: Storage, folder: S3Folder) -> DiskFolder:
    """Lists every object in the folder and below. Raises a ServiceError."""
    sizes = {
        key: size
        for key, size in storage.sizes(folder.bucket, folder.path).items()
        if key.isprintable() and {"", ".", ".."}.isdisjoint(key.removeprefix(folder.path).split("/"))
    }
    return DiskFolder(storage, folder, sizes)


def find_object(disk_folder: DiskFolder, spec: VolumeSpec) -> str:
    """Returns the key of a volume's object: a key in the folder, else a whole key. Raises NOT_FOUND."""
    # Users copy whole keys from a listing of the bucket.
    for key in (disk_folder.folder.path + spec.object_name, spec.object_name):
        if key in disk_folder.sizes:
            return key
    there = [disk_folder.name(key) for key in sorted(disk_folder.sizes)][:_SHOWN]
    message = f"{spec.device}: there is no object {spec.object_name!r} under {disk_folder.folder}"
    hint = f"It contains: {', '.join(there)}" if there else "It contains no objects: check the bucket and the prefix."
    raise OmicopyError(ErrorCode.NOT_FOUND, message, hint)


def single_disk(disk_folder: DiskFolder) -> VolumeSpec:
    """Returns the only object that starts like a disk, as the root volume. Raises USAGE for several, NOT_FOUND for
    none."""
    keys = sorted(key for key, size in disk_folder.sizes.items() if size and not may_be_manifest_key(key))
    if len(keys) > MAX_OBJECTS:
        message = f"{disk_folder.folder} contains {len(keys)} objects, too many to search for a disk"
        raise OmicopyError(ErrorCode.USAGE, message, f"Name each disk: --volume {ROOT_DEVICE}=OBJECT")
    disks = {key: head for key, head in disk_folder.heads(keys).items() if head.is_disk}
    if len(disks) > 1:
        raise _several_disks(disk_folder, disks)
    if disks:
        return VolumeSpec(ROOT_DEVICE, disk_folder.name(next(iter(disks))))
    seen = f": none of its {len(keys)} objects starts like gzip or qcow2" if keys else ""
    hint = f"Check the prefix, or name a raw disk: --volume {ROOT_DEVICE}=OBJECT,size=10GiB"
    raise OmicopyError(ErrorCode.NOT_FOUND, f"{disk_folder.folder} contains no disk{seen}", hint)


def _several_disks(disk_folder: DiskFolder, disks: Mapping[str, DiskHead]) -> OmicopyError:
    """Returns USAGE, with the disks and the options to type."""
    message = [f"{disk_folder.name(key)} ({_size(head)})" for key, head in disks.items()]
    lines = [_volume_option(disk_folder.name(key), head) for key, head in disks.items()]
    more = f" and {len(disks) - _SHOWN} more" if len(disks) > _SHOWN else ""
    return OmicopyError(
        ErrorCode.USAGE,
        f"{disk_folder.folder} contains {len(disks)} disks: {', '.join(message[:_SHOWN])}{more}",
        f"Give each disk a device: {ROOT_DEVICE} to boot from, then /dev/sdb, /dev/sdc, …; leave out disks that don't "
        "belong to the image:",
        more_hints=[f"  {line}" for line in lines[:_SHOWN]],
    )


def _volume_option(name: str, head: DiskHead) -> str:
    return f"--volume DEVICE={shlex.quote(name)}" + ("" if head.size_bytes else ",size=SIZE")


def _size(head: DiskHead) -> str:
    return format_size(head.size_bytes) if head.size_bytes else "its size is not in its header"

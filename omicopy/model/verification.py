"""Compares a copy with its source and returns the differences in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omicopy.model.boot import Boot, boot_differences
from omicopy.model.image import Image
from omicopy.model.manifest import Manifest
from omicopy.model.request import CopyRequest, Source
from omicopy.model.units import GIB

_WITH_IOPS = "io1"
"""The only volume type whose IOPS the user chooses (DOMAIN.md: the API's file); for others they aren't compared."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One volume. None means unknown."""

    size_gib: int | None = None
    kind: str | None = None
    iops: int | None = None
    is_deleted_with_vm: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageProperties:
    """The properties that an export keeps and that can be compared. An unknown value is no difference."""

    architecture: str | None
    product_codes: frozenset[str]
    volumes: Mapping[str, Disk]
    """By device, only those whose device is known."""
    count: int
    """Number of all volumes."""


def image_properties(image: Image) -> ImageProperties:
    volumes = {
        volume.device: Disk(volume.size_gib, volume.volume_type, volume.iops, volume.delete_on_vm_deletion)
        for volume in image.volumes
        if volume.device
    }
    return ImageProperties(image.architecture or None, frozenset(image.product_codes), volumes, len(image.volumes))


def manifest_properties(manifest: Manifest) -> ImageProperties:
    """The properties that a manifest describes."""
    volumes = {
        # The service's volumes have whole GiB, so the size is rounded up.
        s.device: Disk(-(-s.size_bytes // GIB), s.volume_type, s.iops, s.delete_on_termination)
        for s in manifest.snapshots
        if s.device is not None
    }
    return ImageProperties(manifest.architecture, frozenset(manifest.product_types), volumes, len(manifest.snapshots))


def flaws(request: CopyRequest, copy: Image) -> list[str]:
    """How the copy differs from what was requested: from its source, and in how it boots."""
    source = request.source
    wanted = image_properties(source.image) if isinstance(source, Source) else manifest_properties(source.manifest)
    return [*differences(wanted, image_properties(copy)), *boot_flaws(request, copy)]


def boot_flaws(request: CopyRequest, copy: Image) -> list[str]:
    asked = request.target.boot if request.target else Boot()
    return boot_differences(asked.or_else(request.source_boot), copy.boot)


def differences(source: ImageProperties, copy: ImageProperties) -> list[str]:
    """Each difference in a few words, the copy's value first; empty if there is none."""
    return list(_differences(source, copy))


def _differences(source: ImageProperties, copy: ImageProperties) -> Iterator[str]:
    if source.architecture and copy.architecture and source.architecture != copy.architecture:
        yield f"architecture {copy.architecture} instead of {source.architecture}"
    if source.product_codes and copy.product_codes and source.product_codes != copy.product_codes:
        yield f"product codes {_listed(copy.product_codes)} instead of {_listed(source.product_codes)}"
    if not source.count:  # the source's volumes are unknown
        return
    if copy.count != source.count:
        yield f"{copy.count} volumes instead of {source.count}"
    for device, disk in sorted(source.volumes.items()):
        if device in copy.volumes:
            yield from (f"{device} {found}" for found in _disk_differences(disk, copy.volumes[device]))
        elif len(source.volumes) == source.count and len(copy.volumes) == copy.count:
            yield f"{device} is missing"


def _disk_differences(source: Disk, copy: Disk) -> Iterator[str]:
    if None not in (source.size_gib, copy.size_gib) and source.size_gib != copy.size_gib:
        yield f"has {copy.size_gib} GiB instead of {source.size_gib}"
    if source.kind and copy.kind and source.kind != copy.kind:
        yield f"has type {copy.kind} instead of {source.kind}"
    elif source.kind == _WITH_IOPS and None not in (source.iops, copy.iops) and source.iops != copy.iops:
        yield f"has {copy.iops} IOPS instead of {source.iops}"
    deleted = source.is_deleted_with_vm
    if None not in (deleted, copy.is_deleted_with_vm) and deleted != copy.is_deleted_with_vm:
        yield "is kept when its VM is deleted" if deleted else "is deleted with its VM"


def _listed(codes: frozenset[str]) -> str:
    return ", ".join(sorted(codes))

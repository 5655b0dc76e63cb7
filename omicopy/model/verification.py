"""Whether a copy is what its source is: what differs between the two, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omicopy.model.boot import Boot, boot_differences
from omicopy.model.image import Image
from omicopy.model.manifest import Manifest
from omicopy.model.request import CopyRequest, Source

GIB = 2**30
_WITH_IOPS = "io1"
"""The only type of volume whose IOPS anybody chooses (DOMAIN.md: the API's file); what is said of others is theirs."""


@dataclass(frozen=True, slots=True)
class Disk:
    """One volume, as far as it is known."""

    size_gib: int | None = None
    kind: str | None = None
    iops: int | None = None
    is_deleted_with_vm: bool | None = None


@dataclass(frozen=True, slots=True)
class ImageProperties:
    """What travels with an image and can be compared. What one side does not say is no difference."""

    architecture: str | None
    product_codes: frozenset[str]
    volumes: Mapping[str, Disk]
    """By device, of those whose device is known."""
    count: int
    """Of all volumes."""


def image_properties(image: Image) -> ImageProperties:
    volumes = {
        volume.device: Disk(volume.size_gib, volume.volume_type, volume.iops, volume.delete_on_vm_deletion)
        for volume in image.volumes
        if volume.device
    }
    return ImageProperties(image.architecture or None, frozenset(image.product_codes), volumes, len(image.volumes))


def manifest_properties(manifest: Manifest) -> ImageProperties:
    """A volume has whole GiB; of one whose device the manifest does not name only the number counts."""
    volumes = {
        s.device: Disk(-(-s.size_bytes // GIB), s.volume_type, s.iops, s.delete_on_termination)
        for s in manifest.snapshots
        if s.device is not None
    }
    return ImageProperties(manifest.architecture, frozenset(manifest.product_types), volumes, len(manifest.snapshots))


def flaws(request: CopyRequest, copy: Image) -> list[str]:
    """In what the copy is not what was asked for: its source, and how it boots."""
    source = request.source
    wanted = image_properties(source.image) if isinstance(source, Source) else manifest_properties(source.manifest)
    return [*differences(wanted, image_properties(copy)), *boot_flaws(request, copy)]


def boot_flaws(request: CopyRequest, copy: Image) -> list[str]:
    asked = request.destination.boot if request.destination else Boot()
    return boot_differences(asked.or_else(request.source_boot), copy.boot)


def differences(source: ImageProperties, copy: ImageProperties) -> list[str]:
    """Each as a few words, the copy's side first; none when the copy is as its source is."""
    return list(_differences(source, copy))


def _differences(source: ImageProperties, copy: ImageProperties) -> Iterator[str]:
    if source.architecture and copy.architecture and source.architecture != copy.architecture:
        yield f"architecture {copy.architecture} instead of {source.architecture}"
    if source.product_codes and copy.product_codes and source.product_codes != copy.product_codes:
        yield f"product codes {_listed(copy.product_codes)} instead of {_listed(source.product_codes)}"
    if not source.count:  # nobody says what there should be
        return
    if copy.count != source.count:
        yield f"{copy.count} volumes instead of {source.count}"
    for device, disk in sorted(source.volumes.items()):
        if device in copy.volumes:
            yield from (f"{device} {found}" for found in _disk_differences(disk, copy.volumes[device]))
        elif len(source.volumes) == source.count and len(copy.volumes) == copy.count:
            yield f"no {device}"


def _disk_differences(source: Disk, copy: Disk) -> Iterator[str]:
    if None not in (source.size_gib, copy.size_gib) and source.size_gib != copy.size_gib:
        yield f"of {copy.size_gib} GiB instead of {source.size_gib}"
    if source.kind and copy.kind and source.kind != copy.kind:
        yield f"of type {copy.kind} instead of {source.kind}"
    elif source.kind == _WITH_IOPS and None not in (source.iops, copy.iops) and source.iops != copy.iops:
        yield f"with {copy.iops} IOPS instead of {source.iops}"
    deleted = source.is_deleted_with_vm
    if None not in (deleted, copy.is_deleted_with_vm) and deleted != copy.is_deleted_with_vm:
        yield "outlives its VM" if deleted else "is deleted with its VM"


def _listed(codes: frozenset[str]) -> str:
    return ", ".join(sorted(codes))

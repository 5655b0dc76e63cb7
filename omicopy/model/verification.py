"""Whether a copy is what its source is: what differs between the two, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from omicopy.model.image import Image
from omicopy.model.manifest import Manifest

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Appearance:
    """What travels with an image and can be compared. What one side does not say is no difference."""

    architecture: str | None
    product_codes: frozenset[str]
    volumes: Mapping[str, int | None]
    """GiB by device, of those whose device is known."""
    count: int
    """Of all volumes."""


def of_image(image: Image) -> Appearance:
    volumes = {volume.device: volume.size_gib for volume in image.volumes if volume.device}
    return Appearance(image.architecture or None, frozenset(image.product_codes), volumes, len(image.volumes))


def of_manifest(manifest: Manifest) -> Appearance:
    """A volume has whole GiB; of one whose device the manifest does not name only the number counts."""
    volumes = {s.device: -(-s.size_bytes // GIB) for s in manifest.snapshots if s.device is not None}
    return Appearance(manifest.architecture, frozenset(manifest.product_types), volumes, len(manifest.snapshots))


def differences(source: Appearance, copy: Appearance) -> list[str]:
    """Each as a few words, the copy's side first; none when the copy is as its source is."""
    return list(_differences(source, copy))


def _differences(source: Appearance, copy: Appearance) -> Iterator[str]:
    if source.architecture and copy.architecture and source.architecture != copy.architecture:
        yield f"architecture {copy.architecture} instead of {source.architecture}"
    if source.product_codes and copy.product_codes and source.product_codes != copy.product_codes:
        yield f"product codes {_listed(copy.product_codes)} instead of {_listed(source.product_codes)}"
    if not source.count:  # nobody says what there should be
        return
    if copy.count != source.count:
        yield f"{copy.count} volumes instead of {source.count}"
    for device, size in sorted(source.volumes.items()):
        if device not in copy.volumes:
            if len(source.volumes) == source.count and len(copy.volumes) == copy.count:
                yield f"no {device}"
        elif None not in (size, copy.volumes[device]) and size != copy.volumes[device]:
            yield f"{device} of {copy.volumes[device]} GiB instead of {size}"


def _listed(codes: frozenset[str]) -> str:
    return ", ".join(sorted(codes))

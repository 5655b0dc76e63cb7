"""Parses a manifest as an import does. It is strict, because it is unknown how strict the service is.

The import of a single snapshot is known not to check `Size`. The sandbox fails an image with wrong sizes, to find tools
that produce such manifests.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind


@dataclass(frozen=True, slots=True)
class ManifestVolume:
    """One volume of a manifest."""

    device: str
    url: str = field(repr=False)
    size_bytes: int
    compressed_bytes: int | None
    volume_type: str
    iops: int | None
    delete_on_vm_deletion: bool


@dataclass(frozen=True, slots=True)
class ParsedManifest:
    """What an import uses of a manifest."""

    volumes: tuple[ManifestVolume, ...]
    product_codes: tuple[str, ...]
    architecture: str


def parse_manifest(body: bytes) -> ParsedManifest:
    """Returns the content of a manifest. Raises ApiError if it is no manifest of version 1, or incomplete or wrong."""
    try:
        document = json.loads(body)
    except ValueError:
        raise ApiError(ApiErrorKind.NO_MANIFEST, "The file is not JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("Image"), dict):
        raise ApiError(ApiErrorKind.NO_MANIFEST)
    if document.get("Version") != 1:
        raise ApiError(ApiErrorKind.UNKNOWN_VERSION, f"The manifest's version is {document.get('Version')!r}.")
    image = document["Image"]
    snapshots = image.get("Snapshots")
    if not isinstance(snapshots, list) or not snapshots:
        raise ApiError(ApiErrorKind.BAD_MANIFEST, "The manifest has no snapshots.")
    volumes = tuple(_volume(snapshot) for snapshot in snapshots)
    devices = [volume.device for volume in volumes]
    if "/dev/sda1" not in devices or len(set(devices)) != len(devices):
        raise ApiError(ApiErrorKind.BAD_MANIFEST, "The manifest needs /dev/sda1, and every device only once.")
    return ParsedManifest(
        volumes,
        tuple(image.get("ProductTypes") or ("0001",)),
        image.get("Architecture") or "x86_64",
    )


def _volume(snapshot: Any) -> ManifestVolume:
    if not isinstance(snapshot, dict):
        raise ApiError(ApiErrorKind.BAD_MANIFEST, "A snapshot is not an object.")
    kinds = {"Device": str, "PreSignedUrl": str, "Size": int}
    for name, kind in kinds.items():
        if type(snapshot.get(name)) is not kind:
            raise ApiError(ApiErrorKind.BAD_MANIFEST, f"A snapshot's {name} is missing or no {kind.__name__}.")
    if type(snapshot.get("Iops")) not in (int, type(None)):
        raise ApiError(ApiErrorKind.BAD_MANIFEST, "A snapshot's Iops is no int.")
    return ManifestVolume(
        snapshot["Device"],
        snapshot["PreSignedUrl"],
        snapshot["Size"],
        snapshot.get("CompressedSize"),
        snapshot.get("VolumeType") or "standard",
        snapshot.get("Iops"),
        bool(snapshot.get("DeleteOnTermination", True)),
    )

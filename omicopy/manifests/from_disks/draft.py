"""Drafts a new manifest: the image's metadata, its volumes, and the JSON. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.from_disks.volume_spec import ROOT_DEVICE
from omicopy.model.image import check_image_name
from omicopy.model.manifest import Manifest

ARCHITECTURES = ("x86_64", "i386")
_PRODUCT_TYPE = re.compile(r"[0-9]{4}")
_NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """The image's metadata in a manifest. Raises USAGE for values that the service would refuse."""

    name: str
    description: str = ""
    architecture: str = "x86_64"
    product_types: tuple[str, ...] = ("0001",)

    def __post_init__(self) -> None:
        check_image_name(self.name)
        if self.architecture not in ARCHITECTURES:
            message = f"{self.architecture!r} is not an image's architecture"
            raise OmicopyError(ErrorCode.USAGE, message, f"Use {' or '.join(ARCHITECTURES)}.")
        for product_type in self.product_types:
            if not _PRODUCT_TYPE.fullmatch(product_type):
                message = f"{product_type!r} is not a product type"
                raise OmicopyError(ErrorCode.USAGE, message, "Use four digits, for example 0001 for Linux.")


@dataclass(frozen=True, slots=True)
class DraftVolume:
    """One volume, complete."""

    device: str
    key: str
    size_bytes: int
    """Of the volume."""
    compressed_bytes: int
    """Of the object in the bucket."""
    volume_type: str = "standard"
    iops: int | None = None


def in_order(volumes: Sequence[DraftVolume]) -> list[DraftVolume]:
    """Sorts the volumes: the root volume first, then by device. So the order of options doesn't change the manifest."""
    return sorted(volumes, key=lambda volume: (volume.device != ROOT_DEVICE, volume.device))


def draft_manifest(words: ImageMetadata, volumes: Sequence[DraftVolume], urls: Sequence[str]) -> bytes:
    """Returns the JSON (DOMAIN.md §3), with one URL per volume, in order."""
    snapshots = [_snapshot(volume, url) for volume, url in zip(volumes, urls, strict=True)]
    image = {
        "Name": words.name,
        "Description": words.description,
        "Architecture": words.architecture,
        "Type": "machine",
        "ProductTypes": list(words.product_types),
        "Public": False,
        "Snapshots": snapshots,
    }
    return json.dumps({"Version": 1, "Image": image}, indent=2).encode() + b"\n"


def manifest_file_name(name: str) -> str:
    """Returns the file name of an image's manifest: `golden linux` -> `golden-linux.manifest.json`."""
    return f"{_NOT_IN_A_FILE_NAME.sub('-', name)}.manifest.json"


def differences(one: Manifest, other: Manifest) -> list[str]:
    """Returns the names of the fields in which two manifests differ."""
    mine, theirs = _words(one), _words(other)
    return [what for what in mine if mine[what] != theirs[what]]


def _words(manifest: Manifest) -> dict[str, object]:
    return {
        "name": manifest.name,
        "description": manifest.description,
        "architecture": manifest.architecture,
        "product types": manifest.product_types,
        "volumes": [
            (one.device, one.key, one.size_bytes, one.compressed_bytes, one.volume_type, one.iops)
            for one in manifest.snapshots
        ],
    }


def _snapshot(volume: DraftVolume, url: str) -> dict[str, Any]:
    return {
        "Device": volume.device,
        "Filename": volume.key.rpartition("/")[2],
        "PreSignedUrl": url,
        "Size": volume.size_bytes,
        "CompressedSize": volume.compressed_bytes,
        "VolumeType": volume.volume_type,
        "Iops": volume.iops,
        "DeleteOnTermination": True,
    }

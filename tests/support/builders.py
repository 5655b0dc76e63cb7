"""Images, tasks, manifests and requests with everything filled in, for tests that care about one field."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from omicopy import __version__
from omicopy.model.choices import IfExists
from omicopy.model.export import ExportKey, ExportTask, FoundExport, parse_task
from omicopy.model.image import Image, parse_image
from omicopy.model.manifest import Manifest, parse_manifest
from omicopy.model.own_tags import provenance_tags
from omicopy.model.request import AccountRef, CopyRequest, SharedManifest, Source, Target
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import parse_presigned

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
SOURCE = AccountRef("source", "111111111111", "eu-west-2")
TARGET = AccountRef("target", "222222222222", "us-east-2")
SOURCE_ID, COPY_ID, TASK_ID = "ami-0000000a", "ami-000000c1", "image-export-00000001"
NAME = "golden"
RENAMED = f"{NAME}-{SOURCE_ID}"
MARKER = f"[omicopy {SOURCE.region} {SOURCE_ID}]"
KEY = ExportKey(SOURCE_ID, "omi-exports", "")


def raw_image(image_id: str = COPY_ID, **changed: Any) -> dict[str, Any]:
    """As ReadImages shows it; by default a copy of ours in the target account, without its tags."""
    image = {
        "ImageId": image_id,
        "ImageName": NAME,
        "AccountId": TARGET.account_id,
        "State": "available",
        "Description": MARKER,
        "CreationDate": "2025-12-31T23:59:59.000Z",
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Bsu": {"SnapshotId": "snap-000000c1", "VolumeSize": 10}}],
        "Tags": [],
    }
    return image | changed


def image(image_id: str = COPY_ID, **changed: Any) -> Image:
    made = parse_image(raw_image(image_id, **changed))
    assert made is not None
    return made


def tagged(made: Image, request: CopyRequest) -> Image:
    """The same with all the tags of a finished copy."""
    return replace(made, tags=provenance_tags(request, made.image_id, __version__))


def source_image(image_id: str = SOURCE_ID, **changed: Any) -> Image:
    return image(image_id, **{"AccountId": SOURCE.account_id, "Description": "", **changed})


def raw_task(task_id: str = TASK_ID, state: str = "completed", **changed: Any) -> dict[str, Any]:
    """As ReadImageExportTasks shows it."""
    osu = {"DiskImageFormat": "qcow2", "OsuBucket": KEY.bucket, "OsuPrefix": f"{SOURCE_ID}/"}
    task = {"TaskId": task_id, "ImageId": SOURCE_ID, "State": state, "Progress": 50, "OsuExport": osu, "Tags": []}
    return task | changed


def task(task_id: str = TASK_ID, state: str = "completed", **changed: Any) -> ExportTask:
    made = parse_task(raw_task(task_id, state, **changed))
    assert made is not None
    return made


def signed(key: str, ends: datetime | None, bucket: str = KEY.bucket, signature: str = "0a0b0c0d") -> str:
    """A URL that looks pre-signed and ends then; with `ends` None one that doesn't say."""
    url = f"https://oos.eu-west-2.outscale.com/{bucket}/{key}"
    if ends is None:
        return url
    made = (ends - timedelta(days=7)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"AK%2F{made[:8]}%2Feu-west-2%2Fs3%2Faws4_request"
    return (
        f"{url}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}&X-Amz-Date={made}&X-Amz-Expires=604800"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    )


def raw_manifest(ends: datetime | None = NOON + timedelta(days=5), **changed: Any) -> dict[str, Any]:
    key = f"{SOURCE_ID}/snap-11111111-aaaaaaaa.qcow2.gz"
    snapshot = {"Device": "/dev/sda1", "PreSignedUrl": signed(key, ends), "Size": 10 * 2**30, "CompressedSize": 974}
    return {"Version": 1, "Image": {"Name": NAME, "Description": "", "Snapshots": [snapshot], **changed}}


def manifest(ends: datetime | None = NOON + timedelta(days=5), **changed: Any) -> Manifest:
    return parse_manifest(json.dumps(raw_manifest(ends, **changed)).encode())


def stored(
    ends: datetime | None = NOON + timedelta(days=5),
    damage: tuple[str, ...] = (),
    dead_urls: tuple[str, ...] = (),
    key: str = f"{SOURCE_ID}/manifest",
) -> FoundExport:
    return FoundExport(S3Object(KEY.bucket, key), manifest(ends).expiry(), damage, dead_urls)


A_SOURCE = Source(SOURCE, source_image(), KEY)


def a_target(if_exists: IfExists = IfExists.FAIL, account: AccountRef = TARGET, name: str = NAME) -> Target:
    return Target(account, name, "my image", if_exists)


def copy_request(if_exists: IfExists = IfExists.FAIL, *, re_export: bool = False) -> CopyRequest:
    return CopyRequest(A_SOURCE, a_target(if_exists), timedelta(hours=6), re_export)


def export_request() -> CopyRequest:
    return CopyRequest(A_SOURCE, None, timedelta(0))


def import_request(if_exists: IfExists = IfExists.FAIL) -> CopyRequest:
    url = parse_presigned(signed("elsewhere/manifest.json", NOON + timedelta(days=5)))
    return CopyRequest(SharedManifest(url, manifest()), a_target(if_exists), timedelta(minutes=10))

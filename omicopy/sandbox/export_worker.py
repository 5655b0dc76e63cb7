"""Runs export tasks: writes the compressed disks into the bucket, then the manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.behaviours import (
    BadBucket,
    Behaviour,
    ManifestFilename,
    ManifestKey,
    ManifestKeySet,
    ManifestUrl,
    ShownPrefix,
    UrlVersion,
)
from omicopy.sandbox.model.region_state import Device, ImageExportTask, Omi, RegionState, TaskState
from omicopy.sandbox.model.settings import SandboxAccount
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.process.scheduler import Scheduler
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.presign import PresignFunction, presign, presign_v2
from omicopy.sandbox.storage.presigned_objects import ObjectUnreachable, PresignedClient

OPTIONAL = ("CompressedSize", "Ordering", "User", "Name", "Iops")


def _queued_task(
    region: RegionState, account: SandboxAccount, image_id: str, export: Mapping[str, Any], oos_url: str
) -> ImageExportTask:
    """Returns a new task. An `OsuManifestUrl` in the request is ignored: its effect is unknown."""
    now, settings = region.clock(), region.settings
    task_id = region.new_id("image-export")
    asked = export.get("OsuPrefix", "")
    prefix = _prefix(asked.strip("/"), image_id)
    manifest_key = prefix + _manifest_name(settings.behaviour.manifest_key, task_id, image_id)
    shows_url = settings.behaviour.manifest_url is ManifestUrl.FROM_START
    key = export.get("OsuApiKey", {})
    return ImageExportTask(
        task_id=task_id,
        account_id=account.account_id,
        image_id=image_id,
        image_format=export["DiskImageFormat"],
        bucket=export["OsuBucket"],
        prefix=prefix,
        shown_prefix=_shown_prefix(settings.behaviour.prefix, asked, image_id),
        manifest_key=manifest_key,
        state=TaskState.QUEUED,
        comment=f"Export of image {image_id}",
        begins=now + settings.export_seconds * settings.queued_share,
        ends=now + settings.export_seconds,
        shown_url=_plain_url(oos_url, export["OsuBucket"], manifest_key) if shows_url else None,
        api_key=(key["ApiKeyId"], key["SecretKey"]) if {"ApiKeyId", "SecretKey"} <= set(key) else None,
    )


def _prefix(asked: str, image_id: str) -> str:
    return f"{asked}/{image_id}/" if asked else f"{image_id}/"


def _shown_prefix(way: ShownPrefix, asked: str, image_id: str) -> str:
    if way is ShownPrefix.AS_ASKED:
        return _prefix(asked, image_id)
    tidy = _prefix(asked.strip("/"), image_id)
    return tidy.rstrip("/") if way is ShownPrefix.NO_END else tidy


def _manifest_name(way: ManifestKey, task_id: str, image_id: str) -> str:
    names = {
        ManifestKey.NAMED_AFTER_IMAGE: f"{image_id}.manifest.json",
        ManifestKey.PLAIN: "manifest.json",
        ManifestKey.NAMED_AFTER_TASK: f"{task_id}.json",
        ManifestKey.NO_SUFFIX: "manifest",
    }
    return names[way]


def _plain_url(oos_url: str, bucket: str, key: str) -> str:
    return f"{oos_url}/{bucket}/{quote(key)}"


@dataclass(frozen=True, slots=True)
class WrittenDisk:
    """A disk that was written into the bucket."""

    device: Device
    key: str
    compressed_bytes: int


class ExportWorker:
    """Runs the export tasks of one Region.

    It signs URLs with the public address `oos_url`, but writes to `store` directly: its writes are not recorded.
    """

    def __init__(
        self, region: RegionState, scheduler: Scheduler, objects: PresignedClient, oos_url: str, store: ObjectStore
    ) -> None:
        self._region = region
        self._scheduler = scheduler
        self._objects = objects
        self._oos_url = oos_url
        self._store = store
        self._store_url = store.url

    def queue(self, account: SandboxAccount, image_id: str, export: Mapping[str, Any]) -> ImageExportTask:
        """Creates a task and runs it. Raises ApiError for a bad bucket if the service refuses it at once."""
        task = _queued_task(self._region, account, image_id, export, self._oos_url)
        bucket_url = f"{self._store_url}/{task.bucket}"
        checked = self._behaviour.bad_bucket is BadBucket.REFUSED
        if checked and not self._objects.has(self._signer(task), bucket_url):
            raise ApiError(ApiErrorKind.NO_BUCKET, f"The bucket '{task.bucket}' can't be written.")
        self._region.tasks.put(task.task_id, task)
        self._at(task.begins, lambda: self._begin(task))
        return task

    @property
    def _behaviour(self) -> Behaviour:
        return self._region.settings.behaviour

    def _at(self, moment: float, job: Any) -> None:
        self._scheduler.at(moment, job)

    def _begin(self, task: ImageExportTask) -> None:
        if self._still(task, TaskState.QUEUED):
            self._region.change_task(task.task_id, state=TaskState.PENDING)
            # The disks at half-time and the manifest at the end: a manifest is never there before its disks.
            self._at((task.begins + task.ends) / 2, lambda: self._write_disks(task))

    def _write_disks(self, task: ImageExportTask) -> None:
        image = self._region.images.get(task.image_id)
        if not self._still(task, TaskState.PENDING):
            return
        if image is None:
            self._fail(task, f"The image {task.image_id} does not exist any more.")
            return
        if self._behaviour.bad_bucket is BadBucket.MADE:
            self._store.create_if_missing(task.bucket, self._signer(task).access_key)
        try:
            written = tuple(self._write_disk(task, device) for device in image.devices)
        except ObjectUnreachable as error:
            self._fail(task, f"The bucket can't be written: {error}")
            return
        self._at(task.ends, lambda: self._write_manifest(task, image, written))

    def _write_disk(self, task: ImageExportTask, device: Device) -> WrittenDisk:
        suffix = task.task_id.removeprefix("image-export-")
        key = f"{task.prefix}{device.snapshot_id}-{suffix}.{task.image_format}.gz"
        disk = make_disk(task.image_format, device.size_gib * GIB, device.snapshot_id)
        self._objects.put(self._signer(task), self._store_object(task, key), disk)
        return WrittenDisk(device, key, len(disk))

    def _write_manifest(self, task: ImageExportTask, image: Omi, written: tuple[WrittenDisk, ...]) -> None:
        if not self._still(task, TaskState.PENDING):
            return
        body = json.dumps(self._manifest(task, image, written), indent=2).encode()
        try:
            self._objects.put(self._signer(task), self._store_object(task, task.manifest_key), body)
        except ObjectUnreachable as error:
            self._fail(task, f"The bucket can't be written: {error}")
            return
        changes: dict[str, object] = {"state": TaskState.COMPLETED, "ended": self._region.clock()}
        self._region.change_task(task.task_id, **changes, shown_url=self._shown_url(task))

    def _shown_url(self, task: ImageExportTask) -> str | None:
        """Returns what a completed task shows as the URL of its manifest."""
        settings, way = self._region.settings, self._behaviour.manifest_url
        if way is ManifestUrl.NEVER:
            return None
        if way in (ManifestUrl.PLAIN, ManifestUrl.FROM_START):
            return _plain_url(self._oos_url, task.bucket, task.manifest_key)
        own_age = settings.task_url_age_seconds
        age = settings.embedded_url_age_seconds if own_age is None else own_age
        return self._presigned(task, task.manifest_key, presign if way is ManifestUrl.SIGV4 else presign_v2, age)

    def _manifest(self, task: ImageExportTask, image: Omi, written: tuple[WrittenDisk, ...]) -> dict[str, Any]:
        extra = self._behaviour.fields is ManifestKeySet.EXTRA
        snapshots = [self._snapshot(task, disk, place) for place, disk in enumerate(written)]
        described = {
            "Name": image.name,
            "Description": image.description,
            "Architecture": image.architecture,
            "Type": "machine",
            "ProductTypes": list(image.product_codes),
            "Public": image.public,
            "User": image.account_id,
            "Snapshots": snapshots,
        }
        more = {"Platform": None, "Hypervisor": "xen"} if extra else {}
        manifest = {"Version": 1, "Image": described | more} | ({"Generator": "export/2"} if extra else {})
        return manifest if self._behaviour.fields is not ManifestKeySet.SPARSE else _without(manifest, OPTIONAL)

    def _snapshot(self, task: ImageExportTask, disk: WrittenDisk, place: int) -> dict[str, Any]:
        bare = disk.key.removeprefix(task.prefix)
        return {
            "Device": disk.device.name,
            "Filename": bare if self._behaviour.filename is ManifestFilename.BARE else disk.key,
            "PreSignedUrl": self._presigned_disk(task, disk.key),
            "Size": disk.device.size_gib * GIB,
            "CompressedSize": disk.compressed_bytes,
            "VolumeType": disk.device.volume_type,
            "Iops": disk.device.iops,
            "DeleteOnTermination": disk.device.delete_on_vm_deletion,
            "Ordering": 58_659 + place,
        } | ({"Encrypted": False} if self._behaviour.fields is ManifestKeySet.EXTRA else {})

    def _presigned_disk(self, task: ImageExportTask, key: str) -> str:
        sign = presign if self._behaviour.url_version is UrlVersion.SIGV4 else presign_v2
        return self._presigned(task, key, sign, self._region.settings.embedded_url_age_seconds)

    def _presigned(self, task: ImageExportTask, key: str, sign: PresignFunction, age_seconds: int) -> str:
        at = datetime.now(UTC) - timedelta(seconds=age_seconds)
        url = f"{self._oos_url}/{task.bucket}/{key}"
        return sign(self._signer(task), "GET", url, self._region.settings.embedded_url_seconds, at)

    def _signer(self, task: ImageExportTask) -> SigningKey:
        account = self._region.accounts[task.account_id]
        access_key, secret_key = task.api_key or (account.access_key, account.secret_key)
        return SigningKey(access_key, secret_key, self._region.name)

    def _store_object(self, task: ImageExportTask, key: str) -> str:
        return f"{self._store_url}/{task.bucket}/{key}"

    def _still(self, task: ImageExportTask, state: TaskState) -> bool:
        with self._region.lock:
            now = self._region.tasks.get(task.task_id)
            return now is not None and now.state is state

    def _fail(self, task: ImageExportTask, comment: str) -> None:
        self._region.change_task(task.task_id, state=TaskState.FAILED, comment=comment, ended=self._region.clock())


def _without(node: Any, names: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_without(item, names) for item in node]
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    return node

"""Runs export tasks: writes the compressed disks into the bucket, then the manifest that names them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.export_task import new_export_task, plain_url
from omicopy.sandbox.model.behaviours import (
    BadBucket,
    Behaviour,
    ManifestFilename,
    ManifestKeySet,
    ManifestUrl,
    UrlVersion,
)
from omicopy.sandbox.model.region_state import Device, ImageExportTask, Omi, RegionState, TaskState
from omicopy.sandbox.model.settings import SandboxAccount
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.process.scheduler import Job, Scheduler
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.presign import PresignFunction, presign, presign_v2
from omicopy.sandbox.storage.presigned_objects import ObjectUnreachable, PresignedClient

OPTIONAL = ("CompressedSize", "Ordering", "User", "Name", "Iops")


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

    def queue(self, account: SandboxAccount, image_id: str, export: Mapping[str, Any]) -> ImageExportTask:
        """Creates a task and runs it. Raises ApiError for a bad bucket if the service refuses it at once."""
        task = new_export_task(self._region, account, image_id, export, self._oos_url)
        bucket_url = f"{self._store.url}/{task.bucket}"
        checked = self._behaviour.bad_bucket is BadBucket.REFUSED
        if checked and not self._objects.has(self._signer(task), bucket_url):
            raise ApiError(ApiErrorKind.NO_BUCKET, f"The bucket '{task.bucket}' can't be written.")
        self._region.tasks.put(task.task_id, task)
        self._at(task.begins, task, TaskState.QUEUED, lambda: self._begin(task))
        return task

    @property
    def _behaviour(self) -> Behaviour:
        return self._region.settings.behaviour

    def _at(self, moment: float, task: ImageExportTask, state: TaskState, step: Job) -> None:
        """Runs a step of a task at that time, if the task is then in that state."""

        def run() -> None:
            with self._region.lock:
                now = self._region.tasks.get(task.task_id)
            if now is None or now.state is not state:
                return
            try:
                step()
            except ObjectUnreachable as error:
                self._fail(task, f"The bucket can't be written: {error}")

        self._scheduler.at(moment, run)

    def _begin(self, task: ImageExportTask) -> None:
        self._region.change_task(task.task_id, state=TaskState.PENDING)
        # The disks at half-time and the manifest at the end: a manifest is never there before its disks.
        self._at((task.begins + task.ends) / 2, task, TaskState.PENDING, lambda: self._write_disks(task))

    def _write_disks(self, task: ImageExportTask) -> None:
        image = self._region.images.get(task.image_id)
        if image is None:
            self._fail(task, f"The image {task.image_id} does not exist any more.")
            return
        if self._behaviour.bad_bucket is BadBucket.MADE:
            self._store.create_if_missing(task.bucket, self._signer(task).access_key)
        disks = tuple(self._write_disk(task, device) for device in image.devices)
        self._at(task.ends, task, TaskState.PENDING, lambda: self._write_manifest(task, image, disks))

    def _write_disk(self, task: ImageExportTask, device: Device) -> WrittenDisk:
        suffix = task.task_id.removeprefix("image-export-")
        key = f"{task.prefix}{device.snapshot_id}-{suffix}.{task.image_format}.gz"
        disk = make_disk(task.image_format, device.size_gib * GIB, device.snapshot_id)
        self._put(task, key, disk)
        return WrittenDisk(device, key, len(disk))

    def _write_manifest(self, task: ImageExportTask, image: Omi, disks: tuple[WrittenDisk, ...]) -> None:
        self._put(task, task.manifest_key, json.dumps(self._manifest(task, image, disks), indent=2).encode())
        url, now = self._shown_url(task), self._region.clock()
        self._region.change_task(task.task_id, state=TaskState.COMPLETED, ended=now, shown_url=url)

    def _put(self, task: ImageExportTask, key: str, content: bytes) -> None:
        self._objects.put(self._signer(task), f"{self._store.url}/{task.bucket}/{key}", content)

    def _shown_url(self, task: ImageExportTask) -> str | None:
        """Returns what a completed task shows as the URL of its manifest."""
        settings, way = self._region.settings, self._behaviour.manifest_url
        if way is ManifestUrl.NEVER:
            return None
        if way in (ManifestUrl.PLAIN, ManifestUrl.FROM_START):
            return plain_url(self._oos_url, task.bucket, task.manifest_key)
        own_age = settings.task_url_age_seconds
        age = settings.embedded_url_age_seconds if own_age is None else own_age
        return self._presigned(task, task.manifest_key, presign if way is ManifestUrl.SIGV4 else presign_v2, age)

    def _manifest(self, task: ImageExportTask, image: Omi, disks: tuple[WrittenDisk, ...]) -> dict[str, Any]:
        extra = self._behaviour.fields is ManifestKeySet.EXTRA
        snapshots = [self._snapshot(task, disk, place) for place, disk in enumerate(disks)]
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

    def _fail(self, task: ImageExportTask, comment: str) -> None:
        self._region.change_task(task.task_id, state=TaskState.FAILED, comment=comment, ended=self._region.clock())


def _without(node: Any, names: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_without(item, names) for item in node]
    if isinstance(node, dict):
        return {key: _without(value, names) for key, value in node.items() if key not in names}
    return node

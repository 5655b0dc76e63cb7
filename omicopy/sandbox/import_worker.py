"""Runs imports: reads the manifest and every disk through their URLs, and creates snapshots."""

from __future__ import annotations

from dataclasses import replace

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.manifest_parser import ManifestVolume, ParsedManifest, parse_manifest
from omicopy.sandbox.model.behaviours import BadManifest, NameRule
from omicopy.sandbox.model.region_state import Device, Omi, OmiState, RegionState
from omicopy.sandbox.process.scheduler import Scheduler
from omicopy.sandbox.storage.disk_images import GIB, InvalidDisk, disk_size
from omicopy.sandbox.storage.presigned_objects import ObjectUnreachable, PresignedClient


class ImportWorker:
    """Runs the imports of one Region."""

    def __init__(self, region: RegionState, scheduler: Scheduler, objects: PresignedClient) -> None:
        self._region = region
        self._scheduler = scheduler
        self._objects = objects

    def check_source(self, url: str) -> None:
        """Raises ApiError for a bad manifest, if the service refuses it before it creates an image."""
        if self._region.settings.behaviour.bad_manifest is BadManifest.REFUSED:
            self._read(url)

    def start(self, image_id: str, url: str) -> None:
        """Imports a manifest into a pending image, which becomes available or failed. Reads the disks at half-time."""
        seconds, now = self._region.settings.import_seconds, self._scheduler.now()
        self._scheduler.at(now + seconds / 2, lambda: self._read_all(image_id, url, now + seconds))

    def start_copy(self, image_id: str, source_image_id: str) -> None:
        """Copies an image of the Region, and its snapshots, into a pending image."""
        ends = self._scheduler.now() + self._region.settings.import_seconds
        self._scheduler.at(ends, lambda: self._copy(image_id, source_image_id))

    def _read_all(self, image_id: str, url: str, ends: float) -> None:
        try:
            manifest = self._read(url)
            for volume in manifest.volumes:
                self._check_disk(volume)
        except ApiError as error:
            self._fail(image_id, error)
            return
        self._scheduler.at(ends, lambda: self._finish(image_id, manifest))

    def _read(self, url: str) -> ParsedManifest:
        try:
            return parse_manifest(self._objects.get(url))
        except ObjectUnreachable as error:
            raise ApiError(ApiErrorKind.OSU_UNREACHABLE, f"The manifest can't be read: {error}") from error

    def _check_disk(self, volume: ManifestVolume) -> None:
        try:
            disk = self._objects.get(volume.url)
            size_bytes = disk_size(disk, f"The snapshot of {volume.device}")
        except ObjectUnreachable as error:
            raise ApiError(
                ApiErrorKind.OSU_UNREACHABLE, f"The snapshot of {volume.device} can't be read: {error}"
            ) from error
        except InvalidDisk as error:
            raise ApiError(ApiErrorKind.BAD_MANIFEST, str(error)) from error
        if size_bytes != volume.size_bytes:
            message = f"The snapshot of {volume.device} has {size_bytes} bytes, not {volume.size_bytes}."
            raise ApiError(ApiErrorKind.BAD_MANIFEST, message)
        if volume.compressed_bytes not in (None, len(disk)):
            message = f"The file of {volume.device} has {len(disk)} bytes, not {volume.compressed_bytes}."
            raise ApiError(ApiErrorKind.BAD_MANIFEST, message)

    def _finish(self, image_id: str, manifest: ParsedManifest) -> None:
        with self._region.lock:
            image = self._region.images.get(image_id)
            if image is None or self._fails_for_its_name(image):
                return
            devices = tuple(self._device(image, volume) for volume in manifest.volumes)
            changed = replace(
                image,
                state=OmiState.AVAILABLE,
                devices=devices,
                product_codes=manifest.product_codes,
                architecture=manifest.architecture,
            )
            self._region.images.put(image_id, changed)

    def _device(self, image: Omi, volume: ManifestVolume) -> Device:
        size_gib = -(-volume.size_bytes // GIB)
        snapshot = self._region.make_snapshot(image.account_id, size_gib, f"Imported for {image.image_id}")
        kind, iops, delete = volume.volume_type, volume.iops, volume.delete_on_vm_deletion
        return Device(volume.device, snapshot.snapshot_id, size_gib, kind, iops, delete)

    def _copy(self, image_id: str, source_image_id: str) -> None:
        with self._region.lock:
            image, source = self._region.images.get(image_id), self._region.images.get(source_image_id)
            if image is None or self._fails_for_its_name(image):
                return
            if source is None:
                self._fail(image_id, ApiError(ApiErrorKind.NO_SUCH_IMAGE))
                return
            devices = tuple(
                replace(device, snapshot_id=self._copied_snapshot(image, device)) for device in source.devices
            )
            self._region.change_image(image_id, state=OmiState.AVAILABLE, devices=devices)

    def _copied_snapshot(self, image: Omi, device: Device) -> str:
        made = self._region.make_snapshot(image.account_id, device.size_gib, f"Copied for {image.image_id}")
        return made.snapshot_id

    def _fails_for_its_name(self, image: Omi) -> bool:
        if self._region.settings.behaviour.names is not NameRule.LATE:
            return False
        others = self._region.owned(self._region.accounts[image.account_id])
        same = [one for one in others if one.name == image.name and one.image_id != image.image_id]
        if any(one.state is OmiState.AVAILABLE for one in same):
            self._fail(image.image_id, ApiError(ApiErrorKind.NAME_TAKEN))
            return True
        return False

    def _fail(self, image_id: str, error: ApiError) -> None:
        """Sets the image to failed. The content of the real `StateComment` is unknown: this one is a guess."""
        codes = {
            ApiErrorKind.OSU_UNREACHABLE.value: "osu-connection-error",
            ApiErrorKind.NO_MANIFEST.value: "invalid-manifest",
        }
        self._region.change_image(
            image_id,
            state=OmiState.FAILED,
            state_code=codes.get(error.refusal, error.refusal.type),
            state_message=error.details,
        )

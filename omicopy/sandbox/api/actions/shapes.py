"""Images, snapshots, tasks and tags in the JSON form of the API's answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from omicopy.sandbox.model.region_state import Device, ImageExportTask, Omi, Snapshot, Tags, TaskState
from omicopy.sandbox.model.task_behaviours import TaskStateNames


def when(moment: datetime) -> str:
    """Returns a date as most answers show it: `2010-10-01T12:34:56.789Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tags_shape(tags: Tags) -> list[dict[str, str]]:
    """Returns a list of `ResourceTag`."""
    return [{"Key": key, "Value": value} for key, value in tags]


def image_shape(image: Omi) -> dict[str, Any]:
    """Returns an `Image`."""
    comment = {"StateCode": image.state_code, "StateMessage": image.state_message}
    return {
        "AccountId": image.account_id,
        "Architecture": image.architecture,
        "BlockDeviceMappings": [_device_shape(device) for device in image.devices],
        "BootModes": list(image.boot_modes),
        "CreationDate": when(image.created),
        "Description": image.description,
        "FileLocation": image.file_location,
        "ImageId": image.image_id,
        "ImageName": image.name,
        "ImageType": "machine",
        "PermissionsToLaunch": {"GlobalPermission": image.public, "AccountIds": list(image.launch_accounts)},
        "ProductCodes": list(image.product_codes),
        "RootDeviceName": "/dev/sda1",
        "RootDeviceType": "bsu",
        "SecureBoot": False,
        "State": image.state.value,
        "StateComment": {name: text for name, text in comment.items() if text is not None},
        "Tags": tags_shape(image.tags),
        "TpmMandatory": image.tpm_mandatory,
    }


def _device_shape(device: Device) -> dict[str, Any]:
    bsu = {
        "VolumeType": device.volume_type,
        "DeleteOnVmDeletion": device.delete_on_vm_deletion,
        "VolumeSize": device.size_gib,
        "SnapshotId": device.snapshot_id,
    }
    return {"DeviceName": device.name, "Bsu": bsu | ({} if device.iops is None else {"Iops": device.iops})}


def snapshot_shape(snapshot: Snapshot) -> dict[str, Any]:
    """Returns a `Snapshot`."""
    volume = {} if snapshot.volume_id is None else {"VolumeId": snapshot.volume_id}
    return volume | {
        "AccountId": snapshot.account_id,
        "CreationDate": when(snapshot.created),
        "Description": snapshot.description,
        "PermissionsToCreateVolume": {"GlobalPermission": False, "AccountIds": []},
        "Progress": 100,
        "SnapshotId": snapshot.snapshot_id,
        "State": "completed",
        "Tags": tags_shape(snapshot.tags),
        "VolumeSize": snapshot.size_gib,
    }


def task_shape(task: ImageExportTask, moment: float, states: TaskStateNames) -> dict[str, Any]:
    """Returns an `ImageExportTask` with its progress at a time of the Region's clock."""
    export = {"OsuBucket": task.bucket, "OsuPrefix": task.shown_prefix, "DiskImageFormat": task.image_format}
    url = {} if task.shown_url is None else {"OsuManifestUrl": task.shown_url}
    return {
        "Comment": task.comment,
        "ImageId": task.image_id,
        "OsuExport": export | url,
        "Progress": task.progress(moment),
        "State": _task_state(task, moment, states),
        "Tags": tags_shape(task.tags),
        "TaskId": task.task_id,
    }


def _task_state(task: ImageExportTask, moment: float, states: TaskStateNames) -> str:
    if states is TaskStateNames.SISTERS:
        return {TaskState.QUEUED: "in-queue", TaskState.PENDING: "active"}.get(task.state, task.state.value)
    if states is TaskStateNames.NEWER and task.state is TaskState.QUEUED:
        return "initializing"
    if states is TaskStateNames.NEWER and task.state is TaskState.PENDING:
        stages = ("preparing", "pending", "uploading")
        return stages[min(2, task.progress(moment) * len(stages) // 100)]
    return task.state.value

"""Makes the task of an export: its keys in the bucket, and what it shows at first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from omicopy.sandbox.model.behaviours import ManifestKey, ManifestUrl, ShownPrefix
from omicopy.sandbox.model.region_state import ImageExportTask, RegionState, TaskState
from omicopy.sandbox.model.settings import SandboxAccount


def new_export_task(
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
        shown_url=plain_url(oos_url, export["OsuBucket"], manifest_key) if shows_url else None,
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


def plain_url(oos_url: str, bucket: str, key: str) -> str:
    return f"{oos_url}/{bucket}/{quote(key)}"

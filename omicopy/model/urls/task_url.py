"""The URL of its manifest that a completed export task shows (`OsuManifestUrl`): where it leads, and why not to use it.

It is a ready pre-signed URL (DOMAIN.md §2), may be missing or lack its signature, and comes from outside. Pure.
"""

from __future__ import annotations

from datetime import datetime

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask, tidy_key
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl, Signature, parse_presigned


def url_of(task: ExportTask) -> PresignedUrl | None:
    """The URL that the task shows. None where there is none that can be read."""
    try:
        return parse_presigned(task.manifest_url) if task.manifest_url else None
    except OmicopyError:
        return None


def manifest_location(task: ExportTask) -> S3Object:
    """Where the manifest of a completed task lies: as its URL says, else where exports put it."""
    url = url_of(task)
    if url is not None and url.key and _is_in_place(task, url):
        return S3Object(task.key.bucket, url.key)
    folder = task.raw_prefix if task.raw_prefix.endswith("/") else task.key.folder.path
    return S3Object(task.key.bucket, f"{folder}manifest")


def task_url_problem(task: ExportTask, url: PresignedUrl | None, endpoint: str, now: datetime) -> str | None:
    """Why a completed task's URL can't serve, as far as its text tells. `endpoint` is the account's own store."""
    if url is None:
        return f"{task.task_id} shows no URL of its manifest"
    shown = f"the URL of its manifest that {task.task_id} shows"
    if not is_in_store(url, endpoint):
        return f"{shown} leads to {url.scheme}://{url.host}, not to {endpoint}"
    if not _is_in_place(task, url):
        return f"{shown} leads out of its export, to {url.place}"
    if url.signature is Signature.NONE:
        return f"{shown} is not signed"
    if url.expires_at is not None and url.expires_at <= now:
        return f"{shown} ended at {url.expires_at:%Y-%m-%d %H:%M:%SZ}"
    return None


def is_in_store(url: PresignedUrl, endpoint: str) -> bool:
    """Whether a URL leads to the store at `endpoint`, by plain http perhaps where that store has https."""
    safe = over_https(url)
    return url.is_at(endpoint) or (safe is not None and safe.is_at(endpoint))


def over_https(url: PresignedUrl) -> PresignedUrl | None:
    """The same URL by https, which neither signature covers. None where that is needless: it is https, or leads to this
    very machine."""
    return parse_presigned(f"https{url.url.removeprefix('http')}") if url.is_exposed else None


def _is_in_place(task: ExportTask, url: PresignedUrl) -> bool:
    """Whether it leads to the task's own bucket, below the export's own prefix, by a plain path."""
    key = url.key or ""
    is_plain = {".", ".."}.isdisjoint(key.split("/"))
    return url.bucket == task.key.bucket and is_plain and tidy_key(key).startswith(task.key.folder.path)

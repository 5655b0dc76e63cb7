"""The manifest URL of a completed export task (`OsuManifestUrl`): where it points, and if it is usable. Pure.

It is a ready pre-signed URL (DOMAIN.md §2). It may be missing or unsigned, and it is untrusted input.
"""

from __future__ import annotations

from datetime import datetime

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportTask, tidy_key
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl, Signature, parse_presigned


def url_of(task: ExportTask) -> PresignedUrl | None:
    """The task's URL. None if it is missing or can't be parsed."""
    try:
        return parse_presigned(task.manifest_url) if task.manifest_url else None
    except OmicopyError:
        return None


def manifest_location(task: ExportTask) -> S3Object:
    """Where a completed task's manifest is: from its URL, else where exports put it."""
    url = url_of(task)
    if url is not None and url.key and _is_in_place(task, url):
        return S3Object(task.key.bucket, url.key)
    folder = task.raw_prefix if task.raw_prefix.endswith("/") else task.key.folder.path
    return S3Object(task.key.bucket, f"{folder}manifest")


def task_url_problem(task: ExportTask, url: PresignedUrl | None, endpoint: str, now: datetime) -> str | None:
    """Why a completed task's URL can't be used, judged by its text. `endpoint` is the account's own store."""
    if url is None:
        return f"{task.task_id} has no manifest URL"
    shown = f"the manifest URL of {task.task_id}"
    if not is_in_store(url, endpoint):
        return f"{shown} points to {url.scheme}://{url.host}, not to {endpoint}"
    if not _is_in_place(task, url):
        return f"{shown} points outside its export, to {url.place}"
    if url.signature is Signature.NONE:
        return f"{shown} is not signed"
    if url.expires_at is not None and url.expires_at <= now:
        return f"{shown} expired at {url.expires_at:%Y-%m-%d %H:%M:%SZ}"
    return None


def is_in_store(url: PresignedUrl, endpoint: str) -> bool:
    """True if the URL points to the store at `endpoint`, even by plain http where the store has https."""
    safe = over_https(url)
    return url.is_at(endpoint) or (safe is not None and safe.is_at(endpoint))


def over_https(url: PresignedUrl) -> PresignedUrl | None:
    """The same URL with https. None if it already is, or if it points to this machine."""
    # Neither signature version covers the scheme, so the signature stays valid.
    return parse_presigned(f"https{url.url.removeprefix('http')}") if url.is_exposed else None


def _is_in_place(task: ExportTask, url: PresignedUrl) -> bool:
    """True if the URL points to the task's own bucket and prefix, by a path without `.` and `..`."""
    key = url.key or ""
    is_plain = {".", ".."}.isdisjoint(key.split("/"))
    return url.bucket == task.key.bucket and is_plain and tidy_key(key).startswith(task.key.folder.path)

"""Finds the manifest of an export that the user names, with its owner's credentials.

Modules that read buckets are imported only when needed: an explicit key needs none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.queries import read_tasks
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportTask, FoundExport, Phase
from omicopy.model.own_tags import CLEANED_TAG
from omicopy.model.s3_location import S3Object, parse_s3_object
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.model.urls.url_text import unescaped

_EXPORT = re.compile(r"image-export-[0-9a-z]+|ami-[0-9a-z]{8,}")


def is_own(source: str) -> bool:
    """True if `source` can only be found with its account's credentials."""
    return source.startswith("s3://") or _EXPORT.fullmatch(source) is not None


@dataclass(frozen=True, slots=True)
class Located:
    """The location of an object."""

    location: S3Object
    from_task: FoundExport | None = None
    """The export as its task shows it, if there is no key for the bucket."""


def locate(session: AccountSession, source: str, now: datetime) -> Located:
    """Returns the location of `source`: `s3://BUCKET/KEY`, the folder of an export (`s3://BUCKET/PREFIX/`), the ID of
    an export task or of an image, or an old URL of the account's own store.

    Checks that the object exists only for a folder, a task and an image. Raises USAGE, NOT_FOUND, DAMAGED, or a
    ServiceError.
    """
    if source.startswith("s3://"):
        named = parse_s3_object(source)
        if not named.is_folder:
            return Located(named)
        from omicopy.manifests.find import find_in_folder

        return Located(find_in_folder(session.storage, named.folder).location)
    if _EXPORT.fullmatch(source):
        stored = _finished_export(session, source, now)
        return Located(stored.location, stored if stored.is_from_task else None)
    if source.lower().startswith(("http://", "https://")):
        return _in_own_store(session.account, source)
    hint = "Give s3://BUCKET/KEY, the ID of an export task (image-export-…) or of an image (ami-…), or an old URL."
    raise OmicopyError(ErrorCode.USAGE, f"{source!r} is not a location, an ID or a URL", hint)


def _in_own_store(account: Account, source: str) -> Located:
    url = parse_presigned(unescaped(source))
    if url.host != urlsplit(account.oos_endpoint).netloc.lower():
        message = f"{url.place} isn't in the object storage of the profile {account.profile!r}, {account.oos_endpoint}"
        raise OmicopyError(ErrorCode.USAGE, message, "Use the profile of the account that owns the bucket.")
    # "." and ".." would be resolved on the way: the signed key would be another one.
    if not url.bucket or not url.key or not {".", ".."}.isdisjoint(url.key.split("/")):
        raise OmicopyError(ErrorCode.USAGE, f"{url.place} is not an object", "Give the URL of a manifest.")
    return Located(S3Object(url.bucket, url.key))


def _finished_export(session: AccountSession, source: str, now: datetime) -> FoundExport:
    from omicopy.manifests.from_task import find_export
    from omicopy.model.lookup import Present, Refused, Unknown

    is_task = source.startswith("image-export-")
    filters = {"TaskIds": [source]} if is_task else {"ImageIds": [source]}
    # A Region may ignore a filter: only what was asked for is taken.
    listed = read_tasks(session, filters, patiently=True)
    tasks = [task for task in listed if source in (task.task_id, task.image_id)]
    complete = [task for task in tasks if task.phase is Phase.COMPLETE and CLEANED_TAG not in task.tags]
    if not complete:
        raise _none_finished(source, session.profile, tasks)
    facts = [find_export(session, t.key, [t], now) for t in complete]
    found = [fact.value for fact in facts if isinstance(fact, Present)]
    # One usable export is enough, even if others could not be read.
    if found:
        return min(found, key=_rank)
    for fact in facts:
        if isinstance(fact, Refused | Unknown):
            raise fact.error
    hint = "If its objects were deleted, export the image again: omicopy export … --re-export"
    with_key = f" with the key of {storage}" if (storage := session.account.storage) else ""
    message = f"{source} is completed, but no manifest is seen{with_key} under {complete[0].key.folder}"
    raise OmicopyError(ErrorCode.NOT_FOUND, message, hint)


def _rank(stored: FoundExport) -> tuple[bool, bool, float]:
    """Sorts several exports of an image: whole ones first, then usable ones, then by the expiry of a task's URL.

    The expiry counts for a task's URL only: all others can be re-signed.
    """
    ends = stored.expiry.at if stored.is_from_task else None
    return bool(stored.damage), bool(stored.flaw), -ends.timestamp() if ends else 0.0


def _none_finished(source: str, profile: str, tasks: list[ExportTask]) -> OmicopyError:
    if not tasks:
        message = f"No export of {source} is listed for the profile {profile!r}"
        hint = "Start one (omicopy export …), or give its s3://… location."
        return OmicopyError(ErrorCode.NOT_FOUND, message, hint)
    if all(CLEANED_TAG in task.tags for task in tasks):
        hint = "Export it again: omicopy export …"
        return OmicopyError(ErrorCode.NOT_FOUND, f"The objects of the export of {source} were deleted", hint)
    states = ", ".join(f"{task.task_id} is {_format_text(task)}" for task in tasks)
    hint = "Wait for it, then run the same command again."
    return OmicopyError(ErrorCode.NOT_FOUND, f"No export of {source} is completed: {states}", hint)


def _format_text(task: ExportTask) -> str:
    return "cleaned up" if CLEANED_TAG in task.tags else task.state

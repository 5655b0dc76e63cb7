"""Hands out or inspects the URL of an export's task, if there is no key to sign another one."""

from __future__ import annotations

from datetime import datetime

from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.check import NEW_EXPORT, require_validity
from omicopy.manifests.expiry_tag import record_url_expiry
from omicopy.manifests.from_task import read_again, warn_without_key
from omicopy.manifests.inspect import Inspection
from omicopy.manifests.presign import PresignOptions, PresignResult
from omicopy.model.export import FoundExport


def presign_from_task(
    session: AccountSession, options: PresignOptions, stored: FoundExport, now: datetime
) -> PresignResult:
    """Returns the task's URL, after reading the manifest through it. Its expiry can't be changed: `expires` is ignored.

    Records the expiry on the task. Raises DENIED if only a key can sign a URL that works long enough, DAMAGED,
    TEMPORARY if the manifest was replaced meanwhile, or a ServiceError.
    """
    if stored.damage:
        raise OmicopyError(ErrorCode.DAMAGED, f"{stored.location}: {stored.damage[0]}", NEW_EXPORT)
    if stored.task_url is None or stored.flaw:
        raise _only_with_key(session, f"{stored.location} has no URL to hand out: {stored.flaw}")
    try:
        require_validity(stored.expiry, options.min_validity, now)
    except OmicopyError as error:
        raise _only_with_key(session, error.message) from None
    # Checked some time ago: the manifest may have been replaced or deleted since.
    manifest = read_again(session.url_reader, stored.task_url, stored)
    warn_without_key(session, "--expires doesn't change them.")
    result = PresignResult(stored.task_url, stored.location, manifest)
    if stored.expiry.at is not None:
        record_url_expiry(session, stored.location, stored.expiry.at)
    return result


def inspect_from_task(session: AccountSession, stored: FoundExport) -> Inspection:
    """Reads the manifest through the task's URL. Raises DENIED if there is no usable URL."""
    if stored.task_url is None:
        raise _only_with_key(session, f"{stored.location} can't be read: {stored.flaw}")
    manifest = read_again(session.url_reader, stored.task_url, stored)
    warn_without_key(session)
    return Inspection(manifest, stored.task_url, stored.location)


def _only_with_key(session: AccountSession, found: str) -> OmicopyError:
    """Returns DENIED, with the reason why there is no key and how to configure one."""
    why = session.storage_refusal
    return OmicopyError(ErrorCode.DENIED, found + (f". {why.message}" if why else ""), why.hint if why else "")

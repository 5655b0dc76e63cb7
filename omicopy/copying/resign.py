"""New signatures for an old export: every object signed anew, a new manifest put beside the old one."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from omicopy.cloud.failure import ServiceError
from omicopy.cloud.profile import Account
from omicopy.cloud.signing import presign
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import StoredExport

if TYPE_CHECKING:
    from omicopy.cloud.storage import Storage


def resign(account: Account, storage: Storage, stored: StoredExport, now: datetime) -> str:
    """Puts a manifest with URLs that live seven days beside the old one; returns its key, which nothing had before.

    `stored` was held against its bucket before: only keys under its own prefix get a signature (R4).
    Raises EXPIRED where the account may not write to the bucket, else a ServiceError.
    """
    outside = stored.manifest.problem_outside(stored.bucket, stored.manifest_key.rpartition("/")[0])
    if outside:
        raise OmicopyError(ErrorCode.DAMAGED, f"{stored.location} points outside its export: {outside}")
    urls = [presign(account, stored.bucket, snapshot.key or "") for snapshot in stored.manifest.snapshots]
    key = _beside(stored.manifest_key, now)
    if key in storage.sizes(stored.bucket, key):
        raise OmicopyError(ErrorCode.FAILED, f"s3://{stored.bucket}/{key} is there already", "Try again in a second.")
    try:
        storage.put(stored.bucket, key, stored.manifest.with_urls(urls))
    except ServiceError as error:
        if error.code is not ErrorCode.DENIED:
            raise
        raise OmicopyError(
            ErrorCode.EXPIRED,
            f"The URLs in {stored.location} end too early, and {account.profile} may not put a new manifest beside it",
            "Give that access key the right to write to the bucket, or sign with one that has it.",
        ) from None
    return key


def _beside(key: str, now: datetime) -> str:
    """`a/b.json` -> `a/b.resigned-20260101T000000Z.json`; a stem that was signed anew before is not made longer."""
    path = PurePosixPath(key)
    stem = (path.stem if path.suffix == ".json" else path.name).split(".resigned-")[0]
    folder = key[: len(key) - len(path.name)]
    return f"{folder}{stem}.resigned-{now:%Y%m%dT%H%M%SZ}.json"

"""Checks the bucket: writes a small object, reads it through a signed URL and deletes it."""

from __future__ import annotations

import json
import secrets

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.profiles.profile import STORAGE_HINT
from omicopy.cloud.retry import RetryVerdict, retry_verdict
from omicopy.cloud.session import AccountSession
from omicopy.doctor.findings import Check, CheckStatus, failure
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object

PROBE_NAME = "omicopy-doctor-"
"""The beginning of the object's name; the rest is random."""
_EIM_USER = "this is normal for an EIM user's key"
WITHOUT_KEY = (
    "A copy then uses the export task's own URL; without a key, omicopy can't sign URLs again, delete exported objects "
    "or list the bucket"
)


def check_bucket_access(
    session: AccountSession, bucket: str, prefix: str, writes: bool, works_for_api: bool, may_be_made: bool = False
) -> list[Check]:
    """Tries what `copy` does with the bucket and returns a check per operation. Raises nothing of omicopy's own.

    Without `writes`, it only lists objects. `works_for_api`: the profile's key works for the API. `may_be_made`: a
    missing bucket is a warning, not a failure.
    """
    subject = f"s3://{bucket}"
    not_checked = Check(f"{subject}: write, read, delete", CheckStatus.WARN, "not checked")
    no_key = session.storage_refusal
    if no_key is not None:
        return [_no_key(subject, no_key.message, no_key.hint), not_checked]
    storage = session.storage
    folder = "".join(f"{part}/" for part in prefix.split("/") if part)
    try:
        left_behind = storage.sizes(bucket, f"{folder}{PROBE_NAME}")
    except ServiceError as error:
        if storage.key_refusal is not None and session.account.storage is None and works_for_api:
            message = f"the access key of {session.profile!r} works for the API, but object storage does not know it"
            return [_no_key(subject, f"{message}: {_EIM_USER}", STORAGE_HINT), not_checked]
        if error.action != "ListObjects":  # the API refused this key before, so nothing was sent to the store
            return [
                Check(subject, CheckStatus.WARN, f"not checked: the keys of {session.profile!r} have to work first")
            ]
        if error.is_no_bucket:
            return [_no_bucket(subject, may_be_made), not_checked]
        return [failure(f"{subject}: list", error), not_checked]
    findings = [Check(f"{subject}: list", CheckStatus.OK, "allowed")]
    if left_behind:
        names = ", ".join(sorted(left_behind))
        findings.append(
            Check(
                subject,
                CheckStatus.WARN,
                f"an earlier check left behind: {names}",
                "Delete it, unless another check is running.",
            )
        )
    if not writes:
        return [*findings, Check(f"{subject}: write, read, delete", CheckStatus.WARN, "not checked in a dry run")]
    probe = S3Object(bucket, f"{folder}{PROBE_NAME}{secrets.token_hex(8)}")
    return [*findings, *_write_read_delete(session, probe)]


def _no_key(subject: str, reason: str, hint: str) -> Check:
    return Check(f"{subject}: key", CheckStatus.WARN, f"{reason}. {WITHOUT_KEY}", hint)


def _no_bucket(subject: str, may_be_made: bool) -> Check:
    if may_be_made:
        return Check(f"{subject}: list", CheckStatus.WARN, "there is no such bucket: the first export creates it")
    message = "there is no such bucket: an export would create it"
    hint = "Check its name. If it is right, let the service create the bucket with --create-bucket."
    return Check(f"{subject}: list", CheckStatus.FAIL, message, hint, ErrorCode.NOT_FOUND)


def _write_read_delete(session: AccountSession, probe: S3Object) -> list[Check]:
    """Returns a check per operation. Deletes the object in any case, unless the store certainly did not write it."""
    subject, content = f"s3://{probe.bucket}", json.dumps({"probe": secrets.token_hex(16)}).encode()
    may_be_there, findings = True, []
    try:
        session.storage.put(probe, content)
        findings.append(Check(f"{subject}: write", CheckStatus.OK, "allowed"))
        findings.append(_read_back(session, probe, content))
    except ServiceError as error:
        # after a lost answer the object may exist although the write failed
        may_be_there = retry_verdict(error.cause, is_write=True) is RetryVerdict.IN_DOUBT
        findings.append(failure(f"{subject}: write", error))
        findings.append(Check(f"{subject}: read through a signed URL", CheckStatus.WARN, "not checked"))
    finally:
        unknown = Check(f"{subject}: delete", CheckStatus.WARN, "not checked")
        findings.append(_delete(session, probe) if may_be_there else unknown)
    return findings


def _read_back(session: AccountSession, probe: S3Object, written: bytes) -> Check:
    subject = f"s3://{probe.bucket}: read through a signed URL"
    try:
        read = session.read_object(probe)
    except OmicopyError as error:
        return failure(subject, error)
    if read != written:
        message = f"{probe} does not contain what was written"
        hint = "Check the proxies and gateways between this machine and the store: one of them changes data."
        return Check(subject, CheckStatus.FAIL, message, hint, ErrorCode.DAMAGED)
    return Check(subject, CheckStatus.OK, "same content as written")


def _delete(session: AccountSession, probe: S3Object) -> Check:
    """Returns a warning, not a failure, if the object can't be deleted: only --cleanup and `prune` need that right."""
    subject = f"s3://{probe.bucket}: delete"
    try:
        session.storage.delete(probe)
    except ServiceError as error:
        message = f"{error.message}. {probe} may be left behind"
        return Check(subject, CheckStatus.WARN, message, "Delete it yourself. Without that right, leave --cleanup out.")
    return Check(subject, CheckStatus.OK, "allowed")

"""Writes a small object into the bucket, reads it through a signed URL and deletes it: does the bucket work?"""

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
"""What the object's name begins with; the rest is random."""
_EIM_USER = "an EIM user's key is like that"
WITHOUT_KEY = (
    "A copy then relies on the URL that the export task itself gives; without a key nothing can be signed anew, "
    "cleaned up or looked for in the bucket"
)


def check_bucket_access(
    session: AccountSession, bucket: str, prefix: str, writes: bool, works_for_api: bool, may_be_made: bool = False
) -> list[Check]:
    """What `copy` will do with the bucket, tried. Without `writes` its objects are only listed. `works_for_api`: the
    profile's key was seen to. `may_be_made`: a bucket that is not there is no failure."""
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
            message = f"the access key of {session.profile!r} works for the API, and object storage does not know it"
            return [_no_key(subject, f"{message}: {_EIM_USER}", STORAGE_HINT), not_checked]
        if error.action != "ListObjects":  # the API refused the same key, and nothing was sent with it
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
                "Delete it, unless another runs now.",
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
        return Check(f"{subject}: list", CheckStatus.WARN, "there is no such bucket: the first export to it makes it")
    message = "there is no such bucket: an export would make it"
    hint = "Check its name. If it is right: --create-bucket lets the service make it."
    return Check(f"{subject}: list", CheckStatus.FAIL, message, hint, ErrorCode.NOT_FOUND)


def _write_read_delete(session: AccountSession, probe: S3Object) -> list[Check]:
    """Whatever happens on the way, what may have been written is deleted."""
    subject, content = f"s3://{probe.bucket}", json.dumps({"probe": secrets.token_hex(16)}).encode()
    may_be_there, findings = True, []
    try:
        session.storage.put(probe, content)
        findings.append(Check(f"{subject}: write", CheckStatus.OK, "allowed"))
        findings.append(_read_back(session, probe, content))
    except ServiceError as error:
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
        read = session.read_own(probe)
    except OmicopyError as error:
        return failure(subject, error)
    if read != written:
        message = f"{probe} reads otherwise than it was written"
        hint = "Look at what stands between here and the store."
        return Check(subject, CheckStatus.FAIL, message, hint, ErrorCode.DAMAGED)
    return Check(subject, CheckStatus.OK, "as it was written")


def _delete(session: AccountSession, probe: S3Object) -> Check:
    """Only --cleanup, `prune` and this very check delete: a copy works without the right."""
    subject = f"s3://{probe.bucket}: delete"
    try:
        session.storage.delete(probe)
    except ServiceError as error:
        message = f"{error.message}. {probe} may be left behind"
        return Check(subject, CheckStatus.WARN, message, "Delete it yourself. Without that right, leave --cleanup out.")
    return Check(subject, CheckStatus.OK, "allowed")

"""Checks permissions: sends every action that `copy` needs with `DryRun`, which changes nothing.

The IDs don't exist: a service that ignored `DryRun` would find nothing to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.session import AccountSession
from omicopy.doctor.findings import Check, CheckStatus, failure
from omicopy.doctor.required_rights import RIGHTS, Right, RightScope
from omicopy.errors import ErrorCode
from omicopy.model.request import AccountRef

_NO_IMAGE, _NO_TASK, _NO_SNAPSHOT = "ami-00000000", "image-export-00000000", "snap-00000000"
_NO_NAME = "omicopy-doctor"
"""A bucket, an object and an image of this name are asked for, and none is there."""


def check_permissions(session: AccountSession, place: RightScope, bucket: str | None) -> list[Check]:
    """One finding an action that `copy` needs at `place`, beside ReadAccounts, which told whose it is."""
    parameters = dry_run_parameters(session.ref, session.account.oos_endpoint, bucket or _NO_NAME)
    rights = [right for right in RIGHTS["copy"][place] if right.action != "ReadAccounts"]
    return [_check_right(session, right, parameters[right.action]) for right in rights]


def dry_run_parameters(account: AccountRef, oos_endpoint: str, bucket: str) -> Mapping[str, Mapping[str, Any]]:
    """Parameters for each action: complete, but about nothing that exists."""
    sharing = {"Additions": {"AccountIds": [account.account_id]}}
    return {
        "ReadImages": {"Filters": {"ImageIds": [_NO_IMAGE]}},
        "ReadImageExportTasks": {"Filters": {"TaskIds": [_NO_TASK]}},
        "CreateImageExportTask": {"ImageId": _NO_IMAGE, "OsuExport": {"DiskImageFormat": "qcow2", "OsuBucket": bucket}},
        "CreateTags": {"ResourceIds": [_NO_IMAGE], "Tags": [{"Key": _NO_NAME, "Value": "dry run"}]},
        "DeleteExportTask": {"ExportTaskId": _NO_TASK},
        "CreateImage": {"ImageName": _NO_NAME, "FileLocation": f"{oos_endpoint}/{_NO_NAME}/{_NO_NAME}"},
        "UpdateImage": {"ImageId": _NO_IMAGE, "PermissionsToLaunch": sharing},
        "DeleteImage": {"ImageId": _NO_IMAGE},
        "DeleteSnapshot": {"SnapshotId": _NO_SNAPSHOT},
    }


def _check_right(session: AccountSession, right: Right, parameters: Mapping[str, Any]) -> Check:
    """Sent as a read: it may be repeated. Only a refusal for a missing right proves that the right is missing; one of
    the parameters says no more than that the service looked at them first."""
    subject = f"{session.profile}: {right.action}"
    try:
        session.api.read(right.action, session.patience, {**parameters, "DryRun": True})
    except ServiceError as error:
        if error.code is ErrorCode.DENIED and right.without:
            message = f"{error.message}. Needed when {right.when}; without it, {right.without}"
            hint = f"Give the access key of {session.profile!r} the right to it."
            return Check(subject, CheckStatus.WARN, message, hint)
        if error.code is ErrorCode.DENIED:
            hint = f"Give the access key of {session.profile!r} the right to {right.action}."
            return Check(subject, CheckStatus.FAIL, error.message, hint, ErrorCode.DENIED)
        if error.code is ErrorCode.TEMPORARY:
            return failure(subject, error)
        message = f"not refused for a missing right, but not known either: {error.message}"
        return Check(subject, CheckStatus.WARN, message)
    return Check(subject, CheckStatus.OK, "allowed")

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
"""The name of a bucket, an object and an image in the requests. None of them exists."""


def check_permissions(session: AccountSession, place: RightScope, bucket: str | None) -> list[Check]:
    """Returns a check per action that `copy` needs at `place`, except ReadAccounts, which has succeeded already."""
    parameters = dry_run_parameters(session.ref, session.account.oos_endpoint, bucket or _NO_NAME)
    rights = [right for right in RIGHTS["copy"][place] if right.action != "ReadAccounts"]
    return [_check_right(session, right, parameters[right.action]) for right in rights]


def dry_run_parameters(account: AccountRef, oos_endpoint: str, bucket: str) -> Mapping[str, Mapping[str, Any]]:
    """Returns complete parameters for each action, all with IDs and names that don't exist."""
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
    """Returns FAIL if the service denies a right that every copy needs, WARN if it denies one that only some need.

    Any other refusal is a WARN: the service may validate parameters before it checks rights.
    """
    subject = f"{session.profile}: {right.action}"
    hint = f"Give the access key of {session.profile!r} the right to {right.action}."
    try:
        # sent as a read, because a request with DryRun is safe to repeat
        session.api.read(right.action, session.patience, {**parameters, "DryRun": True})
    except ServiceError as error:
        if error.code is ErrorCode.DENIED and right.without:
            message = f"{error.message}. Needed when {right.when}; without it, {right.without}"
            return Check(subject, CheckStatus.WARN, message, hint)
        if error.code is ErrorCode.DENIED:
            return Check(subject, CheckStatus.FAIL, error.message, hint, ErrorCode.DENIED)
        if error.code is ErrorCode.TEMPORARY:
            return failure(subject, error)
        message = f"not known, because the request was refused for another reason: {error.message}"
        return Check(subject, CheckStatus.WARN, message)
    return Check(subject, CheckStatus.OK, "allowed")

"""The rights that each command needs: API actions in both accounts, and object operations in the bucket.

`doctor` checks the rights of `copy`. The documentation of permissions is generated from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class RightScope(Enum):
    """The account that a right belongs to, and the service."""

    SOURCE_API = "source account, API"
    SOURCE_BUCKET = "source account, bucket"
    TARGET_API = "target account, API"


@dataclass(frozen=True, slots=True)
class Right:
    """One action, by its name in the API or in S3."""

    action: str
    when: str = ""
    """When it is needed; empty if every run needs it."""
    without: str = ""
    """What happens if the service denies it; empty if the run fails."""

    @property
    def is_always_needed(self) -> bool:
        return not self.when


Rights = Mapping[RightScope, tuple[Right, ...]]
_EXPORTING = (
    Right("CreateImageExportTask", "there is no usable export"),
    Right("CreateTags", "it starts an export, to tag it as its own", "omicopy never deletes that export"),
    Right("DeleteExportTask", "two runs started the same export, and one is queued", "both exports complete"),
)
_FINDING_EXPORTS = Right("ReadImageExportTasks", "SOURCE is the ID of an export task or an image")
_KEY_EXPIRY_UNKNOWN = "the access key's own expiry is unknown"
_QUOTAS_UNKNOWN = "the free quotas are unknown"
_ONLY_DRY_RUN = "it checks the permission, with DryRun only"
_BOOT_UNKNOWN = "boot modes and TPM are unknown"
_RESIGNING = Right("PutObject", "URLs in a manifest expire too soon and are signed again")
_IMPORTING = (
    Right("ReadAccounts"),
    Right("ReadImages"),
    Right("CreateImage", "the copy does not exist yet"),
    Right("CreateTags", "the copy lacks a tag, or it replaces a failed copy of its own"),
    Right("UpdateImage", "--share-with names an account that may not launch it yet", "the copy exists, but unshared"),
    Right("DeleteImage", "it replaces a failed copy of its own", "the failed copy stays in the way"),
    Right("DeleteSnapshot", "it replaced a failed copy of its own", "the snapshots of the failed copy stay"),
)
_COPYING: Rights = {
    RightScope.SOURCE_API: (
        Right("ReadAccounts"),
        Right("ReadImages"),
        Right("ReadImageExportTasks", "the copy does not exist yet"),
        *_EXPORTING,
    ),
    RightScope.SOURCE_BUCKET: (
        Right("ListObjects", "the copy does not exist yet"),
        Right("GetObject", "the copy does not exist yet"),
        _RESIGNING,
        Right("DeleteObject", "--cleanup is given", "the exported objects stay"),
    ),
    RightScope.TARGET_API: _IMPORTING,
}
RIGHTS: Mapping[str, Rights] = {
    "copy": _COPYING,
    "run": _COPYING,
    "export": {
        RightScope.SOURCE_API: (Right("ReadAccounts"), Right("ReadImages"), Right("ReadImageExportTasks"), *_EXPORTING),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "the export is complete"),
            Right("GetObject", "the export is complete"),
        ),
    },
    "url": {
        RightScope.SOURCE_API: (
            Right("ReadAccessKeys", "--no-check is not given", _KEY_EXPIRY_UNKNOWN),
            Right("ReadImageExportTasks", "SOURCE is an export task, an image, or a manifest in an export's folder"),
            Right("ReadImages", "--handoff is given, and SOURCE is an export task or an image", _BOOT_UNKNOWN),
            Right(
                "CreateTags",
                "omicopy started the export, to tag it with the URL's expiry",
                "a clean-up may delete it before the URL expires",
            ),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("GetObject", "--no-check is not given"),
            Right("ListObjects", "SOURCE is a folder, a task or an image, or URLs are signed again"),
            Right("PutObject", "URLs are signed again, or a URL of --method put is used"),
        ),
    },
    "import": {RightScope.SOURCE_BUCKET: (Right("GetObject"),), RightScope.TARGET_API: _IMPORTING},
    "inspect": {
        RightScope.SOURCE_API: (
            _FINDING_EXPORTS,
            Right("ReadImages", "SOURCE is the ID of an export task or an image", _BOOT_UNKNOWN),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("GetObject", "SOURCE is not a file, or --probe is given"),
            Right("ListObjects", "SOURCE is a folder, a task or an image"),
        ),
    },
    "resign": {
        RightScope.SOURCE_API: (_FINDING_EXPORTS,),
        RightScope.SOURCE_BUCKET: (Right("ListObjects"), Right("GetObject"), Right("PutObject")),
    },
    "cors": {RightScope.SOURCE_BUCKET: (Right("GetBucketCors"), Right("PutBucketCors", "--allow-origin adds a rule"))},
    "manifest build": {
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects"),
            Right("GetObject"),
            Right("PutObject", "the same manifest does not exist yet"),
        )
    },
    "status": {
        RightScope.SOURCE_API: (Right("ReadAccounts"), Right("ReadImages"), Right("ReadImageExportTasks")),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "an image or a task is named, or --deep is given", "the bucket's content is unknown"),
            Right("GetObject", "an image or a task is named, or --deep is given", "the URLs' expiry is unknown"),
        ),
        RightScope.TARGET_API: (Right("ReadAccounts"), Right("ReadImages")),
    },
    "prune": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadImages"),
            Right("ReadImageExportTasks", "--bucket or a plan is given"),
            Right("CreateTags", "an export is deleted, to tag it as deleted"),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "an export is deleted, or its deletion has begun"),
            Right("GetObject", "an export is deleted, or its deletion has begun"),
            Right("DeleteObject", "an export is deleted"),
        ),
        RightScope.TARGET_API: (
            Right("ReadAccounts"),
            Right("ReadImages"),
            Right("ReadSnapshots", without="snapshots of interrupted deletions stay"),
            Right(
                "CreateTags",
                "a copy is deleted, to tag its snapshots",
                "a later run can't find the snapshots of an interrupted deletion",
            ),
            Right("DeleteImage", "a copy is deleted"),
            Right(
                "DeleteSnapshot",
                "a copy is deleted, or an interrupted deletion left snapshots",
                "the snapshots stay; a message lists them",
            ),
        ),
    },
    "cancel": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadImageExportTasks"),
            Right("DeleteExportTask", "omicopy started the task, and it is queued"),
        )
    },
    "doctor": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadRegions"),
            Right("ReadAccessKeys", without=_KEY_EXPIRY_UNKNOWN),
            Right("ReadQuotas", without=_QUOTAS_UNKNOWN),
            Right("ReadImageExportTasks"),
            Right("ReadImages"),
            *(Right(right.action, _ONLY_DRY_RUN) for right in _EXPORTING),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "--bucket is given"),
            Right("PutObject", "--bucket is given, without --dry-run"),
            Right("GetObject", "--bucket is given, without --dry-run"),
            Right("DeleteObject", "--bucket is given, without --dry-run", "its small object stays; a message names it"),
        ),
        RightScope.TARGET_API: (
            Right("ReadAccounts"),
            Right("ReadRegions"),
            Right("ReadAccessKeys", without=_KEY_EXPIRY_UNKNOWN),
            Right("ReadQuotas", without=_QUOTAS_UNKNOWN),
            Right("ReadImages"),
            *(Right(right.action, _ONLY_DRY_RUN) for right in _IMPORTING if right.when),
        ),
    },
}
"""The rights by command. A URL has the rights of the access key that signed it. So the bucket rights of `import`, and
those of `inspect` with a URL, are needed by the account that created the URL."""

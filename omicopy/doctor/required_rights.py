"""Which rights each command needs, and where: the calls of the API and what it does with objects in a bucket.

`doctor` tries what `copy` needs, and `omicopy help permissions` is made from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class RightScope(Enum):
    """Whose rights are meant, and for what."""

    SOURCE_API = "source account, API"
    SOURCE_BUCKET = "source account, bucket"
    TARGET_API = "target account, API"


@dataclass(frozen=True, slots=True)
class Right:
    """One action, in the API's words or in S3's."""

    action: str
    when: str = ""
    """When it is needed; empty: in every run."""
    without: str = ""
    """What becomes of a run that needs it and is refused; empty: it fails."""

    @property
    def is_always_needed(self) -> bool:
        return not self.when


Rights = Mapping[RightScope, tuple[Right, ...]]
_EXPORTING = (
    Right("CreateImageExportTask", "no usable export is there"),
    Right("CreateTags", "it starts an export, to mark it as its own", "that export is never deleted by this tool"),
    Right("DeleteExportTask", "two runs started the same export, and one is queued", "both exports run to their end"),
)
_FINDING_EXPORTS = Right("ReadImageExportTasks", "SOURCE is the ID of an export task or an image")
_BOOT_UNKNOWN = "boot modes and TPM are not known"
_RESIGNING = Right("PutObject", "URLs in a manifest end too early, so that it is signed anew")
_IMPORTING = (
    Right("ReadAccounts"),
    Right("ReadImages"),
    Right("CreateImage", "the copy is not there yet"),
    Right("CreateTags", "the copy lacks a tag, or an earlier one of its own failed, to replace it"),
    Right(
        "UpdateImage", "--share-with names an account that may not launch it yet", "the copy is there, but not shared"
    ),
    Right("DeleteImage", "an earlier copy of its own failed, to replace it", "the failed copy stays in the way"),
    Right("DeleteSnapshot", "it replaced such a copy", "the snapshots of the failed copy stay"),
)
_COPYING: Rights = {
    RightScope.SOURCE_API: (
        Right("ReadAccounts"),
        Right("ReadImages"),
        Right("ReadImageExportTasks", "the copy is not there yet"),
        *_EXPORTING,
    ),
    RightScope.SOURCE_BUCKET: (
        Right("ListObjects", "the copy is not there yet"),
        Right("GetObject", "the copy is not there yet"),
        _RESIGNING,
        Right("DeleteObject", "--cleanup", "the exported objects stay"),
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
            Right("ReadAccessKeys", "there is no --no-check", "when the access key itself ends is not known"),
            Right("ReadImageExportTasks", "SOURCE is an export task, an image, or a manifest in an export's folder"),
            Right("ReadImages", "--handoff, and SOURCE is an export task or an image", _BOOT_UNKNOWN),
            Right("CreateTags", "an export of its own is handed out, to note until when", "a clean-up may delete it"),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("GetObject", "there is no --no-check"),
            Right("ListObjects", "SOURCE is a folder, a task or an image; or it is signed anew"),
            Right("PutObject", "it is signed anew; and for whoever uploads with a URL of --method put"),
        ),
    },
    "import": {RightScope.SOURCE_BUCKET: (Right("GetObject"),), RightScope.TARGET_API: _IMPORTING},
    "inspect": {
        RightScope.SOURCE_API: (
            _FINDING_EXPORTS,
            Right("ReadImages", "SOURCE is the ID of an export task or an image", _BOOT_UNKNOWN),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("GetObject", "SOURCE is no file, or --probe"),
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
            Right("PutObject", "the same manifest is not there yet"),
        )
    },
    "status": {
        RightScope.SOURCE_API: (Right("ReadAccounts"), Right("ReadImages"), Right("ReadImageExportTasks")),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "an image or a task is named, or --deep", "what the bucket holds is not known"),
            Right("GetObject", "an image or a task is named, or --deep", "until when URLs work is not known"),
        ),
        RightScope.TARGET_API: (Right("ReadAccounts"), Right("ReadImages")),
    },
    "prune": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadImages"),
            Right("ReadImageExportTasks", "exports are looked at: --bucket, or a plan"),
            Right("CreateTags", "an export is deleted, to mark it as gone"),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "an export is deleted, or its deletion was begun"),
            Right("GetObject", "an export is deleted, or its deletion was begun"),
            Right("DeleteObject", "an export is deleted"),
        ),
        RightScope.TARGET_API: (
            Right("ReadAccounts"),
            Right("ReadImages"),
            Right("ReadSnapshots", without="what interrupted deletions left stays"),
            Right("CreateTags", "a copy is deleted, to mark its snapshots", "what an interruption leaves is forgotten"),
            Right("DeleteImage", "a copy is deleted"),
            Right(
                "DeleteSnapshot", "a copy is deleted, or was without its snapshots", "the snapshots stay, and are named"
            ),
        ),
    },
    "cancel": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadImageExportTasks"),
            Right("DeleteExportTask", "the task is its own and waits in the queue"),
        )
    },
    "doctor": {
        RightScope.SOURCE_API: (
            Right("ReadAccounts"),
            Right("ReadRegions"),
            Right("ReadAccessKeys", without="when the access key itself ends is not known"),
            Right("ReadQuotas", without="how much room there is is not known"),
            Right("ReadImageExportTasks"),
            Right("ReadImages"),
            *(Right(right.action, "never in earnest: it asks with DryRun") for right in _EXPORTING),
        ),
        RightScope.SOURCE_BUCKET: (
            Right("ListObjects", "there is a --bucket"),
            Right("PutObject", "there is a --bucket and no --dry-run"),
            Right("GetObject", "there is a --bucket and no --dry-run"),
            Right("DeleteObject", "there is a --bucket and no --dry-run", "its small object stays, and is named"),
        ),
        RightScope.TARGET_API: (
            Right("ReadAccounts"),
            Right("ReadRegions"),
            Right("ReadAccessKeys", without="when the access key itself ends is not known"),
            Right("ReadQuotas", without="how much room there is is not known"),
            Right("ReadImages"),
            *(Right(right.action, "never in earnest: it asks with DryRun") for right in _IMPORTING if right.when),
        ),
    },
}
"""By command. A URL has the rights of the access key that signed it, so that the bucket's rights of `import`, and of
`inspect` of a URL, are those of whoever handed it over."""

"""The decision table of the design, row by row: what is known of a copy, and the one decision that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.image_settings import ImageSettings
from omicopy.model.lookup import ABSENT, UNASKED, Present, Refused
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import CopyRequest
from omicopy.model.result import Status
from omicopy.model.urls.presigned_url import parse_presigned
from omicopy.reconcile.decide.decisions import (
    CancelExport,
    Decision,
    Done,
    Fail,
    Fetch,
    Import,
    ReplaceFailed,
    Resign,
    Retry,
    Stage,
    StartExport,
    TagAndShare,
    Wait,
)
from omicopy.reconcile.state import Conflict, ExportState, ImageState, Observation
from tests.support.builders import (
    A_SOURCE,
    COPY_ID,
    KEY,
    NAME,
    NOON,
    RENAMED,
    SOURCE,
    TASK_ID,
    image,
    import_request,
    signed,
    source_image,
    stored,
    tagged,
    task,
)
from tests.support.decision_facts import (
    BUDGETS,
    COPY,
    DAMAGED,
    DEAD,
    EXPORT,
    FAILED,
    FRESH,
    IMPORT,
    IMPORTED,
    JUST_NOW,
    LONG,
    LONG_AGO,
    NO_RIGHT,
    OLD,
    OTHER_BUCKET,
    OTHER_PREFIX,
    OURS,
    QUOTA,
    RE_EXPORT,
    RENAME,
    RUNNING,
    SECOND,
    SECOND_FAILED,
    SECOND_RUNS,
    SHORT,
    SKIP,
    TAKEN,
    TICKS,
    TWO_MARKERS,
    UNKNOWN,
    UNTAGGED,
    WRONG_TAG,
    known,
    step_for,
)

Memory = dict[str, Any]
NO_BUCKET = Refused(NO_RIGHT, is_no_bucket=True)
CREATE = replace(COPY, create_bucket=True)
PENDING = image(State="pending")
FOREIGN, FOREIGN_TOO = image("ami-0000f001", Description=""), image("ami-0000f002", Description="", ImageName=RENAMED)
OTHER_SOURCE = image("ami-0000f003", Description="[omicopy eu-west-2 ami-0000000b]")
SHARED = image("ami-0000f004", AccountId="333333333333")
RENAMED_OURS = tagged(image(ImageName=RENAMED), COPY)
RIGHT_TAG = TagAndShare(WRONG_TAG, {COPY_TAG: COPY_ID})
FLAWED = replace(OURS, volumes=())
BARE_FLAWED = replace(FLAWED, tags={})
ASKED = replace(COPY, target=replace(COPY.target, settings=ImageSettings(share_with=("333333333333",))))
NO_KEY = OmicopyError(ErrorCode.DENIED, "no key", "--storage")
BY_TASK = {"task_url": parse_presigned(signed("k", NOON + timedelta(days=5)))}
SHOWN, SHOWN_SHORT, SHOWN_DAMAGED = replace(FRESH, **BY_TASK), replace(SHORT, **BY_TASK), replace(DAMAGED, **BY_TASK)
SHOWN_DEAD = replace(FRESH, flaw="its URL is not signed")
RAW_RUNS, RAW_TOO = replace(RUNNING, format="raw"), replace(SECOND_RUNS, format="raw")
RAW_THERE, QCOW2_THERE = replace(FRESH, format="raw"), replace(FRESH, format="qcow2")
AS_QCOW2 = replace(COPY, source=replace(A_SOURCE, format=DiskFormat.QCOW2))
AS_RAW_EXPORT = replace(EXPORT, source=replace(A_SOURCE, format=DiskFormat.RAW))
DONE_UNTAGGED = Done(Status.PRESENT, UNTAGGED)
DONE_PRESENT, DONE_COPIED = Done(Status.PRESENT, OURS), Done(Status.COPIED, OURS)
IMPORTING = Wait(Stage.IMPORTING, COPY_ID, "pending", image=PENDING)
FOLLOWING = Wait(Stage.EXPORTING, TASK_ID, "pending", 50)
DOUBT: Memory = {"doubt_since": JUST_NOW}
BEFORE: Memory = {"old_failures": frozenset([COPY_ID])}
STARTED: Memory = {"started": 1, "is_sent": True, "task_id": SECOND, "old_failures": frozenset()}
REFUSED: Memory = {"quota_refusal": QUOTA, "quota_refused_at": JUST_NOW}
ONCE_ALONE: Memory = {"quota_refused_alone": 1}
TWICE_ALONE: Memory = {"quota_refused_alone": 2}
REFUSED_LONG_AGO: Memory = {"quota_refusal": QUOTA, "quota_refused_at": LONG_AGO}


def without_key(tasks: Sequence[ExportTask] = (), stored: FoundExport | Any = ABSENT) -> Observation:
    """As `known`, where no key reads the bucket."""
    return replace(known(tasks=tasks, stored=stored), no_key=NO_KEY)


@dataclass(frozen=True)
class Row:
    """`step` is the step itself, or its kind, or the code that the copy fails with."""

    says: str
    step: Decision | type | ErrorCode
    seen: Observation = field(default_factory=known)
    request: CopyRequest = COPY
    image: Memory = field(default_factory=dict)
    export: Memory = field(default_factory=dict)


SOURCE_UNKNOWN_OURS = known([OURS], UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
TARGET_ONLY = Observation(images=Present([]))
TABLE = [
    # ---- ours
    Row("ours, available, complete: present", DONE_PRESENT, known([OURS])),
    Row("ours, available, complete, made by this run: copied", DONE_COPIED, known([OURS]), image={"made_here": True}),
    Row("ours, available, under its other name: present", Done, known([tagged(image(ImageName=RENAMED), COPY)])),
    Row("ours, available, whatever is unknown of the source: present", DONE_PRESENT, SOURCE_UNKNOWN_OURS),
    Row("ours, available, no tags: annotate", TagAndShare, known([image()])),
    Row("ours, available, lacks a tag that was refused in this run: present", DONE_UNTAGGED, known([UNTAGGED]),
        image={"refused_tags": frozenset(["omicopy:version"])}),
    Row("ours, available, not shared as asked: share", TagAndShare(OURS, {}, ("333333333333",)), known([OURS]), ASKED),
    Row("ours, available, without a tag that was asked for: annotate", TagAndShare(OURS, {"team": "x"}), known([OURS]),
        replace(COPY, target=replace(COPY.target, settings=ImageSettings({"team": "x"})))),
    Row("ours, available, not as its source is: fail and name what differs", ErrorCode.DIFFERENT, known([FLAWED])),
    Row("ours, not as its source is, no tags: first the tags",
        TagAndShare(BARE_FLAWED, dict(OURS.tags), is_last=False), known([BARE_FLAWED])),
    Row("ours, available, with another image's tag: only that is set right", RIGHT_TAG, known([WRONG_TAG])),
    Row("ours by the last of two markers: present", Done, known([tagged(image(Description=TWO_MARKERS), COPY)])),
    Row("ours, pending: wait", Wait, known([image(State="pending")])),
    Row("ours, in a state that nobody documented: wait", Wait, known([image(State="pending/odd")])),
    Row("ours, in no state at all: wait", Wait, known([image(State=None)])),
    Row("one of ours pending, one available: present", DONE_PRESENT, known([image("ami-0", State="pending"), OURS])),
    Row("one of ours failed, one pending: wait", IMPORTING, known([image("ami-0", State="failed"), PENDING])),
    Row("ours, failed before this run, tagged as its own: replace it", ReplaceFailed(OLD), known([OLD]), image=BEFORE),
    Row("ours, failed before this run, known to the journal: replace it", ReplaceFailed(FAILED), known([FAILED]),
        image=BEFORE | {"journaled": frozenset([COPY_ID])}),
    Row("r4: failed before, and nothing proves that we made it: conflict", ErrorCode.NAME_CONFLICT, known([FAILED]),
        image=BEFORE),
    Row("r4: failed before, with a tag copied from another image: conflict", ErrorCode.NAME_CONFLICT,
        known([image(State="failed", Tags=[{"Key": COPY_TAG, "Value": "ami-another0"}])]), image=BEFORE),
    Row("ours, failed before, deleted and still listed: look again", Retry, known([OLD]),
        image=BEFORE | {"replaced_id": COPY_ID, "replaced_at": JUST_NOW}),
    Row("ours, failed before, deleted, and still listed after the grace: fail", ErrorCode.FAILED, known([OLD]),
        image=BEFORE | {"replaced_id": COPY_ID, "replaced_at": LONG_AGO}),
    Row("once a run: another one that had failed before, after one was deleted: fail", ErrorCode.REMOTE_FAILED,
        known([OLD]), image=BEFORE | {"replaced_id": "ami-0"}),
    Row("ours, failed in this run: fail with its StateComment", ErrorCode.REMOTE_FAILED, known([FAILED])),
    # ---- the name
    Row("name taken by an image that is not ours: conflict", ErrorCode.NAME_CONFLICT, known([FOREIGN])),
    Row("name taken by ours from another source: conflict", ErrorCode.NAME_CONFLICT, known([OTHER_SOURCE])),
    Row("name taken, skip: skipped", Done(Status.SKIPPED, FOREIGN), known([FOREIGN]), SKIP),
    Row("name taken, rename: as if it were called so", Import(RENAMED, FRESH), known([FOREIGN], stored=FRESH), RENAME),
    Row("both names taken, rename: conflict", ErrorCode.NAME_CONFLICT, known([FOREIGN, FOREIGN_TOO]), RENAME),
    Row("name taken, rename, ours under the other name: present", Done, known([FOREIGN, RENAMED_OURS]), RENAME),
    Row("name taken by an image shared from another account: no matter", StartExport(), known([SHARED])),
    Row("name taken, though a create is in doubt: conflict", ErrorCode.NAME_CONFLICT, known([FOREIGN]), image=DOUBT),
    Row("name taken, skip, though a create is in doubt: skipped", Done, known([FOREIGN]), SKIP, image=DOUBT),
    Row("name taken, rename, and a create in doubt: look again", Retry, known([FOREIGN], stored=FRESH), RENAME,
        image=DOUBT),
    Row("the service calls the name taken, nobody is seen to hold it: look again", Retry, known(stored=FRESH),
        image={"conflicts": {NAME: Conflict(TAKEN, JUST_NOW)}}),
    Row("the same after the grace: conflict", ErrorCode.NAME_CONFLICT, known(stored=FRESH),
        image={"conflicts": {NAME: Conflict(TAKEN, LONG_AGO)}}),
    Row("the same after the grace, skip: skipped", Done(Status.SKIPPED), known(stored=FRESH), SKIP,
        image={"conflicts": {NAME: Conflict(TAKEN, LONG_AGO)}}),
    Row("the same after the grace, rename: import", Import(RENAMED, FRESH), known(stored=FRESH), RENAME,
        image={"conflicts": {NAME: Conflict(TAKEN, LONG_AGO)}}),
    Row("the service calls the name taken, and its holder is seen: rename at once", Import(RENAMED, FRESH),
        known([FOREIGN], stored=FRESH), RENAME, image={"conflicts": {NAME: JUST_NOW}}),
    Row("the service calls the name taken, and ours is seen: present", DONE_PRESENT, known([OURS]),
        image={"conflicts": {NAME: Conflict(TAKEN, JUST_NOW)}}),
    # ---- the target, unknown
    Row("target not looked at: look", Fetch.IMAGES, known(UNASKED)),
    Row("target unknown: look again", Retry, known(UNKNOWN, stored=FRESH)),
    Row("an image may have been created: look again", Retry, known(stored=FRESH), image=DOUBT),
    Row("none was seen within the grace: import", Import(NAME, FRESH), known(stored=FRESH),
        image={"doubt_since": LONG_AGO}),
    Row("a copy was seen and is not seen now: look again", Retry, known(stored=FRESH),
        image={"missing_since": JUST_NOW}),
    Row("the image that we made has vanished: fail", ErrorCode.FAILED, known(stored=FRESH),
        image={"made_here": True, "created_id": COPY_ID, "doubt_since": LONG_AGO}),
    Row("an image that an earlier run made has vanished: import", Import(NAME, FRESH), known(stored=FRESH),
        image={"created_id": COPY_ID, "doubt_since": LONG_AGO}),
    # ---- an export that is complete
    Row("export complete and valid: import", Import(NAME, FRESH), known(tasks=[task()], stored=FRESH)),
    Row("export complete, its task aged out: import", Import(NAME, FRESH), known(stored=FRESH)),
    Row("export complete, source image gone: import", Import(NAME, FRESH), known(stored=FRESH, source=ABSENT)),
    Row("export valid for exactly as long as asked: import", Import(NAME, LONG), known(stored=LONG)),
    Row("export complete, another one running: import", Import, known(tasks=[task(), SECOND_RUNS], stored=FRESH)),
    Row("export valid for a second less than asked: sign anew", Resign(SHORT), known(stored=SHORT)),
    Row("export with URLs that have ended: sign anew", Resign, known(stored=stored(ends=NOON))),
    Row("export with URLs that don't say when they end: sign anew", Resign, known(stored=stored(ends=None))),
    Row("export with a URL that the store refuses: sign anew", Resign(DEAD), known(stored=DEAD)),
    Row("signed anew by this run, and still too short: expired", ErrorCode.EXPIRED, known(stored=SHORT),
        export={"resigned_key": SHORT.location.key, "resigned_at": JUST_NOW}),
    Row("signed anew by this run, not to be seen yet: look again", Retry, known(stored=SHORT),
        export={"resigned_key": "new.json", "resigned_at": JUST_NOW}),
    Row("signed anew by this run, not to be seen: expired", ErrorCode.EXPIRED, known(stored=SHORT),
        export={"resigned_key": "new.json", "resigned_at": LONG_AGO}),
    Row("export asked for and there: present", Done(Status.PRESENT), known(stored=FRESH), EXPORT),
    Row("export asked for and made: copied", Done(Status.COPIED), known(stored=FRESH), EXPORT,
        export={"changed": True}),
    Row("export asked for and there, its URLs over: present all the same", Done, known(stored=SHORT), EXPORT),
    # ---- an export that runs
    Row("export running: wait", FOLLOWING, known(tasks=[RUNNING])),
    Row("export queued: wait", Wait, known(tasks=[task(state="pending/queued")])),
    Row("export in a state that nobody documented: wait", Wait, known(tasks=[task(state="exporting/odd")])),
    Row("export in no state at all: wait", Wait, known(tasks=[task(state=None)])),
    Row("several running: everybody follows the smallest ID", FOLLOWING, known(tasks=[SECOND_RUNS, RUNNING])),
    Row("an older one failed, one running: wait", FOLLOWING, known(tasks=[task(SECOND, "failed"), RUNNING])),
    Row("running, though a create is in doubt: wait", FOLLOWING, known(tasks=[RUNNING]), export=DOUBT),
    Row("running, the bucket unknown: wait", FOLLOWING, known(tasks=[RUNNING], stored=UNKNOWN)),
    Row("ours running beside a smaller ID: cancel ours", CancelExport(SECOND_RUNS, TASK_ID),
        known(tasks=[RUNNING, SECOND_RUNS]), export={"task_id": SECOND}),
    Row("ours could not be cancelled: follow the smaller ID", FOLLOWING, known(tasks=[RUNNING, SECOND_RUNS]),
        export={"task_id": SECOND, "cancelled": frozenset([SECOND])}),
    Row("somebody else's running beside our smaller ID: wait", FOLLOWING, known(tasks=[RUNNING, SECOND_RUNS]),
        export={"task_id": TASK_ID}),
    Row("running for another bucket: no matter", StartExport(), known(tasks=[OTHER_BUCKET])),
    Row("running for another prefix: no matter", StartExport(), known(tasks=[OTHER_PREFIX])),
    # ---- one place, one manifest
    Row("running in another format, none asked for: wait", FOLLOWING, known(tasks=[RAW_RUNS])),
    Row("running in another format than asked for: not found", ErrorCode.NOT_FOUND, known(tasks=[RAW_RUNS]), AS_QCOW2),
    Row("running in the format asked for: wait", FOLLOWING, known(tasks=[RUNNING]), AS_QCOW2),
    Row("running in both, the smaller ID in another than asked for: not found", ErrorCode.NOT_FOUND,
        known(tasks=[RAW_RUNS, SECOND_RUNS]), AS_QCOW2),
    Row("the same, the other one ours: cancel ours first", CancelExport(SECOND_RUNS, TASK_ID),
        known(tasks=[RAW_RUNS, SECOND_RUNS]), AS_QCOW2, export={"task_id": SECOND}),
    Row("complete in another format, none asked for: import", Import(NAME, RAW_THERE), known(stored=RAW_THERE)),
    Row("complete in another format than asked for: not found", ErrorCode.NOT_FOUND, known(stored=RAW_THERE), AS_QCOW2),
    Row("complete in another format than asked for, its URLs over: not found", ErrorCode.NOT_FOUND,
        known(stored=replace(SHORT, format="raw")), AS_QCOW2),
    Row("export asked for, complete in another format: not found", ErrorCode.NOT_FOUND, known(stored=QCOW2_THERE),
        AS_RAW_EXPORT),
    Row("complete in the format asked for: import", Import(NAME, QCOW2_THERE), known(stored=QCOW2_THERE), AS_QCOW2),
    Row("complete in the format asked for, another one running in another: import", Import(NAME, QCOW2_THERE),
        known(tasks=[task(), RAW_TOO], stored=QCOW2_THERE), AS_QCOW2),
    Row("complete, nobody can tell in which format: import", Import(NAME, FRESH), known(stored=FRESH), AS_QCOW2),
    Row("damaged, of another format than asked for: start", StartExport(),
        known(tasks=[task()], stored=replace(DAMAGED, format="raw")), AS_QCOW2),
    Row("complete in another format, manifest not found, --re-export: start", StartExport(),
        known(tasks=[replace(task(), format="raw")]), replace(AS_QCOW2, re_export=True),
        export={"unusable_since": LONG_AGO}),
    # ---- complete, and not usable
    Row("complete, manifest not found, within the grace: look again", Retry, known(tasks=[task()]),
        export={"unusable_since": JUST_NOW}),
    Row("complete, manifest not found after the grace: not found", ErrorCode.NOT_FOUND, known(tasks=[task()]),
        export={"unusable_since": LONG_AGO}),
    Row("complete, bucket refused: permission", ErrorCode.DENIED, known(tasks=[task()], stored=Refused(NO_RIGHT))),
    Row("nothing listed, bucket refused: permission", ErrorCode.DENIED, known(stored=Refused(NO_RIGHT))),
    Row("running, bucket refused: wait", FOLLOWING, known(tasks=[RUNNING], stored=Refused(NO_RIGHT))),
    Row("complete, manifest not found, another one running: wait", FOLLOWING, known(tasks=[task(SECOND), RUNNING])),
    Row("complete, bucket refused, another one running: wait", FOLLOWING,
        known(tasks=[task(SECOND), RUNNING], stored=Refused(NO_RIGHT))),
    Row("complete, manifest not found, --re-export: start", StartExport(), known(tasks=[task()]), RE_EXPORT,
        export={"unusable_since": LONG_AGO}),
    Row("complete, manifest not found, within the grace, --re-export: look again", Retry, known(tasks=[task()]),
        RE_EXPORT, export={"unusable_since": JUST_NOW}),
    Row("complete, manifest not found, another one cancelled in this run: look again", Retry,
        known(tasks=[task(), SECOND_FAILED]), export={"unusable_since": JUST_NOW}),
    Row("ours complete, manifest not found, another one cancelled in this run: look again", Retry,
        known(tasks=[task(), SECOND_FAILED]),
        export={"unusable_since": JUST_NOW, "started": 1, "is_sent": True, "task_id": TASK_ID}),
    Row("--re-export, and a whole one is there: import", Import(NAME, FRESH), known(tasks=[task()], stored=FRESH),
        RE_EXPORT),
    Row("--re-export, the new one complete, its manifest not to be seen yet: look again", Retry,
        known(tasks=[task(), task(SECOND)]), RE_EXPORT, export=STARTED | {"unusable_since": JUST_NOW}),
    Row("--re-export, the new one complete, its manifest not found: not found", ErrorCode.NOT_FOUND,
        known(tasks=[task(), task(SECOND)]), RE_EXPORT, export=STARTED | {"unusable_since": LONG_AGO}),
    Row("--re-export, the new one failed: its reason", ErrorCode.REMOTE_FAILED,
        known(tasks=[task(), SECOND_FAILED]), RE_EXPORT, export=STARTED | {"unusable_since": LONG_AGO}),
    Row("damaged, nothing running: start", StartExport(), known(tasks=[task()], stored=DAMAGED)),
    Row("damaged, its task aged out: start", StartExport(), known(stored=DAMAGED)),
    Row("damaged, one running: wait", Wait, known(tasks=[task(), SECOND_RUNS], stored=DAMAGED)),
    Row("damaged, the new one not to be seen yet: look again", Retry, known(tasks=[task()], stored=DAMAGED),
        export=STARTED | DOUBT),
    Row("damaged, the new one never to be seen: fail", ErrorCode.FAILED, known(tasks=[task()], stored=DAMAGED),
        export=STARTED | {"doubt_since": LONG_AGO}),
    Row("damaged, the new one's objects not to be seen yet: look again", Retry,
        known(tasks=[task(), task(SECOND)], stored=DAMAGED), export=STARTED | {"unusable_since": JUST_NOW}),
    Row("once a run: damaged again: damaged", ErrorCode.DAMAGED, known(tasks=[task(), task(SECOND)], stored=DAMAGED),
        export=STARTED | {"unusable_since": LONG_AGO}),
    Row("damaged, and the new one failed: its reason", ErrorCode.REMOTE_FAILED,
        known(tasks=[task(), SECOND_FAILED], stored=DAMAGED), export=STARTED),
    Row("damaged, the answer to the create lost: look again", Retry, known(tasks=[task()], stored=DAMAGED),
        export=DOUBT),
    # ---- no key for the bucket: the tasks alone tell
    Row("no key, the task's URL serves: import", Import(NAME, SHOWN), without_key([task()], SHOWN)),
    Row("no key, the task's URL ends too early: permission", ErrorCode.DENIED, without_key([task()], SHOWN_SHORT)),
    Row("no key, the task's URL does not serve: permission", ErrorCode.DENIED, without_key([task()], SHOWN_DEAD)),
    Row("no key, that of the export just made does not serve yet: look again", Retry,
        without_key([task()], SHOWN_DEAD), export={"is_sent": True, "task_id": TASK_ID, "unusable_since": JUST_NOW}),
    Row("no key, and an export alone: done whatever the URL is", Done(Status.PRESENT),
        without_key([task()], SHOWN_DEAD), EXPORT),
    Row("no key, the URL does not serve, another one runs: follow it", FOLLOWING,
        without_key([task(SECOND), RUNNING], SHOWN_DEAD)),
    Row("no key, damaged: damaged", ErrorCode.DAMAGED, without_key([task()], SHOWN_DAMAGED)),
    Row("no key, damaged, --re-export: start", StartExport(), without_key([task()], SHOWN_DAMAGED), RE_EXPORT),
    Row("no key, the manifest gone: not found", ErrorCode.NOT_FOUND, without_key([task()]),
        export={"unusable_since": LONG_AGO}),
    Row("no key, no task shows an export: start", StartExport(), without_key()),
    Row("no key, ours not listed any more: permission", ErrorCode.DENIED, without_key(),
        export=STARTED | {"doubt_since": LONG_AGO}),
    Row("no key, one of an earlier run not listed any more: permission", ErrorCode.DENIED, without_key(),
        export={"task_id": TASK_ID, "doubt_since": LONG_AGO}),
    Row("no key, somebody's not listed any more: permission", ErrorCode.DENIED, without_key(),
        export={"known": frozenset([TASK_ID]), "missing_since": LONG_AGO}),
    Row("no key, not listed any more, --re-export: start", StartExport(), without_key(), RE_EXPORT,
        export={"known": frozenset([TASK_ID]), "missing_since": LONG_AGO}),
    # ---- failed
    Row("export failed in this run: fail with its Comment", ErrorCode.REMOTE_FAILED, known(tasks=[SECOND_FAILED])),
    Row("export cancelled in this run: fail", ErrorCode.REMOTE_FAILED, known(tasks=[task(state="cancelled")])),
    Row("cancelled by us: start", StartExport(), known(tasks=[task(state="cancelled")]),
        export={"cancelled": frozenset([TASK_ID])}),
    Row("failed before this run: ignored", StartExport(), known(tasks=[task(state="failed")]),
        export={"old_failures": frozenset([TASK_ID])}),
    # ---- the source image
    Row("source image pending: wait", Wait, known(source=source_image(State="pending"))),
    Row("source image in an odd state: wait", Wait, known(source=source_image(State="odd"))),
    Row("source image failed: not exportable", ErrorCode.NOT_EXPORTABLE, known(source=source_image(State="failed"))),
    Row("source image missing: not exportable", ErrorCode.NOT_EXPORTABLE, known(source=ABSENT)),
    Row("source image not owned: not exportable", ErrorCode.NOT_EXPORTABLE, known(source=source_image(AccountId="3"))),
    # ---- a bucket that is not there
    Row("no bucket: fail before anything is written", ErrorCode.NOT_FOUND, known(stored=NO_BUCKET)),
    Row("no bucket, and it is wanted: export", StartExport(KEY.bucket), known(stored=NO_BUCKET), CREATE),
    Row("no bucket, an export runs: follow it", FOLLOWING, known(tasks=[RUNNING], stored=NO_BUCKET)),
    Row("no bucket, an export is complete: fail", ErrorCode.DENIED, known(tasks=[task()], stored=NO_BUCKET)),
    Row("no bucket, it is wanted, an export is complete: its manifest may come to be seen", Retry,
        known(tasks=[task()], stored=NO_BUCKET), CREATE),
    Row("the same after the grace: fail", ErrorCode.NOT_FOUND, known(tasks=[task()], stored=NO_BUCKET), CREATE,
        export={"unusable_since": LONG_AGO}),
    # ---- quota
    Row("quota refused, others not counted: look", Fetch.OTHERS, known(), export=REFUSED),
    Row("quota refused, others unknown: look again", Retry, known(others=UNKNOWN), export=REFUSED),
    Row("quota refused, others in flight: wait for a slot", Wait, known(others=2), export=REFUSED),
    Row("the same a while later: try again", StartExport(), known(others=2), export=REFUSED_LONG_AGO),
    Row("quota refused, the others ended meanwhile: try again", StartExport(), known(others=0), export=REFUSED),
    Row("quota refused, none in flight: look again", Retry, known(others=0), export=REFUSED | ONCE_ALONE),
    Row("the same after the grace: try again", StartExport(), known(others=0), export=REFUSED_LONG_AGO | ONCE_ALONE),
    Row("quota refused twice, none in flight: quota", ErrorCode.QUOTA, known(others=0), export=REFUSED | TWICE_ALONE),
    Row("import refused by a quota, others not counted: look", Fetch.IMPORTS, known(stored=FRESH), image=REFUSED),
    Row("import refused by a quota, others in flight: wait for a slot", Wait, known(stored=FRESH, imports=2),
        image=REFUSED),
    Row("import refused by a quota, the others ended meanwhile: try again", Import(NAME, FRESH),
        known(stored=FRESH, imports=0), image=REFUSED),
    Row("import refused by a quota, none in flight: look again", Retry, known(stored=FRESH, imports=0),
        image=REFUSED | ONCE_ALONE),
    Row("import refused by a quota twice, none in flight: quota", ErrorCode.QUOTA, known(stored=FRESH, imports=0),
        image=REFUSED | TWICE_ALONE),
    Row("a handed manifest's import refused by a quota: wait for a slot", Wait, known(imports=1), IMPORT,
        image=REFUSED),
    # ---- the source, unknown
    Row("tasks not looked at: look", Fetch.TASKS, known(tasks=UNASKED)),
    Row("tasks unknown: look again", Retry, known(tasks=UNKNOWN, stored=FRESH)),
    Row("bucket not looked at: look", Fetch.BUCKET, known(stored=UNASKED)),
    Row("bucket unknown: look again", Retry, known(stored=UNKNOWN)),
    Row("complete, bucket unknown: look again", Retry, known(tasks=[task()], stored=UNKNOWN)),
    Row("source image not looked at: look", Fetch.SOURCE, known(source=UNASKED)),
    Row("source image unknown: look again", Retry, known(source=UNKNOWN)),
    Row("an export may have been started: look again", Retry, known(), export=DOUBT),
    Row("none was seen within the grace: start", StartExport(), known(), export={"doubt_since": LONG_AGO}),
    Row("a task was seen and is not seen now: look again", Retry, known(), export={"missing_since": JUST_NOW}),
    Row("it stays away: start", StartExport(), known(), export={"missing_since": LONG_AGO}),
    Row("the task that we started has vanished, and no manifest is there: fail", ErrorCode.FAILED, known(),
        export=STARTED | {"doubt_since": LONG_AGO}),
    # ---- known to be absent
    Row("known to be absent: start the export", StartExport(), known()),
    Row("known to be absent, no target: start the export", StartExport(), known(UNASKED), EXPORT),
    # ---- a manifest that was handed over
    Row("import: target not looked at: look", Fetch.IMAGES, Observation(), IMPORT),
    Row("import: target unknown: look again", Retry, known(UNKNOWN), IMPORT),
    Row("import: known to be absent: import, and never look at a source", Import(NAME, None), TARGET_ONLY, IMPORT),
    Row("import: an image may have been created: look again", Retry, TARGET_ONLY, IMPORT, image=DOUBT),
    Row("import: ours, by the manifest's marker: present", Done, known([IMPORTED]), IMPORT),
    Row("import: name taken by a copy of an image: conflict", ErrorCode.NAME_CONFLICT, known([OURS]), IMPORT),
    Row("import: name taken, rename: by the manifest's hash", Import(f"{NAME}-{IMPORT.name_suffix}", None),
        known([FOREIGN]), import_request(IfExists.RENAME)),
]  # fmt: skip


@pytest.mark.parametrize("row", [pytest.param(row, id=row.says) for row in TABLE])
def test_the_table(row: Row) -> None:
    step = step_for(row.seen, row.request, ImageState(**row.image), ExportState(**row.export))
    if isinstance(row.step, ErrorCode):
        assert isinstance(step, Fail)
        assert step.error.code is row.step
        assert step.error.message
    elif isinstance(row.step, type):
        assert isinstance(step, row.step)
    else:
        assert step == row.step


def test_every_row_has_a_description_of_its_own() -> None:
    assert len({row.says for row in TABLE}) == len(TABLE)


def test_a_failure_quotes_the_services_reason() -> None:
    import_failed, export_failed = (
        step_for(known([FAILED])),
        step_for(known(tasks=[task(state="failed", Comment="full")])),
    )
    assert isinstance(import_failed, Fail)
    assert isinstance(export_failed, Fail)
    assert "Bad: no such URL" in import_failed.error.message
    assert "full" in export_failed.error.message


def test_a_missing_manifest_is_reported_with_the_key_used() -> None:
    source = replace(A_SOURCE, account=replace(SOURCE, storage="aws:own"))
    step = step_for(known(tasks=[task()]), replace(COPY, source=source), export=ExportState(unusable_since=LONG_AGO))
    assert isinstance(step, Fail)
    assert "no manifest is seen with the key of aws:own under s3://" in step.error.message


def test_a_conflict_with_a_hidden_image_quotes_the_service() -> None:
    step = step_for(known(stored=FRESH), image=ImageState(conflicts={NAME: Conflict(TAKEN, LONG_AGO)}))
    assert isinstance(step, Fail)
    assert TAKEN.message in step.error.message


def test_a_quota_error_quotes_the_service() -> None:
    step = step_for(known(others=0), export=ExportState(**REFUSED, **TWICE_ALONE))
    assert step == Fail(QUOTA)


def test_the_grace_ends_with_a_read_begun_after_it() -> None:
    grace = BUDGETS.grace.total_seconds()
    assert isinstance(step_for(known(), export=ExportState(doubt_since=TICKS - grace + 0.001)), Retry)
    assert isinstance(step_for(known(), export=ExportState(doubt_since=TICKS - grace)), StartExport)

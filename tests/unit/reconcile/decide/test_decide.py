"""The decision table of the design, row by row: what is known of a copy, and the one step that follows from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from omicopy.cloud.errors import Cause, temporary
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.clock import Timestamp
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.image import Image
from omicopy.model.image_settings import ImageSettings
from omicopy.model.lookup import ABSENT, UNASKED, Present, Refused, Unknown
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import Budgets, CopyRequest, Source
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
    Write,
)
from omicopy.reconcile.decide.image import decide
from omicopy.reconcile.state import Conflict, DecisionInput, ExportState, ImageState, Observation
from tests.support.builders import (
    COPY_ID,
    KEY,
    MARKER,
    NAME,
    NOON,
    ORIGIN,
    RENAMED,
    SOURCE,
    TASK_ID,
    copy_request,
    export_request,
    image,
    import_request,
    signed,
    source_image,
    stored,
    tagged,
    task,
)

TICKS = 10_000.0
JUST_NOW, LONG_AGO = TICKS - 1, TICKS - 61
BUDGETS = Budgets(grace=timedelta(seconds=60))
TROUBLE = temporary(Cause.RESET, "Read", "source", "connection lost")
NO_RIGHT = OmicopyError(ErrorCode.DENIED, "no right to look")
Memory = dict[str, Any]
QUOTA = OmicopyError(ErrorCode.QUOTA, "no more exports")
TAKEN = OmicopyError(ErrorCode.NAME_CONFLICT, "code 9029, ResourceConflict")
UNKNOWN = Unknown(TROUBLE)
NO_BUCKET = Refused(NO_RIGHT, is_no_bucket=True)

COPY, RE_EXPORT = copy_request(), copy_request(re_export=True)
SKIP, RENAME = copy_request(IfExists.SKIP), copy_request(IfExists.RENAME)
EXPORT, IMPORT = export_request(), import_request()
CREATE = replace(COPY, create_bucket=True)

OURS = tagged(image(), COPY)
PENDING = image(State="pending")
FAILED = image(State="failed", StateComment={"StateCode": "Bad", "StateMessage": "no such URL"})
OLD = tagged(FAILED, COPY)
FOREIGN, FOREIGN_TOO = image("ami-0000f001", Description=""), image("ami-0000f002", Description="", ImageName=RENAMED)
OTHER_SOURCE = image("ami-0000f003", Description="[omicopy eu-west-2 ami-0000000b]")
SHARED = image("ami-0000f004", AccountId="333333333333")
RENAMED_OURS = tagged(image(ImageName=RENAMED), COPY)
IMPORTED = tagged(image(Description=IMPORT.marker), IMPORT)
TWO_MARKERS = f"[omicopy eu-west-2 ami-0000000b] {MARKER}"
WRONG_TAG = replace(OURS, tags={**OURS.tags, COPY_TAG: "ami-another0"})
RIGHT_TAG = TagAndShare(WRONG_TAG, {COPY_TAG: COPY_ID})

FLAWED = replace(OURS, volumes=())
BARE_FLAWED = replace(FLAWED, tags={})
ASKED = replace(COPY, destination=replace(COPY.destination, settings=ImageSettings(share_with=("333333333333",))))

FRESH, LONG = stored(), stored(ends=NOON + timedelta(hours=6))
SHORT = stored(ends=NOON + timedelta(hours=6, seconds=-1))
DEAD, DAMAGED = stored(dead_urls=("snap-1",)), stored(damage=("snap-1 is missing",))
NO_KEY = OmicopyError(ErrorCode.DENIED, "no key", "--storage")
BY_TASK = {"task_url": parse_presigned(signed("k", NOON + timedelta(days=5)))}
SHOWN, SHOWN_SHORT, SHOWN_DAMAGED = replace(FRESH, **BY_TASK), replace(SHORT, **BY_TASK), replace(DAMAGED, **BY_TASK)
SHOWN_DEAD = replace(FRESH, flaw="its URL is not signed")

SECOND = "image-export-00000002"
RUNNING, SECOND_RUNS, SECOND_FAILED = task(state="pending"), task(SECOND, "pending"), task(SECOND, "failed")
OTHER_BUCKET = replace(RUNNING, key=replace(RUNNING.key, bucket="another"))
OTHER_PREFIX = replace(RUNNING, key=replace(RUNNING.key, prefix="another"))
RAW_RUNS, RAW_TOO = replace(RUNNING, format="raw"), replace(SECOND_RUNS, format="raw")
RAW_THERE, QCOW2_THERE = replace(FRESH, format="raw"), replace(FRESH, format="qcow2")
AS_QCOW2 = replace(COPY, source=replace(ORIGIN, format=DiskFormat.QCOW2))
AS_RAW_EXPORT = replace(EXPORT, source=replace(ORIGIN, format=DiskFormat.RAW))

UNTAGGED = replace(OURS, tags={key: value for key, value in OURS.tags.items() if key != "omicopy:version"})
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


def known(
    images: Sequence[Image] | Unknown | Any = (),
    tasks: Sequence[ExportTask] | Unknown | Any = (),
    stored: FoundExport | Any = ABSENT,
    source: Image | Any = None,
    others: int | Any = UNASKED,
    imports: int | Any = UNASKED,
) -> Observation:
    """Known to be absent, but for what is given."""

    def fact(value: Any, plain: Any) -> Any:
        return Present(value) if isinstance(value, plain) else value

    return Observation(
        images=fact(images, (list, tuple)),
        source=fact(source_image() if source is None else source, Image),
        tasks=fact(tasks, (list, tuple)),
        others_in_flight=fact(others, int),
        imports_in_flight=fact(imports, int),
        stored=fact(stored, FoundExport),
    )


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
        replace(COPY, destination=replace(COPY.destination, settings=ImageSettings({"team": "x"})))),
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


def step_for(
    seen: Observation, request: CopyRequest = COPY, image: ImageState | None = None, export: ExportState | None = None
) -> Decision:
    now = Timestamp(NOON, TICKS)
    return decide(DecisionInput(request, seen, image or ImageState(), export or ExportState(), BUDGETS, now))


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
    source = replace(ORIGIN, account=replace(SOURCE, storage="aws:own"))
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


# ---- whatever is observed

THOROUGH = 500
NAMES = st.sampled_from([NAME, RENAMED, "other"])
STATES = st.sampled_from(["available", "pending", "failed", "", "odd"])
IMAGE_IDS = st.sampled_from([COPY_ID, "ami-0000f001", "ami-0000f002"])
DESCRIPTIONS = st.sampled_from(["", MARKER, "[omicopy eu-west-2 ami-0000000b]", IMPORT.marker, TWO_MARKERS])
TAGS = st.sampled_from([[], [{"Key": COPY_TAG, "Value": COPY_ID}]])
IMAGES = st.builds(
    lambda image_id, **fields: image(image_id, **fields),
    IMAGE_IDS,
    ImageName=NAMES,
    State=STATES,
    Description=DESCRIPTIONS,
    Tags=TAGS,
    AccountId=st.sampled_from(["222222222222", "333333333333"]),
) | st.sampled_from([OURS, IMPORTED])
TASK_IDS = st.sampled_from([TASK_ID, SECOND, "image-export-00000003"])
TASK_STATES = st.sampled_from(["pending/queued", "pending", "completed", "failed", "cancelled", "", "odd"])
TASKS = st.builds(task, TASK_IDS, TASK_STATES) | st.sampled_from([OTHER_BUCKET, OTHER_PREFIX])
STORED = st.sampled_from([FRESH, SHORT, DEAD, DAMAGED, stored(ends=None)])
SOURCES = st.builds(source_image, State=STATES, AccountId=st.sampled_from([SOURCE.account_id, "3"]))
UNKNOWNS = st.sampled_from([UNASKED, UNKNOWN])
SHOWN_IMAGES = st.lists(IMAGES, max_size=3, unique_by=lambda image: image.image_id)
SHOWN_TASKS = st.lists(TASKS, max_size=3, unique_by=lambda task: task.task_id)
OBSERVED = st.builds(
    Observation,
    images=UNKNOWNS | SHOWN_IMAGES.map(Present),
    source=UNKNOWNS | st.just(ABSENT) | SOURCES.map(Present),
    tasks=UNKNOWNS | SHOWN_TASKS.map(Present),
    others_in_flight=UNKNOWNS | st.integers(0, 2).map(Present),
    imports_in_flight=UNKNOWNS | st.integers(0, 2).map(Present),
    stored=UNKNOWNS | st.sampled_from([ABSENT, Refused(NO_RIGHT)]) | STORED.map(Present),
)
MOMENTS = st.sampled_from([None, JUST_NOW, LONG_AGO])
IMAGE_MEMORIES = st.builds(
    ImageState,
    created_id=st.none() | IMAGE_IDS,
    made_here=st.booleans(),
    doubt_since=MOMENTS,
    missing_since=MOMENTS,
    conflicts=st.dictionaries(NAMES, st.sampled_from([Conflict(TAKEN, JUST_NOW), Conflict(TAKEN, LONG_AGO)])),
    old_failures=st.none() | st.frozensets(IMAGE_IDS),
    journaled=st.frozensets(IMAGE_IDS),
    replaced_id=st.none() | IMAGE_IDS,
    replaced_at=st.sampled_from([JUST_NOW, LONG_AGO]),
    quota_refusal=st.none() | st.just(QUOTA),
    quota_refused_at=st.sampled_from([JUST_NOW, LONG_AGO]),
    quota_refused_alone=st.integers(0, 2),
)
EXPORT_MEMORIES = st.builds(
    ExportState,
    started=st.integers(0, 2),
    changed=st.booleans(),
    task_id=st.none() | TASK_IDS,
    doubt_since=MOMENTS,
    missing_since=MOMENTS,
    old_failures=st.none() | st.frozensets(TASK_IDS),
    cancelled=st.frozensets(TASK_IDS),
    unusable_since=MOMENTS,
    resigned_key=st.none() | st.sampled_from([FRESH.location.key, "new.json"]),
    resigned_at=st.sampled_from([JUST_NOW, LONG_AGO]),
    quota_refusal=st.none() | st.just(QUOTA),
    quota_refused_at=st.sampled_from([JUST_NOW, LONG_AGO]),
    quota_refused_alone=st.integers(0, 2),
)
ALMOST_OURS = st.sampled_from(
    [
        OLD,
        OLD,
        FAILED,
        replace(OLD, account_id="333333333333"),
        replace(OLD, name="other"),
        replace(OLD, description=f"{MARKER} [omicopy eu-west-2 ami-0000000b]"),
        replace(OLD, description=MARKER.replace("]", "0]")),
        replace(OLD, state="odd"),
        replace(OLD, tags=WRONG_TAG.tags),
    ]
)
FEW_IMAGES = st.just([]) | st.just([]) | st.lists(ALMOST_OURS, min_size=1, max_size=1) | SHOWN_IMAGES
BUCKETS = st.sampled_from([ABSENT, ABSENT, Refused(NO_RIGHT), *map(Present, (DAMAGED, DAMAGED, FRESH, SHORT, DEAD))])
LISTED = st.builds(
    Observation,
    images=FEW_IMAGES.map(Present),
    source=st.just(Present(source_image())) | SOURCES.map(Present),
    tasks=(SHOWN_TASKS | st.sampled_from([[RUNNING], [task(), SECOND_RUNS], [task(SECOND), RUNNING]])).map(Present),
    others_in_flight=UNKNOWNS | st.integers(0, 2).map(Present),
    imports_in_flight=UNKNOWNS | st.integers(0, 2).map(Present),
    stored=UNKNOWNS | BUCKETS,
)
ENDED = st.builds(task, TASK_IDS, st.sampled_from(["completed", "failed", "cancelled"])) | st.just(OTHER_PREFIX)
ENDED_TASKS = st.lists(ENDED, max_size=3, unique_by=lambda task: task.task_id)
SETTLED = st.builds(
    Observation,
    images=FEW_IMAGES.map(lambda images: Present([one for one in images if one.state in ("available", "failed")])),
    source=st.sampled_from([ABSENT, *map(Present, (source_image(), source_image(State="failed")))]),
    tasks=ENDED_TASKS.map(Present),
    others_in_flight=st.integers(0, 2).map(Present),
    imports_in_flight=st.integers(0, 2).map(Present),
    stored=BUCKETS,
)
LITTLE_IMAGE_MEMORY = IMAGE_MEMORIES | st.sampled_from(
    [{"old_failures": frozenset([COPY_ID])}, {"known": frozenset(["ami-0000f001"]), "missing_since": LONG_AGO}]
).map(lambda memory: ImageState(**memory))
LITTLE_EXPORT_MEMORY = EXPORT_MEMORIES | st.sampled_from(
    [
        {"task_id": SECOND, "started": 1, "is_sent": True, "doubt_since": LONG_AGO},
        {"known": frozenset([SECOND]), "missing_since": LONG_AGO},
        {"quota_refusal": QUOTA, "quota_refused_at": JUST_NOW},
        {"unusable_since": LONG_AGO},
    ]
).map(lambda memory: ExportState(**memory))
REQUESTS = st.sampled_from([COPY, RE_EXPORT, SKIP, RENAME, EXPORT, IMPORT])
DEEP = st.sampled_from([COPY, RE_EXPORT, EXPORT])
ASKED = {
    Fetch.IMAGES: "images",
    Fetch.SOURCE: "source",
    Fetch.TASKS: "tasks",
    Fetch.OTHERS: "others_in_flight",
    Fetch.IMPORTS: "imports_in_flight",
    Fetch.BUCKET: "stored",
}
NEEDED: dict[type, tuple[str, ...]] = {
    # what must be known before a write
    StartExport: ("tasks", "stored", "source"),
    CancelExport: ("tasks",),
    Resign: ("tasks", "stored"),
    Import: ("images",),
    TagAndShare: ("images",),
    ReplaceFailed: ("images",),
}


@given(REQUESTS, OBSERVED, IMAGE_MEMORIES, EXPORT_MEMORIES)
def test_r6_on_an_unknown_fact_nothing_is_written(
    request: CopyRequest, seen: Observation, image: ImageState, export: ExportState
) -> None:
    """And whatever is observed, `decide` answers, and asks for no look that was taken."""
    step = step_for(seen, request, image, export)
    if isinstance(step, Fetch):
        assert getattr(seen, ASKED[step]) is UNASKED
    if isinstance(step, Write):
        needed = {*NEEDED[type(step)], *(["images"] if request.destination else [])}
        needed |= {"tasks", "stored"} if isinstance(step, Import) and isinstance(request.source, Source) else set()
        assert not [name for name in needed if getattr(seen, name) in (UNASKED, UNKNOWN)]


@given(REQUESTS, OBSERVED, IMAGE_MEMORIES, EXPORT_MEMORIES)
def test_r2_in_doubt_nothing_is_created(
    request: CopyRequest, seen: Observation, image: ImageState, export: ExportState
) -> None:
    image.doubt_since = export.doubt_since = JUST_NOW
    assert not isinstance(step_for(seen, request, image, export), StartExport | Import)


@settings(max_examples=THOROUGH)
@given(REQUESTS, LISTED, LITTLE_IMAGE_MEMORY, LITTLE_EXPORT_MEMORY)
def test_r4_only_ours_is_ever_deleted_or_re_signed(
    request: CopyRequest, seen: Observation, image: ImageState, export: ExportState
) -> None:
    step = step_for(seen, request, image, export)
    if isinstance(step, ReplaceFailed):
        assert request.destination is not None
        assert step.image.account_id == request.destination.account.account_id
        assert step.image.name in (request.destination.name, f"{NAME}-{request.name_suffix}")
        assert re.findall(r"\[omicopy [^]]*\]", step.image.description)[-1] == request.marker
        assert step.image.state == "failed"
        assert image.old_failures is not None
        assert step.image.image_id in image.old_failures
        assert step.image.image_id in image.journaled or step.image.tags[COPY_TAG] == step.image.image_id
    if isinstance(step, CancelExport):
        assert isinstance(seen.tasks, Present)
        assert step.task in seen.tasks.value
        assert step.task.key == KEY
        assert step.task.task_id == export.task_id
        assert step.task.task_id not in export.cancelled
        whole = str(seen.stored.value.location) if isinstance(seen.stored, Present) else None
        smaller = {task.task_id for task in seen.tasks.value if task.key == KEY and task.task_id < step.task.task_id}
        assert step.followed in {whole, *smaller}
    if isinstance(step, Resign):
        assert isinstance(seen.stored, Present)
        assert step.stored is seen.stored.value
        assert not step.stored.damage
        assert request.destination is not None


@settings(max_examples=THOROUGH)
@given(REQUESTS | DEEP, LISTED, LITTLE_IMAGE_MEMORY, LITTLE_EXPORT_MEMORY)
@example(RE_EXPORT, known(tasks=[task(), SECOND_RUNS]), ImageState(), ExportState(unusable_since=LONG_AGO))
def test_r2_no_export_is_started_beside_a_usable_one(
    request: CopyRequest, seen: Observation, image: ImageState, export: ExportState
) -> None:
    """Whatever else is known, remembered or unknown; a task in a state that nobody knows counts as one that runs."""
    assert isinstance(seen.tasks, Present)
    ended = ("completed", "failed", "cancelled")
    runs = any(task.key == KEY and task.state not in ended for task in seen.tasks.value)
    was_seen_complete = isinstance(seen.stored, Present) and not seen.stored.value.damage
    assume(runs or was_seen_complete)
    assert not isinstance(step_for(seen, request, image, export), StartExport)


@settings(max_examples=THOROUGH)
@given(REQUESTS | DEEP, SETTLED, LITTLE_IMAGE_MEMORY, LITTLE_EXPORT_MEMORY)
def test_r6_known_facts_are_never_waited_for(
    request: CopyRequest, seen: Observation, image: ImageState, export: ExportState
) -> None:
    """Nothing is unknown, nothing runs, and whatever was done was done long ago: nothing that may come is left."""
    image.conflicts = {name: replace(conflict, since=LONG_AGO) for name, conflict in image.conflicts.items()}
    image.doubt_since, export.doubt_since = _long_ago(image.doubt_since), _long_ago(export.doubt_since)
    image.missing_since, export.missing_since = _long_ago(image.missing_since), _long_ago(export.missing_since)
    export.unusable_since = _long_ago(export.unusable_since)
    image.replaced_at = export.resigned_at = LONG_AGO
    for memory in (image, export):
        memory.quota_refused_at = LONG_AGO if memory.quota_refused_alone else memory.quota_refused_at
    image.remember(seen, request.marker, LONG_AGO)
    export.remember(seen, KEY, LONG_AGO)
    step = step_for(seen, request, image, export)
    if isinstance(step, Wait):
        assert step.resource == "the next free slot"
        is_export = step.stage is Stage.EXPORTING
        others = seen.others_in_flight if is_export else seen.imports_in_flight
        assert (export if is_export else image).quota_refusal is QUOTA
        assert isinstance(others, Present)
        assert others.value > 0
    else:
        assert isinstance(step, Done | Fail | Write)


def _long_ago(moment: float | None) -> float | None:
    return None if moment is None else LONG_AGO


@given(st.sampled_from([COPY, SKIP, RENAME, IMPORT]), OBSERVED, SHOWN_IMAGES, IMAGE_MEMORIES, EXPORT_MEMORIES)
def test_our_available_image_is_the_end(
    request: CopyRequest, seen: Observation, others: list[Image], memory: ImageState, export: ExportState
) -> None:
    ours = image("ami-0000ffff", Description=f"text {request.marker}")
    step = step_for(replace(seen, images=Present([*others, ours])), request, memory, export)
    assert isinstance(step, Done | TagAndShare)
    assert step.image is not None
    assert step.image.is_available


@given(REQUESTS, OBSERVED, SHOWN_IMAGES, SHOWN_TASKS, IMAGE_MEMORIES, EXPORT_MEMORIES)
def test_the_order_of_lists_changes_no_decision(
    request: CopyRequest,
    seen: Observation,
    images: list[Image],
    tasks: list[ExportTask],
    memory: ImageState,
    export: ExportState,
) -> None:
    one, other = (
        step_for(replace(seen, images=Present(images[::way]), tasks=Present(tasks[::way])), request, memory, export)
        for way in (1, -1)
    )
    if isinstance(one, Fail):
        assert isinstance(other, Fail)
        assert one.error.code is other.error.code
    elif isinstance(one, Retry):
        assert isinstance(other, Retry)
    else:
        assert one == other

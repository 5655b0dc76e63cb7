"""Every decision on any observation: no write on an unknown fact, nothing twice, only ours."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import assume, example, given, settings, strategies as st

from omicopy.model.export import ExportTask
from omicopy.model.image import Image
from omicopy.model.lookup import ABSENT, UNASKED, Present, Refused
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import CopyRequest, Source
from omicopy.reconcile.decide.decisions import (
    CancelExport,
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
from omicopy.reconcile.state import Conflict, ExportState, ImageState, Observation
from tests.support.builders import (
    COPY_ID,
    KEY,
    MARKER,
    NAME,
    RENAMED,
    SOURCE,
    TASK_ID,
    image,
    source_image,
    stored,
    task,
)
from tests.support.decision_facts import (
    COPY,
    DAMAGED,
    DEAD,
    EXPORT,
    FAILED,
    FRESH,
    IMPORT,
    IMPORTED,
    JUST_NOW,
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
    SECOND_RUNS,
    SHORT,
    SKIP,
    TAKEN,
    TWO_MARKERS,
    UNKNOWN,
    WRONG_TAG,
    known,
    step_for,
)

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
FACT_OF = {
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
        assert getattr(seen, FACT_OF[step]) is UNASKED
    if isinstance(step, Write):
        needed = {*NEEDED[type(step)], *(["images"] if request.target else [])}
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
        assert request.target is not None
        assert step.image.account_id == request.target.account.account_id
        assert step.image.name in (request.target.name, f"{NAME}-{request.name_suffix}")
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
        assert request.target is not None


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

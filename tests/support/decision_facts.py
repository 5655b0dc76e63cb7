"""Observations, states and requests from which the tests of the decisions are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from omicopy.cloud.errors import Cause, temporary
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import IfExists
from omicopy.model.clock import Timestamp
from omicopy.model.export import ExportTask, FoundExport
from omicopy.model.image import Image
from omicopy.model.lookup import ABSENT, UNASKED, Present, Unknown
from omicopy.model.own_tags import COPY_TAG
from omicopy.model.request import Budgets, CopyRequest
from omicopy.reconcile.decide.decisions import Decision
from omicopy.reconcile.decide.image import decide
from omicopy.reconcile.state import DecisionInput, ExportState, ImageState, Observation
from tests.support.builders import (
    MARKER,
    NOON,
    copy_request,
    export_request,
    image,
    import_request,
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
QUOTA = OmicopyError(ErrorCode.QUOTA, "no more exports")
TAKEN = OmicopyError(ErrorCode.NAME_CONFLICT, "code 9029, ResourceConflict")
UNKNOWN = Unknown(TROUBLE)
COPY, RE_EXPORT = copy_request(), copy_request(re_export=True)
SKIP, RENAME = copy_request(IfExists.SKIP), copy_request(IfExists.RENAME)
EXPORT, IMPORT = export_request(), import_request()
OURS = tagged(image(), COPY)
FAILED = image(State="failed", StateComment={"StateCode": "Bad", "StateMessage": "no such URL"})
OLD = tagged(FAILED, COPY)
IMPORTED = tagged(image(Description=IMPORT.marker), IMPORT)
TWO_MARKERS = f"[omicopy eu-west-2 ami-0000000b] {MARKER}"
WRONG_TAG = replace(OURS, tags={**OURS.tags, COPY_TAG: "ami-another0"})
FRESH, LONG = stored(), stored(ends=NOON + timedelta(hours=6))
SHORT = stored(ends=NOON + timedelta(hours=6, seconds=-1))
DEAD, DAMAGED = stored(dead_urls=("snap-1",)), stored(damage=("snap-1 is missing",))
SECOND = "image-export-00000002"
RUNNING, SECOND_RUNS, SECOND_FAILED = task(state="pending"), task(SECOND, "pending"), task(SECOND, "failed")
OTHER_BUCKET = replace(RUNNING, key=replace(RUNNING.key, bucket="another"))
OTHER_PREFIX = replace(RUNNING, key=replace(RUNNING.key, prefix="another"))
UNTAGGED = replace(OURS, tags={key: value for key, value in OURS.tags.items() if key != "omicopy:version"})


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


def step_for(
    seen: Observation, request: CopyRequest = COPY, image: ImageState | None = None, export: ExportState | None = None
) -> Decision:
    now = Timestamp(NOON, TICKS)
    return decide(DecisionInput(request, seen, image or ImageState(), export or ExportState(), BUDGETS, now))

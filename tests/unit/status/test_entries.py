"""The status of a copy, from what the cloud shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.own_tags import CLEANED_TAG
from omicopy.status.entries import ImageSource, copy_status, source_of
from tests.support.builders import (
    KEY,
    MARKER,
    NAME,
    RENAMED,
    SOURCE_ID,
    TASK_ID,
    copy_request,
    export_request,
    image,
    task,
)

RAW = task(OsuExport={"DiskImageFormat": "raw", "OsuBucket": KEY.bucket})
FOREIGN = image("ami-000000f0", Description="somebody's")


@pytest.mark.parametrize(
    ("state", "shown_id", "images", "tasks"),
    [
        ("available", "ami-000000c1", [image()], [task()]),
        ("available", "ami-000000c1", [image("ami-000000c0", State="failed"), image()], []),
        ("pending", "ami-000000c1", [image(State="pending"), image("ami-000000c0", State="failed")], []),
        ("reticulating", "ami-000000c1", [image(State="reticulating")], []),
        ("available", "ami-000000c1", [FOREIGN, image(ImageName=RENAMED)], []),
        ("failed", "ami-000000c1", [image(State="failed")], []),
        ("name-taken", None, [FOREIGN], [task()]),
        ("absent", None, [image(AccountId="333333333333")], []),
        ("absent", None, [image(ImageName="another")], []),
        ("exported", TASK_ID, [], [task(), task("image-export-0000000f", "pending")]),
        ("exporting", TASK_ID, [], [task(state="pending")]),
        ("exporting", TASK_ID, [], [task(state="odd")]),
        ("absent", None, [], [task(state="failed"), task("image-export-0000000f", "cancelled")]),
        ("absent", None, [], [task(Tags=[{"Key": CLEANED_TAG, "Value": "x"}])]),
        ("exported", TASK_ID, [], [RAW]),
    ],
)
def test_a_copys_status_is_read_from_the_end_backwards(state: str, shown_id: str | None, images, tasks) -> None:
    entry = copy_status(copy_request(), images, tasks)
    shown = entry.image.image_id if entry.image else entry.task.task_id if entry.task else None
    assert (entry.state, shown) == (state, shown_id)


def test_an_export_in_another_format_is_not_the_copys() -> None:
    request = copy_request()
    asked = replace(request, source=replace(request.source, format=DiskFormat.QCOW2))
    assert copy_status(asked, [], [RAW]).state == "absent"
    assert copy_status(asked, [], [task()]).state == "exported"


def test_a_copy_that_may_be_renamed_has_no_name_taken() -> None:
    assert copy_status(copy_request(IfExists.RENAME), [FOREIGN], []).state == "absent"
    assert copy_status(export_request(), [], [task()]).state == "exported"


@pytest.mark.parametrize(
    ("description", "source"),
    [
        ("", None),
        (f"{NAME} of ours", None),
        ("[omicopy]", None),
        ("[omicopy a b c]", None),
        (f"text {MARKER}", ImageSource("eu-west-2", SOURCE_ID, None)),
        (f"{MARKER} [omicopy manifest 0123456789ab]", ImageSource(None, None, "0123456789ab")),
    ],
)
def test_the_last_marker_names_a_copys_source(description: str, source: ImageSource | None) -> None:
    assert source_of(image(Description=description)) == source

"""Export tasks: their states, what makes two exports the same, and that no field of another shape breaks one."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from omicopy.model.export import ExportKey, Phase, export_key, parse_task
from omicopy.model.json_fields import MalformedAnswer
from tests.support.builders import SOURCE_ID, raw_task, stored, task
from tests.unit.model.test_image import JSON

SEGMENTS = st.text(alphabet="abc.-_", min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("pending/queued", Phase.RUNNING),
        ("pending", Phase.RUNNING),
        ("active", Phase.RUNNING),
        ("in-queue", Phase.RUNNING),
        ("completed", Phase.COMPLETE),
        ("failed", Phase.FAILED),
        ("cancelled", Phase.FAILED),
        ("Completed", Phase.UNKNOWN),
        ("deleted", Phase.UNKNOWN),
        ("", Phase.UNKNOWN),
        (None, Phase.UNKNOWN),
        (7, Phase.UNKNOWN),
    ],
)
def test_r6_only_known_states_end_a_wait(state: object, phase: Phase) -> None:
    assert task(State=state, state="").phase is phase if isinstance(state, str) else parsed(State=state).phase is phase


def parsed(**changed: Any) -> Any:
    found = parse_task(raw_task() | changed)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "prefix",
    ["a/b", "/a/b", "a/b/", "//a//b//", f"a/b/{SOURCE_ID}", f"a/b/{SOURCE_ID}/", f"/a/b//{SOURCE_ID}//"],
)
def test_slashes_and_the_image_s_own_id_make_no_other_export(prefix: str) -> None:
    key = export_key(SOURCE_ID, "omi-exports", prefix)
    assert key == ExportKey(SOURCE_ID, "omi-exports", "a/b")
    assert key.folder.path == f"a/b/{SOURCE_ID}/"


@pytest.mark.parametrize("prefix", ["", "/", "//", SOURCE_ID, f"/{SOURCE_ID}/"])
def test_no_prefix_means_the_top_of_the_bucket(prefix: str) -> None:
    assert export_key(SOURCE_ID, "omi-exports", prefix).folder.path == f"{SOURCE_ID}/"


@pytest.mark.parametrize("form", ["qcow2", "QCOW2", "raw"])
def test_a_format_makes_no_other_export(form: str) -> None:
    found = parsed(OsuExport=raw_task()["OsuExport"] | {"DiskImageFormat": form})
    assert (found.key, found.format) == (parsed().key, form.lower())


@pytest.mark.parametrize(
    "other",
    [
        ExportKey("ami-0000000b", "omi-exports", "a"),
        ExportKey(SOURCE_ID, "another", "a"),
        ExportKey(SOURCE_ID, "omi-exports", "b"),
        ExportKey(SOURCE_ID, "omi-exports", "A"),
        ExportKey(SOURCE_ID, "omi-exports", "a/b"),
    ],
    ids=str,
)
def test_everything_else_makes_another_export(other: ExportKey) -> None:
    assert export_key(SOURCE_ID, "omi-exports", "a") != other


def test_another_images_id_in_a_prefix_is_an_ordinary_name() -> None:
    assert export_key(SOURCE_ID, "b", "ami-0000000b").folder.path == f"ami-0000000b/{SOURCE_ID}/"


@given(st.lists(SEGMENTS, max_size=4))
def test_an_export_is_recognised_in_the_services_answer(segments: list[str]) -> None:
    asked = export_key(SOURCE_ID, "omi-exports", "/".join(segments))
    answered = "/".join([*segments, SOURCE_ID]) + "/"
    assert parsed(OsuExport=raw_task()["OsuExport"] | {"OsuPrefix": answered}).key == asked
    assert export_key(SOURCE_ID, "omi-exports", asked.prefix) == asked


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(0, 0), (100, 100), (101, None), (-1, None), (True, None), ("50", None), (50.5, None), (None, None)],
)
def test_progress_is_percent_or_nothing(progress: object, percent: int | None) -> None:
    assert parsed(Progress=progress).progress == percent


def test_tags_are_read() -> None:
    assert parsed(Tags=[{"Key": "omicopy:export", "Value": "0.1"}, {"Key": "empty"}]).tags == {
        "omicopy:export": "0.1",
        "empty": "",
    }
    assert parsed(Tags=None).tags == {}


UNTOLD = [
    *[{"TaskId": value} for value in (None, "", 7, ["image-export-00000001"])],
    *[{"ImageId": value} for value in (None, "", 7)],
    *[{"OsuExport": value} for value in (None, [], "s3://", {}, {"OsuBucket": "b"}, {"DiskImageFormat": "raw"})],
    {"OsuExport": {"OsuBucket": 7, "DiskImageFormat": "raw"}},
    {"OsuExport": {"OsuBucket": "b", "DiskImageFormat": "raw", "OsuPrefix": 7}},
    *[{"Tags": value} for value in ("omicopy", {}, [None], [7], [{"Value": "v"}], [{"Key": 7}], [{"Key": ""}])],
]


@pytest.mark.parametrize("changed", UNTOLD, ids=repr)
def test_a_task_without_an_id_is_unreadable_not_left_out(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        parse_task(raw_task() | changed)


def test_r6_a_failed_task_needs_no_export_target() -> None:
    """One such would else keep its image from being exported for as long as it is listed."""
    assert parsed(State="failed", OsuExport=None).phase is Phase.FAILED
    with pytest.raises(MalformedAnswer):
        parse_task(raw_task() | {"State": "reticulating", "OsuExport": None})


@given(st.dictionaries(st.sampled_from([*sorted(raw_task()), "Comment"]), JSON))
def test_r6_no_field_of_another_shape_breaks_a_task(changed: dict[str, Any]) -> None:
    with contextlib.suppress(MalformedAnswer):
        assert parse_task(raw_task() | changed).task_id


def test_an_export_is_named_by_its_manifest() -> None:
    assert str(stored().location) == f"s3://omi-exports/{SOURCE_ID}/manifest"

"""Images: what the API says of them, the names they may have, and the marker by which a copy is known."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.image import (
    DESCRIPTION_LIMIT,
    check_image_name,
    check_name_template,
    last_marker,
    manifest_marker,
    parse_image,
    renamed,
    render_name,
    source_marker,
    with_marker,
)
from omicopy.model.json_fields import MalformedAnswer
from omicopy.model.own_tags import COPY_TAG, is_ours_to_delete, missing_tags, provenance_tags
from tests.support.builders import (
    COPY_ID,
    SOURCE_ID,
    copy_request,
    image,
    import_request,
    raw_image,
    source_image,
    tagged,
)

MARKER = source_marker("eu-west-2", "ami-12345678")
ALLOWED = "ABCabc019_ ()/.-"
NAMES = st.text(alphabet=ALLOWED, min_size=3, max_size=128)


def refusal(call: Any, *args: Any) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        call(*args)
    assert caught.value.code is ErrorCode.USAGE
    return caught.value


# ---- names


@pytest.mark.parametrize("name", ["abc", "a" * 128, "Ubuntu 24.04 (LTS)/2026-01-15_v1", "   ", "..."])
def test_names_that_the_service_accepts(name: str) -> None:
    assert check_image_name(name) == name


@pytest.mark.parametrize("name", ["", "ab", "a" * 129, "a\tb", "abc\n", "naïve", "a:b:c", "a[b]", "a{b}", "a+b", "٣٣٣"])
def test_other_names_are_refused_before_any_request(name: str) -> None:
    assert "--name" in refusal(check_image_name, name).hint


@given(NAMES, st.sampled_from(["ami-12345678", "ami-1234567890abcdef0", "0123456789ab"]))
def test_a_taken_name_becomes_another_valid_one(name: str, name_suffix: str) -> None:
    other = renamed(name, name_suffix)
    assert check_image_name(other) == other
    assert other.endswith(f"-{name_suffix}")
    assert other != name or name.endswith(name_suffix)
    assert name.startswith(other.removesuffix(f"-{name_suffix}"))


# ---- templates


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "golden"),
        ("{name} of {date}", "golden of 2025-12-31"),
        ("{region}/{image_id}", f"eu-west-2/{SOURCE_ID}"),
        ("prod-{name}-{name}", "prod-golden-golden"),
        ("plain", "plain"),
    ],
)
def test_a_template_is_filled_from_the_source_image(template: str, name: str) -> None:
    assert render_name(template, source_image(), "eu-west-2") == name


def test_the_date_is_the_images_own_in_utc() -> None:
    late = source_image(CreationDate="2025-12-31T23:30:00.000-02:00")
    assert render_name("{name}-{date}", late, "eu-west-2") == "golden-2026-01-01"


@pytest.mark.parametrize(
    "template",
    [
        "{}",
        "{0}",
        "{now}",
        "{name.x}",
        "{name[0]}",
        "{name!r}",
        "{name:>9}",
        "{name",
        "name}",
        "{{name}",
        "{name:{date}}",
    ],
)
def test_a_template_with_anything_else_in_braces_is_refused(template: str) -> None:
    refusal(check_name_template, template)


def test_a_template_that_makes_a_bad_name_is_refused() -> None:
    refusal(render_name, "{name}: {date}", source_image(), "eu-west-2")
    refusal(render_name, "{name}" * 30, source_image(), "eu-west-2")


def test_an_image_without_a_date_fills_none_in() -> None:
    undated = source_image(CreationDate=None)
    assert "{date}" in refusal(render_name, "{name}-{date}", undated, "eu-west-2").message
    assert render_name("{name}", undated, "eu-west-2") == "golden"


@given(st.text(max_size=40))
def test_any_text_as_a_template_is_filled_or_refused(template: str) -> None:
    with contextlib.suppress(OmicopyError):
        name = render_name(template, source_image(), "eu-west-2")
        assert check_image_name(name) == name


# ---- markers


def test_a_copys_marker_names_its_source() -> None:
    assert with_marker("my image", MARKER) == "my image [omicopy eu-west-2 ami-12345678]"
    assert with_marker("", MARKER) == MARKER
    assert copy_request().marker == f"[omicopy eu-west-2 {SOURCE_ID}]"


def test_an_imports_marker_names_its_manifest() -> None:
    assert import_request().marker == manifest_marker(import_request().name_suffix)
    assert import_request().marker.startswith("[omicopy manifest ")
    assert len(import_request().name_suffix) == 12


@pytest.mark.parametrize(
    "inherited",
    [
        "my image [omicopy us-east-2 ami-99999999]",
        "[omicopy us-east-2 ami-99999999] my image",
        "my [omicopy a b] image [omicopy manifest 0123456789ab]",
        "my [omicopy [omicopy a b] image",
    ],
)
def test_markers_inherited_from_the_source_are_stripped(inherited: str) -> None:
    marked = with_marker(inherited, MARKER)
    assert last_marker(marked) == MARKER
    assert "us-east-2" not in marked


@given(st.text(alphabet=st.sampled_from("ab []\n") | st.characters(), max_size=600) | st.just("[omicopy " * 60))
def test_any_text_is_cut_to_fit_and_the_marker_never(text: str) -> None:
    marked = with_marker(text, MARKER)
    assert len(marked) <= DESCRIPTION_LIMIT
    assert marked.endswith(MARKER)
    assert last_marker(marked) == MARKER
    assert with_marker(marked, MARKER) == marked


@pytest.mark.parametrize(
    "description", ["", "text", "[omicopy]", "[Omicopy a b]", "omicopy a b", "[omicopy a", "[omicopy a [b]]"]
)
def test_other_text_is_no_marker(description: str) -> None:
    assert last_marker(description) is None


# ---- tags


def test_r4_only_its_own_id_in_our_tag_makes_an_image_ours() -> None:
    assert is_ours_to_delete(image(Tags=[{"Key": COPY_TAG, "Value": COPY_ID}]), frozenset())
    assert is_ours_to_delete(image(), frozenset([COPY_ID]))
    assert not is_ours_to_delete(image(), frozenset(["ami-another0"]))
    assert not is_ours_to_delete(image(Tags=[{"Key": COPY_TAG, "Value": "ami-another0"}]), frozenset())
    assert not is_ours_to_delete(image(Tags=[{"Key": "omicopy:source-image", "Value": COPY_ID}]), frozenset())


def test_tags_name_a_copys_source_and_an_imports_manifest() -> None:
    assert provenance_tags(copy_request(), COPY_ID, "1.0") == {
        "omicopy:copy": COPY_ID,
        "omicopy:version": "1.0",
        "omicopy:source-image": SOURCE_ID,
        "omicopy:source-region": "eu-west-2",
        "omicopy:source-account": "111111111111",
        "omicopy:source-name": "golden",
        "omicopy:source-date": "2025-12-31T23:59:59Z",
    }
    tags = provenance_tags(import_request(), COPY_ID, "1.0")
    assert set(tags) == {"omicopy:copy", "omicopy:version", "omicopy:source-manifest"}


def test_tags_that_are_there_stay_as_they_were_first_written() -> None:
    complete = tagged(image(), copy_request())
    assert missing_tags(complete, copy_request(), "another version") == {}


# ---- what the API says


UNTOLD = [
    *[{"ImageId": value} for value in (None, "", 7, ["ami-12345678"], {})],
    *[{"AccountId": value} for value in (None, "", 100000000001)],
    *[{"ImageName": value} for value in (7, ["golden"], {})],
    *[{"Description": value} for value in (7, [], {})],
    *[{"Tags": value} for value in ("omicopy", {}, [None], [{"Value": "v"}], [{"Key": None, "Value": "v"}])],
    *[{"BlockDeviceMappings": value} for value in ({}, [None], ["/dev/sda1"], [{"Bsu": {"SnapshotId": 7}}])],
    {"PermissionsToLaunch": {"AccountIds": [100000000001]}},
    {"ProductCodes": [None]},
]


@pytest.mark.parametrize("changed", UNTOLD, ids=repr)
def test_an_image_without_an_id_is_unreadable_not_left_out(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedAnswer):
        parse_image(raw_image() | changed)


def test_r6_an_image_needs_no_name_and_no_description() -> None:
    bare = {key: value for key, value in raw_image().items() if key not in ("ImageName", "Description", "Tags")}
    for raw in (bare, bare | {"ImageName": None, "Description": None, "Tags": None, "State": 7}):
        found = parse_image(raw)
        assert (found.name, found.description, found.tags) == ("", "", {})


def test_a_reason_is_one_line() -> None:
    failed = image(State="failed", StateComment={"StateCode": "Client.Error", "StateMessage": "it broke"})
    assert failed.state_reason == "Client.Error: it broke"
    assert image(StateComment={"StateMessage": "it broke"}).state_reason == "it broke"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-10-01T12:34:56.789Z", datetime(2010, 10, 1, 12, 34, 56, 789_000, UTC)),
        ("2010-10-01T12:34:56.789+0000", datetime(2010, 10, 1, 12, 34, 56, 789_000, UTC)),
        ("2010-10-01T12:34:56+02:00", datetime(2010, 10, 1, 10, 34, 56, tzinfo=UTC)),
        ("2010-10-01T12:34:56", datetime(2010, 10, 1, 12, 34, 56, tzinfo=UTC)),
        ("2010-10-01", datetime(2010, 10, 1, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("", None),
        (None, None),
        (1285936496, None),
    ],
)
def test_a_date_is_read_in_every_form_or_is_unknown(text: object, moment: datetime | None) -> None:
    assert image(CreationDate=text).created_at == moment


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(raw_image())) | st.sampled_from(["StateComment", "ProductCodes"]), JSON))
def test_r6_no_field_of_another_shape_breaks_an_image(changed: dict[str, Any]) -> None:
    with contextlib.suppress(MalformedAnswer):
        assert parse_image(raw_image() | changed).image_id

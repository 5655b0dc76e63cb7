"""Which images the entries of a plan mean, and to which shard each belongs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.image import Image
from omicopy.plans.model import Selector
from omicopy.plans.select import matching_images
from omicopy.plans.shard import parse_shard, shard_of
from tests.support.builders import source_image


def selector(**given: Any) -> Selector:
    return Selector(**{"id": None, "name": None, "name_regex": None, "tags": {}, "latest": None, **given})


def made(number: int, name: str, day: int | None, state: str = "available", **tags: str) -> Image:
    date = f"2026-01-{day:02}T00:00:00Z" if day else ""
    shown = [{"Key": key, "Value": value} for key, value in tags.items()]
    return source_image(f"ami-0000000{number}", ImageName=name, CreationDate=date, State=state, Tags=shown)


IMAGES = [
    made(1, "golden-1", 1, stage="prod"),
    made(2, "golden-2", 2, stage="prod"),
    made(3, "golden-3", 3, stage="test"),
    made(4, "golden-4", 4, state="pending", stage="prod"),
    made(5, "golden-5", 5, state="failed", stage="prod"),
    made(6, "silver", None, stage="prod"),
    made(7, "silver", 2),
]


def numbers(found: list[Image]) -> list[int]:
    return [int(image.image_id[-1]) for image in found]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(selector(id="ami-00000001"), [1], id="an ID"),
        pytest.param(selector(id="ami-00000004"), [4], id="an ID, in whatever state"),
        pytest.param(selector(id="ami-00000009"), [], id="an ID of nothing"),
        pytest.param(selector(id="ami-00000001", tags={"stage": "test"}), [], id="all that is given must hold"),
        pytest.param(selector(name="golden-5"), [5], id="a name, in whatever state"),
        pytest.param(selector(name="golden"), [], id="a name is exact"),
        pytest.param(selector(name="silver"), [7, 6], id="a name of two: the one with a date first"),
        pytest.param(selector(name="silver", latest=1), [7], id="the latest of a name"),
        pytest.param(selector(name="golden-5", latest=1), [], id="the latest must be available"),
        pytest.param(selector(name_regex="olde"), [3, 2, 1], id="a regex anywhere, available ones, latest first"),
        pytest.param(selector(name_regex="^olde"), [], id="a regex held at an end"),
        pytest.param(selector(tags={"stage": "prod"}), [2, 1, 6], id="a tag; without a date last"),
        pytest.param(selector(tags={"stage": "prod"}, latest=1), [2], id="the latest of a tag"),
        pytest.param(selector(tags={"stage": "prod", "x": ""}), [], id="an empty value is not a missing tag"),
        pytest.param(selector(name_regex="^golden-", tags={"stage": "prod"}, latest=9), [2, 1], id="fewer than latest"),
    ],
)
def test_a_selector_matches_images_that_fit_all_its_keys(asked: Selector, expected: list[int]) -> None:
    assert numbers(matching_images(IMAGES, asked)) == expected


def test_images_of_one_date_are_ordered_by_id() -> None:
    twins = [made(number, "twin", 1) for number in (3, 1, 2)]
    assert numbers(matching_images(twins, selector(name_regex="twin", latest=2))) == [1, 2]


@given(st.permutations(IMAGES), st.integers(1, 8))
def test_the_order_of_the_answer_changes_nothing(images: list[Image], latest: int) -> None:
    asked = selector(name_regex=".", latest=latest)
    assert matching_images(images, asked) == matching_images(IMAGES, asked)


# ---- shards


@pytest.mark.parametrize(("text", "expected"), [("0/1", (0, 1)), ("2/3", (2, 3)), (" 0/3\n", (0, 3))])
def test_a_shard_is_one_of_several_counted_from_zero(text: str, expected: tuple[int, int]) -> None:
    assert parse_shard(text) == expected


@pytest.mark.parametrize("text", ["", "3/3", "1", "1/", "/3", "-1/3", "0/0", "a/b", "1/3/5", "0.5/2", "１/３x"])
def test_anything_else_is_no_shard(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_shard(text)
    assert caught.value.code is ErrorCode.USAGE


def test_the_shard_of_an_image_never_changes() -> None:
    found = [shard_of("111111111111", f"ami-0000000{number}", 3) for number in range(8)]
    assert found == [0, 1, 2, 1, 1, 1, 2, 0]


@given(st.text(), st.text(), st.integers(1, 1000))
def test_every_image_belongs_to_one_of_the_shards(account: str, image: str, count: int) -> None:
    assert 0 <= shard_of(account, image, count) < count


def test_shards_are_about_equally_large() -> None:
    counts = [0] * 4
    for number in range(1000):
        counts[shard_of("111111111111", f"ami-{number:08x}", 4)] += 1
    assert min(counts) > 200

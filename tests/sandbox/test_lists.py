"""Lists of the API: unknown filters, pages and their tokens, order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.behaviours import ListOrder


def many_images(sandbox: Sandbox, count: int) -> None:
    state = sandbox.region_state("eu-west-2")
    first = state.images.get("ami-00000001")
    for number in range(count):
        state.images.put(f"ami-1{number:07x}", replace(first, image_id=f"ami-1{number:07x}", name=f"many-{number:04}"))


def test_an_unknown_filter_is_refused(user) -> None:
    with user.refused() as refused:
        user.image_names(Filters={"AccountAliases": ["me"]})
    assert refused.code == "4023"


def test_item_101_is_on_the_second_page(user) -> None:
    many_images(user.sandbox, 101)
    filters = {"ImageNames": ["many-*"]}
    first = user.api("source").api("ReadImages", Filters=filters)
    assert len(first["Images"]) == 100
    second = user.api("source").api("ReadImages", Filters=filters, NextPageToken=first["NextPageToken"])
    assert [image["ImageName"] for image in second["Images"]] == ["many-0100"]
    assert "NextPageToken" not in second


def test_a_full_last_page_has_no_token(user) -> None:
    many_images(user.sandbox, 10)
    page = user.api("source").api("ReadImages", Filters={"ImageNames": ["many-*"]}, ResultsPerPage=10)
    assert "NextPageToken" not in page


@pytest.mark.parametrize("token", ["garbage", "Z2FyYmFnZQ==", "eyJmcm9tIjogLTF9", "W10="])
def test_a_wrong_page_token_is_refused(user, token) -> None:
    with user.refused() as refused:
        user.image_names(NextPageToken=token)
    assert refused.code == "4091"


@pytest.mark.parametrize("size", [0, 1001])
def test_a_page_has_between_1_and_1000_items(user, size) -> None:
    with user.refused() as refused:
        user.image_names(ResultsPerPage=size)
    assert refused.status == 400


def test_pages_have_every_item_once_in_any_order(user) -> None:
    seen = {}
    for order in ListOrder:
        user.set_behaviour(order=order)
        api, ids, token = user.api("source"), [], {}
        while token is not None:
            page = api.api("ReadImages", ResultsPerPage=2, **token)
            ids += [image["ImageId"] for image in page["Images"]]
            token = {"NextPageToken": page["NextPageToken"]} if "NextPageToken" in page else None
        seen[order] = ids
    assert seen[ListOrder.NEWEST_FIRST] == seen[ListOrder.OLDEST_FIRST][::-1]
    assert sorted(seen[ListOrder.SHUFFLED]) == sorted(seen[ListOrder.OLDEST_FIRST])
    assert len({tuple(ids) for ids in seen.values()}) == 3

"""Retention: which items of a list its rules keep."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from omicopy.plans.model import Retention
from omicopy.prune.retention import Item, apply_retention, name_pattern
from tests.support.builders import NOON
from tests.support.pruning import DAY


def items(*days: float | None, group: str = "a") -> list[Item]:
    return [Item(group, None if day is None else NOON - day * DAY, True, str(n)) for n, day in enumerate(days)]


def gone(given_items: list[Item], keep_last: int | None = None, keep_days: float | None = None) -> list[int]:
    within = None if keep_days is None else keep_days * DAY
    verdicts = apply_retention(given_items, Retention(keep_last, within), NOON)
    return [index for index, verdict in enumerate(verdicts) if verdict.delete]


@pytest.mark.parametrize(
    ("days", "keep_last", "keep_days", "expected"),
    [
        ((1, 2, 3), 2, None, [2]),
        ((3, 1, 2), 2, None, [0]),
        ((1, 2, 3), None, 2, [2]),
        ((5, 6, 7), None, 2, [1, 2]),  # the latest one stays
        ((1, 2, 3, 40), 1, 30, [3]),
        ((40, 41, 42), 2, 30, [2]),
        ((1, 2, 3), None, None, []),
        ((1, None, 3), 1, None, [2]),
        ((None, None), 1, None, []),
        ((1, 1, 1), 1, None, [0, 1]),  # of one moment: the greater ID
        ((-1, 1), 1, None, [1]),
    ],
)
def test_an_item_that_either_rule_keeps_is_kept(days, keep_last, keep_days, expected) -> None:
    assert gone(items(*days), keep_last, keep_days) == expected


ITEMS = st.lists(
    st.builds(
        Item,
        st.sampled_from("abc"),
        st.none() | st.integers(-2, 50).map(lambda day: NOON - day * DAY),
        st.booleans(),
        st.text("01", max_size=3),
    ),
    max_size=12,
)


@given(ITEMS, st.none() | st.integers(1, 5), st.none() | st.integers(0, 40))
def test_the_rules_match_their_definition(shown, keep_last, keep_days) -> None:
    goes = gone(shown, keep_last, keep_days)
    for index in goes:
        item = shown[index]
        later = [o for o in shown if o.is_good and o.group == item.group and o.created and o.created >= item.created]
        assert item.is_good
        assert len(later) > (keep_last or 1)
        assert keep_days is None or NOON - item.created > keep_days * DAY
    for group in "abc":
        good = [index for index, item in enumerate(shown) if item.group == group and item.is_good]
        left = [index for index in good if index not in goes]
        assert not good or left
        dated = sum(shown[index].created is not None for index in good)
        assert sum(shown[index].created is not None for index in left) >= min(dated, keep_last or 1)


@given(ITEMS, st.integers(1, 5), st.integers(0, 40))
def test_two_rules_keep_no_less_than_one(shown, keep_last, keep_days) -> None:
    both = set(gone(shown, keep_last, keep_days))
    assert both == set(gone(shown, keep_last)) & set(gone(shown, None, keep_days))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("golden-2026-01-01", "golden-2026-01-02", True),
        ("golden v9", "golden v10", True),
        ("golden-linux", "golden-windows", False),
        ("twin", "twin-ami-0000000a", True),
    ],
)
def test_names_that_differ_only_in_digits_are_one_group(one, other, alike) -> None:
    assert (name_pattern(one, "ami-0000000a") == name_pattern(other, "ami-0000000a")) is alike

"""Durations as people type them, and as they are told."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.duration import parse_duration, say_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("0", 0),
        ("0.5", 0.5),
        ("0.5s", 0.5),
        ("15m", 900),
        ("12h", 43_200),
        ("7d", 604_800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d3h4m5s", 183_845),
        (" 5M ", 300),
    ],
)
def test_what_people_type(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-5", "-5s", "5 m", "5min", "1w", "h", "1h30", "30m 1h", "1e3", "inf", "nan", "5,5s", ".5s", "5.s"],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_duration(text)
    assert caught.value.code is ErrorCode.USAGE
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize("text", ["9999999999d", "9" * 400, f"{'9' * 400}s"])
def test_what_is_longer_than_time_is_refused(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_duration(text)
    assert caught.value.code is ErrorCode.USAGE


@given(st.text(alphabet="0123456789.dhms -+e٣", max_size=12))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(OmicopyError):
        assert parse_duration(text) >= timedelta(0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (0.5, "0.5s"),
        (9.94, "9.9s"),
        (10.5, "10s"),
        (45, "45s"),
        (60, "1m"),
        (3600, "1h"),
        (5400, "1h30m"),
        (5430, "1h30m"),
        (183_845, "2d3h"),
        (604_800, "7d"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, said: str) -> None:
    assert say_duration(timedelta(seconds=seconds)) == said


@given(st.integers(0, 59).map(lambda n: n * 60) | st.integers(0, 365).map(lambda n: n * 86_400))
def test_what_is_told_can_be_typed(seconds: int) -> None:
    assert parse_duration(say_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)

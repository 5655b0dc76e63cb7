"""Durations as people type them, and as they are told."""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.units import (
    AGE,
    ANY_DURATION,
    LONGEST,
    LONGEST_TIMEOUT,
    SPAN,
    TIMEOUT,
    DurationRule,
    format_duration,
    parse_duration,
)


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
        (" 5m ", 300),
        ("0.0000001s", 0),
        ("36500d", 3_153_600_000),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-5",
        "-5s",
        "5 m",
        "5min",
        "1w",
        "h",
        "1h30",
        "30m 1h",
        "1e3",
        "inf",
        "nan",
        "5,5s",
        ".5s",
        "5.s",
        "6M",
        "7D",
        "5S",
        "٣m",
        "٣",
        "5²s",
        "1_0",
    ],
)
def test_anything_else_is_no_duration_and_shows_examples(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_duration(text)
    assert caught.value.code is ErrorCode.USAGE
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [("6M", "months are not supported"), ("6M2d", "months are not supported"), ("7D", "units are lower case")],
)
def test_a_capital_letter_is_no_unit_and_says_why(text: str, message: str) -> None:
    for rule in (ANY_DURATION, AGE):
        with pytest.raises(OmicopyError, match=message):
            rule.read(text)


@pytest.mark.parametrize("text", ["36500d1s", "9999999999d", "9" * 400, f"{'9' * 400}s", "2700000d", "1000000000h"])
def test_a_duration_longer_than_time_is_refused(text: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        parse_duration(text)
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize(("text", "days"), [("12h", 0.5), ("30d", 30), ("1d12h", 1.5), (" 180d ", 180)])
def test_an_age_is_in_hours_and_days(text: str, days: float) -> None:
    assert AGE.read(text) == timedelta(days=days)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6m", "older copies are deleted"),
        ("90s", "older copies are deleted"),
        ("1d30m", "older copies are deleted"),
        ("90", "unit is missing"),
        ("0", "unit is missing"),
        ("0d", "more than 0"),
        ("six months", "is not a duration"),
        ("40000d", "too long"),
    ],
)
def test_an_ambiguous_duration_is_no_age(text: str, message: str) -> None:
    """What is older is deleted: `6m` were six minutes to us, and six months to whoever wrote it."""
    with pytest.raises(OmicopyError, match=message) as caught:
        AGE.read(text)
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.hint


@pytest.mark.parametrize(
    ("rule", "value", "message"),
    [
        (SPAN, "0", "more than 0"),
        (SPAN, "0.0000001s", "more than 0"),
        (TIMEOUT, "0s", "more than 0"),
        (TIMEOUT, "25d", "too long"),
        (TIMEOUT, timedelta(days=2), "too long"),
        (ANY_DURATION, timedelta(seconds=-1), "must not be negative"),
        (ANY_DURATION, timedelta.max, "too long"),
        (ANY_DURATION, timedelta.min, "must not be negative"),
    ],
)
def test_a_value_out_of_range_is_refused(rule: DurationRule, value: str | timedelta, message: str) -> None:
    with pytest.raises(OmicopyError, match=message) as caught:
        rule.read(value)
    assert caught.value.code is ErrorCode.USAGE


def test_the_longest_durations_fit_clocks_and_sockets() -> None:
    now = datetime.now(UTC)
    assert now - LONGEST < now < now + LONGEST * 10
    assert LONGEST.total_seconds() < 2**63 / 10**9
    with socket.socket() as one:
        one.settimeout(LONGEST_TIMEOUT.total_seconds())


@given(st.text(alphabet="0123456789.dhms -+e٣", max_size=12))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with contextlib.suppress(OmicopyError):
        assert parse_duration(text) >= timedelta(0)


@pytest.mark.parametrize(
    ("seconds", "message"),
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
def test_a_duration_is_formatted_in_its_two_largest_units(seconds: float, message: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == message


@given(st.integers(0, 59).map(lambda n: n * 60) | st.integers(0, 365).map(lambda n: n * 86_400))
def test_a_formatted_duration_can_be_read(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)

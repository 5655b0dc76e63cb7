"""R12: one answer has the lesser of --http-timeout and what is left of --deadline."""

from __future__ import annotations

import math

import pytest

from omicopy.cloud.http.time_limit import TimeLimit


@pytest.mark.parametrize(
    ("longest", "ends", "left", "seconds", "due"),
    [
        (60.0, math.inf, math.inf, 60.0, 160.0),
        (60.0, 110.0, 10.0, 10.0, 110.0),
        (5.0, 110.0, 10.0, 5.0, 105.0),
        (60.0, 100.0, 0.0, 0.0, 100.0),
        (60.0, 90.0, 0.0, 0.0, 100.0),
    ],
)
def test_r12_an_answer_has_the_lesser_of_both(
    longest: float, ends: float, left: float, seconds: float, due: float
) -> None:
    limit = TimeLimit(longest, ends, ticks=lambda: 100.0)
    assert (limit.left, limit.seconds, limit.due()) == (left, seconds, due)

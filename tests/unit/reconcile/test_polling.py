"""When to look again (R7): how many looks hours take, how late the end is learned, and that no progress fools it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from omicopy.model.request import Budgets
from omicopy.reconcile.polling import ProgressEstimate, poll_interval

BUDGETS = Budgets()
HOUR = 3600.0
Progress = Callable[[float], int | None]
"""From the share of its time that a task has behind it, 0 to 1, to the percent that it shows."""


def watch(seconds: float, progress: Progress, budgets: Budgets = BUDGETS) -> tuple[list[float], float]:
    """The pauses until a task that takes so long is seen to have ended, and how long after its end that is."""
    estimate, ticks, pauses = ProgressEstimate(), 0.0, []
    while ticks < seconds:
        estimate.learn(ticks, progress(ticks / seconds))
        pauses.append(poll_interval(ticks, estimate.left(ticks), budgets))
        ticks += pauses[-1]
    return pauses, ticks - seconds


def steady(share: float) -> int:
    return int(100 * share)


def silent(_: float) -> None:
    return None


FOOLING: dict[str, Progress] = {
    "speeds up": lambda share: int(100 * share**3),
    "slows down": lambda share: int(100 * (1 - (1 - share) ** 3)),
    "stands still at 50": lambda share: min(50, int(200 * share)),
    "stands still at 99": lambda share: min(99, int(150 * share)),
    "is at 100 long before": lambda share: min(100, int(300 * share)),
    "jumps": lambda share: int(10 * share) * 10,
    "goes back": lambda share: int(100 * (3 * share % 1)),
    "flickers": lambda share: None if int(50 * share) % 2 else int(100 * share),
    "is queued first": lambda share: int(125 * max(0.0, share - 0.2)),
    "never moves": lambda _: 0,
}


def test_r7_four_hours_take_sixty_polls_with_progress() -> None:
    assert max(len(watch(4 * HOUR, steady)[0]) for _ in range(50)) <= 60


@pytest.mark.parametrize("progress", [silent, *FOOLING.values()], ids=["is silent", *FOOLING])
def test_r7_four_hours_never_take_more_than_300_polls(progress: Progress) -> None:
    assert max(len(watch(4 * HOUR, progress)[0]) for _ in range(20)) <= 300


@pytest.mark.parametrize("progress", FOOLING.values(), ids=FOOLING)
@pytest.mark.parametrize("seconds", [30.0, 300.0, 1200.0, HOUR, 4 * HOUR, 24 * HOUR])
def test_r7_no_kind_of_progress_delays_the_end_much(progress: Progress, seconds: float) -> None:
    longest = max(watch(seconds, progress)[1] for _ in range(20))
    assert longest <= max(12.0, 0.3 * seconds) if seconds < 300 else longest <= max(75.0, 0.03 * seconds)


def test_r7_with_progress_the_end_is_seen_at_once() -> None:
    assert max(watch(30.0, steady)[1] for _ in range(50)) <= 2.0
    assert max(watch(4 * HOUR, steady)[1] for _ in range(50)) <= 75.0


def test_r7_without_progress_intervals_are_an_eighth_of_the_time() -> None:
    """Within their bounds."""
    for since, planned in ((0.0, 5.0), (30.0, 5.0), (80.0, 10.0), (400.0, 50.0), (480.0, 60.0), (9000.0, 60.0)):
        ratios = [poll_interval(since, None, BUDGETS) / planned for _ in range(100)]
        assert all(0.8 <= ratio <= 1.2 for ratio in ratios)
        assert min(ratios) < 0.9
        assert max(ratios) > 1.1


@given(st.floats(0.0, 1e6), st.one_of(st.none(), st.floats(1e-6, 1e6)))
def test_r7_an_interval_is_between_a_second_and_ten_minutes(since: float, left: float | None) -> None:
    assert 1.0 <= poll_interval(since, left, BUDGETS) <= 600.0


def test_r7_an_estimate_stretches_no_interval_too_far() -> None:
    """No further than half of the time that is left or has passed."""
    assert poll_interval(2 * HOUR, 1000.0, BUDGETS) == 500.0
    assert poll_interval(100.0, 1000.0, BUDGETS) == 50.0
    assert poll_interval(10 * HOUR, 10 * HOUR, BUDGETS) == 600.0
    assert poll_interval(2 * HOUR, 4.0, BUDGETS) == 4.0


def test_r7_poll_min_and_poll_max_scale_every_interval() -> None:
    fast = Budgets(poll_min=timedelta(seconds=0.05), poll_max=timedelta(seconds=0.1))
    pauses, late = watch(10.0, steady, fast)
    assert max(pauses) <= 1.0
    assert late <= 0.1


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.0, 1e-6, 60.0]), st.none() | st.integers(0, 100)), max_size=40))
def test_an_estimate_is_none_or_the_time_left(looks: list[tuple[float, int | None]]) -> None:
    """Whatever is told, and be it twice of one moment, as two profiles of one account may."""
    estimate, ticks = ProgressEstimate(), 0.0
    for pause_before, progress in looks:
        ticks += pause_before
        estimate.learn(ticks, progress)
        left = estimate.left(ticks)
        assert left is None or 0 < left <= 100 * 60.0 * len(looks)

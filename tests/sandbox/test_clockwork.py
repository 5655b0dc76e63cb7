"""The sandbox's clock: nothing goes on while a test holds it, and as much as it says when it moves it."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from omicopy.sandbox.process.scheduler import Clockwork
from tests.children import PATIENCE

HOUR = 3600.0


@pytest.fixture
def clockwork() -> Iterator[Clockwork]:
    clockwork = Clockwork()
    yield clockwork
    clockwork.stop()


def test_a_held_clock_moves_by_what_it_is_advanced_and_jobs_with_it(clockwork: Clockwork) -> None:
    done: queue.Queue[str] = queue.Queue()
    clockwork.hold()
    began = clockwork.now()
    clockwork.at(began + 2 * HOUR, lambda: done.put("later"))
    clockwork.at(began + HOUR, lambda: done.put("sooner"))
    clockwork.at(began, lambda: done.put("now"))
    assert done.get(timeout=PATIENCE) == "now"
    clockwork.advance(HOUR)
    assert done.get(timeout=PATIENCE) == "sooner"
    assert clockwork.now() == began + HOUR
    clockwork.advance(HOUR)
    assert done.get(timeout=PATIENCE) == "later"


def test_a_clock_goes_on_from_where_it_stood(clockwork: Clockwork) -> None:
    done: queue.Queue[str] = queue.Queue()
    clockwork.hold()
    clockwork.advance(HOUR)
    clockwork.at(clockwork.now() + 0.01, lambda: done.put("on"))
    held = clockwork.now()
    clockwork.go()
    assert done.get(timeout=PATIENCE) == "on"
    assert held + 0.01 <= clockwork.now() < held + PATIENCE
    with pytest.raises(RuntimeError, match="not held"):
        clockwork.advance(1)


def test_what_is_cleared_never_happens_and_the_clock_runs_again(clockwork: Clockwork) -> None:
    done: queue.Queue[str] = queue.Queue()
    clockwork.hold()
    clockwork.at(clockwork.now() + HOUR, lambda: done.put("forgotten"))
    clockwork.clear()
    clockwork.at(clockwork.now() + 0.01, lambda: done.put("new"))
    assert done.get(timeout=PATIENCE) == "new"
    assert done.empty()

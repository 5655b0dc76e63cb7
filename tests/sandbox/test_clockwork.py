"""The sandbox's clock: nothing goes on while a test holds it, and as much as it says when it moves it."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from omicopy.sandbox.process.scheduler import Scheduler
from tests.support.children import PATIENCE

HOUR = 3600.0


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    scheduler = Scheduler()
    yield scheduler
    scheduler.stop()


def test_a_held_clock_moves_by_what_it_is_advanced_and_jobs_with_it(scheduler: Scheduler) -> None:
    done: queue.Queue[str] = queue.Queue()
    scheduler.hold()
    began = scheduler.now()
    scheduler.at(began + 2 * HOUR, lambda: done.put("later"))
    scheduler.at(began + HOUR, lambda: done.put("sooner"))
    scheduler.at(began, lambda: done.put("now"))
    assert done.get(timeout=PATIENCE) == "now"
    scheduler.advance(HOUR)
    assert done.get(timeout=PATIENCE) == "sooner"
    assert scheduler.now() == began + HOUR
    scheduler.advance(HOUR)
    assert done.get(timeout=PATIENCE) == "later"


def test_a_clock_goes_on_from_where_it_stood(scheduler: Scheduler) -> None:
    done: queue.Queue[str] = queue.Queue()
    scheduler.hold()
    scheduler.advance(HOUR)
    scheduler.at(scheduler.now() + 0.01, lambda: done.put("on"))
    held = scheduler.now()
    scheduler.resume()
    assert done.get(timeout=PATIENCE) == "on"
    assert held + 0.01 <= scheduler.now() < held + PATIENCE
    with pytest.raises(RuntimeError, match="not held"):
        scheduler.advance(1)


def test_what_is_cleared_never_happens_and_the_clock_runs_again(scheduler: Scheduler) -> None:
    done: queue.Queue[str] = queue.Queue()
    scheduler.hold()
    scheduler.at(scheduler.now() + HOUR, lambda: done.put("forgotten"))
    scheduler.clear()
    scheduler.at(scheduler.now() + 0.01, lambda: done.put("new"))
    assert done.get(timeout=PATIENCE) == "new"
    assert done.empty()

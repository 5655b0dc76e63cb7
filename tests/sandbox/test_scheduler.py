"""The scheduler: while a test holds the clock nothing runs, and it moves by what the test says."""

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


def test_a_held_clock_moves_only_when_advanced(scheduler: Scheduler) -> None:
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


def test_a_resumed_clock_runs_on_from_its_time(scheduler: Scheduler) -> None:
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


def test_cleared_jobs_never_run(scheduler: Scheduler) -> None:
    done: queue.Queue[str] = queue.Queue()
    scheduler.hold()
    scheduler.at(scheduler.now() + HOUR, lambda: done.put("forgotten"))
    scheduler.clear()
    scheduler.at(scheduler.now() + 0.01, lambda: done.put("new"))
    assert done.get(timeout=PATIENCE) == "new"
    assert done.empty()

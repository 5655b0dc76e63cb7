"""Several looks at once: in their order, a few at a time, and nobody waits for one that hangs."""

from __future__ import annotations

import threading

import pytest

from omicopy.cloud.parallel import MAX_WORKERS, in_parallel
from tests.support.children import PATIENCE


def test_results_are_in_the_order_of_the_items() -> None:
    first = threading.Event()

    def look(number: int) -> int:
        if number == 0:
            assert first.wait(PATIENCE)
        first.set()
        return number * 2

    assert in_parallel(look, range(50)) == [number * 2 for number in range(50)]


def test_at_most_eight_items_are_read_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def look(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    in_parallel(look, range(200))
    assert most <= MAX_WORKERS


def test_a_single_item_is_read_in_the_callers_thread() -> None:
    assert in_parallel(lambda _: threading.current_thread(), [0]) == [threading.current_thread()]
    assert in_parallel(str, []) == []


def test_after_a_failure_no_other_read_begins() -> None:
    begun = []

    def look(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"[0-9]"):
        in_parallel(look, range(10_000))
    assert len(begun) < 10_000

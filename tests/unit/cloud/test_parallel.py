"""Several looks at once: in their order, a few at a time, and nobody waits for one that hangs."""

from __future__ import annotations

import sys
import threading

import pytest

from omicopy.cloud.parallel import AT_ONCE, in_parallel
from tests.support import children
from tests.support.children import PATIENCE

HANGING = """
import threading
from omicopy.cloud.parallel import in_parallel
begun = threading.Barrier(2)

def look(number):
    begun.wait()
    if number:
        raise ValueError("failed")
    threading.Event().wait()

try:
    in_parallel(look, [0, 1])
except ValueError:
    print("known")
"""


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
    assert most <= AT_ONCE


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


def test_neither_a_failure_nor_the_exit_waits_for_a_hanging_read() -> None:
    assert children.run([sys.executable, "-c", HANGING], check=True).stdout == "known\n"

"""Runs slow reads in parallel. A failure, an interruption or the exit doesn't wait for those still running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
R = TypeVar("R")
MAX_WORKERS = 8


def in_parallel(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results of `function` for all items, in order. Runs up to eight threads; a single item runs in the caller's
    thread.

    Raises the first exception; then no further call starts.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    todo: SimpleQueue[int] = SimpleQueue()
    ended: SimpleQueue[tuple[int, R | None, BaseException | None]] = SimpleQueue()
    gone = threading.Event()

    def work() -> None:
        while not gone.is_set():
            try:
                number = todo.get_nowait()
            except Empty:
                return
            try:
                ended.put((number, function(items[number]), None))
            except BaseException as error:  # noqa: BLE001  it is raised where somebody waits for it
                gone.set()
                ended.put((number, None, error))

    for number in range(len(items)):
        todo.put(number)
    for _ in range(min(MAX_WORKERS, len(items))):
        # not an executor: Python would wait for its threads at exit
        threading.Thread(target=work, daemon=True, name="omicopy-look").start()
    return _gathered(ended, len(items), gone)


def by_item(function: Callable[[K], R], items: Sequence[K]) -> dict[K, R]:
    """The same by item."""
    return dict(zip(items, in_parallel(function, items), strict=True))


def _gathered(
    ended: SimpleQueue[tuple[int, R | None, BaseException | None]], count: int, gone: threading.Event
) -> list[R]:
    found: dict[int, R | None] = {}
    try:
        while len(found) < count:
            number, result, error = ended.get()
            if error is not None:
                raise error
            found[number] = result
    finally:
        gone.set()
    return [found[number] for number in range(count)]  # type: ignore[misc]

"""Runs jobs at a given time: one thread waits for the next time, a few workers run the jobs.

The clock is the sandbox's own. A test can stop it and move it: while it is held, nothing in the sandbox goes on.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

Job = Callable[[], None]
STOP_SECONDS = 60.0


class Scheduler:
    """Runs jobs in the order of their times. The traceback of a job that raises is added to `mistakes`.

    The clock counts seconds as `time.monotonic` does, until `hold`. Then only `advance` moves it, until `resume`.
    """

    def __init__(self, workers: int = 4) -> None:
        self.mistakes: list[str] = []
        self._jobs: list[tuple[float, int, Job]] = []
        self._number = itertools.count()  # a tie-breaker: jobs cannot be compared
        self._changed = threading.Condition()
        self._stopped = False
        self._behind = 0.0
        self._held_at: float | None = None
        self._running: set[Future[None]] = set()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-worker")
        self._timer = threading.Thread(target=self._dispatch, name="sandbox-scheduler", daemon=True)
        self._timer.start()

    def now(self) -> float:
        """Returns the time of the clock in seconds."""
        held_at = self._held_at
        return time.monotonic() - self._behind if held_at is None else held_at

    def hold(self) -> None:
        """Stops the clock. Jobs that are not due yet do not run."""
        with self._changed:
            self._held_at = self.now()

    def advance(self, seconds: float) -> None:
        """Moves the held clock, without waiting for the jobs that become due. Raises RuntimeError if it is not held."""
        with self._changed:
            if self._held_at is None:
                raise RuntimeError("the clock is not held")
            self._held_at += seconds
            self._changed.notify()

    def resume(self) -> None:
        """Lets the clock run on from the time it shows."""
        with self._changed:
            self._behind, self._held_at = time.monotonic() - self.now(), None
            self._changed.notify()

    def at(self, moment: float, job: Job) -> None:
        """Runs a job when the clock shows that time. After `stop` no job runs."""
        with self._changed:
            heapq.heappush(self._jobs, (moment, next(self._number), job))
            self._changed.notify()

    def clear(self) -> None:
        """Drops the jobs that have not begun, waits for those that have, and lets the clock run."""
        self._drop_jobs()
        wait(list(self._running), STOP_SECONDS)
        self._drop_jobs()  # a job that ran meanwhile may have added others
        self.resume()

    def stop(self) -> None:
        """Does the same as `clear`, and ends the threads."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._timer.join(STOP_SECONDS)
        self.clear()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _drop_jobs(self) -> None:
        with self._changed:
            self._jobs.clear()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._jobs or self._jobs[0][0] > self.now()):
                    is_timed = self._jobs and self._held_at is None
                    self._changed.wait(self._jobs[0][0] - self.now() if is_timed else None)
                if self._stopped:
                    return
                job = heapq.heappop(self._jobs)[2]
                future = self._workers.submit(self._run, job)
                self._running.add(future)
            future.add_done_callback(self._running.discard)

    def _run(self, job: Job) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001 - a test must learn of any error
            self.mistakes.append(traceback.format_exc())

"""Does things later: one thread that waits for the next moment, a few that work, none that spins."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

Job = Callable[[], None]
PATIENCE_SECONDS = 10.0


class Clockwork:
    """Jobs by their moment. What a job raises is kept in `mistakes`: a job handles what it can foresee itself."""

    def __init__(self, workers: int = 4) -> None:
        self.mistakes: list[str] = []
        self._due: list[tuple[float, int, Job]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._running: set[Future[None]] = set()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-work")
        self._timer = threading.Thread(target=self._turn, name="sandbox-clockwork", daemon=True)
        self._timer.start()

    def later(self, seconds: float, job: Job) -> None:
        """Run a job in so many seconds; nothing happens after `stop`."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + max(0.0, seconds), next(self._number), job))
            self._changed.notify()

    def clear(self) -> None:
        """Forget all that hasn't begun, and wait for what has."""
        self._forget()
        wait(list(self._running), PATIENCE_SECONDS)
        self._forget()

    def stop(self) -> None:
        """The same, for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._timer.join(PATIENCE_SECONDS)
        self.clear()
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _forget(self) -> None:
        with self._changed:
            self._due.clear()

    def _turn(self) -> None:
        while True:
            with self._changed:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                job = heapq.heappop(self._due)[2]
                future = self._workers.submit(self._run, job)
                self._running.add(future)
            future.add_done_callback(self._running.discard)

    def _run(self, job: Job) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001 - whatever it is, a test must learn of it
            self.mistakes.append(traceback.format_exc())

"""Does things later: one thread that waits for the next moment, a few that work, none that spins.

What time it is here, tests may decide: nothing in the sandbox goes on while they hold the clock.
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
PATIENCE_SECONDS = 60.0


class Scheduler:
    """Jobs by their moment. What a job raises is kept in `mistakes`: a job handles what it can foresee itself.

    Its clock counts seconds as `time.monotonic` does, until `hold`. From then on only `advance` moves it, until `go`.
    """

    def __init__(self, workers: int = 4) -> None:
        self.mistakes: list[str] = []
        self._due: list[tuple[float, int, Job]] = []
        self._number = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._behind = 0.0
        self._held: float | None = None
        self._running: set[Future[None]] = set()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="sandbox-work")
        self._timer = threading.Thread(target=self._turn, name="sandbox-clockwork", daemon=True)
        self._timer.start()

    def now(self) -> float:
        """What the clock shows, in seconds."""
        held = self._held
        return time.monotonic() - self._behind if held is None else held

    def hold(self) -> None:
        """Stop the clock: what is not due yet does not happen."""
        with self._changed:
            self._held = self.now()

    def advance(self, seconds: float) -> None:
        """Move the clock that is held. What is due then happens soon, which this does not wait for."""
        with self._changed:
            if self._held is None:
                raise RuntimeError("the clock is not held")
            self._held += seconds
            self._changed.notify()

    def resume(self) -> None:
        """Let the clock run on from where it stands."""
        with self._changed:
            self._behind, self._held = time.monotonic() - self.now(), None
            self._changed.notify()

    def at(self, moment: float, job: Job) -> None:
        """Run a job when the clock shows that moment; nothing happens after `stop`."""
        with self._changed:
            heapq.heappush(self._due, (moment, next(self._number), job))
            self._changed.notify()

    def clear(self) -> None:
        """Forget all that hasn't begun, wait for what has, and let the clock run."""
        self._forget()
        wait(list(self._running), PATIENCE_SECONDS)
        self._forget()
        self.resume()

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
                while not self._stopped and (not self._due or self._due[0][0] > self.now()):
                    runs = self._due and self._held is None
                    self._changed.wait(self._due[0][0] - self.now() if runs else None)
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

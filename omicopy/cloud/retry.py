"""Retry policy: what may be sent again, and when. The only place that decides it.

- A **read** changes nothing. It is retried after every temporary failure: a throttle, an unreachable or silent server,
  a lost connection, a 5xx, an unreadable answer. The wait grows exponentially, with full jitter.
- A **create** is never sent again from here (R1). If the failure proves that nothing happened, the loop decides again.
  Otherwise the write is in doubt, and only a read can tell. A write that is harmless to repeat (a tag, a deletion) is
  retried like a read, unless the caller decides again itself.
- A **throttle**, and any other 503, slows down every caller of the account: for the time in `Retry-After`, or else for
  a time that doubles with each throttle in a row. A caller with less time gets an error and sends nothing. `Retry-
  After` counts for at most a minute; then the service is asked again.
- No wait is longer than the command's remaining time (`--deadline`), and nothing is sent after that.
- A **refusal** (credentials, permissions, an invalid value, a quota) would not change: it is raised at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

import tenacity

from omicopy.cloud.errors import Cause, ServiceError, out_of_time, temporary
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.errors import ErrorCode

T = TypeVar("T")
MAX_PAUSE = 60.0
"""Seconds; the longest wait that we choose ourselves."""
attempt_number: ContextVar[int] = ContextVar("attempt_number", default=1)
"""Which attempt of a read this is, for the log."""


class RetryVerdict(Enum):
    """What to do after a failed request."""

    RETRY = "retry"
    SLOW_DOWN = "slow down"
    IN_DOUBT = "in doubt"
    GIVE_UP = "give up"


def retry_verdict(cause: Cause, is_write: bool) -> RetryVerdict:
    """What to do after a request that failed with `cause`."""
    if cause is Cause.REFUSED:
        return RetryVerdict.GIVE_UP
    if cause is Cause.THROTTLED:
        return RetryVerdict.SLOW_DOWN
    if cause is Cause.UNREACHABLE or not is_write:
        return RetryVerdict.RETRY
    return RetryVerdict.IN_DOUBT


@dataclass(slots=True)
class Pace:
    """How fast one account may be called. Shared by all its callers."""

    ticks: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    time_limit: TimeLimit = field(default_factory=TimeLimit)
    """The command's own time."""
    _not_before: float = 0.0
    _reason: ServiceError | None = None
    _throttles: int = 0
    _random: random.Random = field(default_factory=random.Random)

    @property
    def left(self) -> float:
        """Seconds until the account may be called again."""
        return max(0.0, self._not_before - self.ticks())

    def require_time(self, action: str, where: str) -> None:
        """Raises OUT_OF_TIME if the command has no time left for a request."""
        if self.time_limit.left <= 0:
            raise out_of_time(action, where, "nothing was sent, because --deadline is over")

    def wait(self, patience: float) -> None:
        """Sleeps until the account may be called again.

        If that takes longer than `patience` seconds or the command's time, raises the throttle and sends nothing.
        """
        left = self.left
        if left > min(patience, self.time_limit.left) and self._reason:
            message = f"the service asked for a pause that lasts another {left:.0f} s"
            raise temporary(Cause.THROTTLED, self._reason.action, self._reason.where, message)
        if left > 0:
            self.sleep(left)

    def record_throttle(self, error: ServiceError) -> None:
        self._throttles += 1
        own = self._random.uniform(0, min(MAX_PAUSE, 0.5 * 2 ** min(self._throttles, 10)))
        pause = own if error.retry_after is None else error.retry_after
        self._not_before, self._reason = max(self._not_before, self.ticks() + pause), error

    def record_success(self) -> None:
        self._throttles = 0


def read_with_retries(send: Callable[[], T], pace: Pace, patience: float, on_retry: Callable[[], None]) -> T:
    """Calls `send`, a read, until it succeeds or `patience` seconds have passed. Then raises the last ServiceError.

    Raises OUT_OF_TIME if the command's own time ends the retries.
    """
    exponential = tenacity.wait_random_exponential(multiplier=0.5, max=MAX_PAUSE)
    began = pace.ticks()

    def patience_left() -> float:
        return patience - (pace.ticks() - began)

    def left() -> float:
        return min(patience_left(), pace.time_limit.left)

    def attempt() -> T:
        attempt_number.set(int(retrying.statistics.get("attempt_number", 1)))
        pace.wait(max(0.0, left()))
        return send_once(send, pace)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, ServiceError) or error.cause is Cause.THROTTLED:
            return pace.left
        return max(pace.left, error.retry_after or 0.0, exponential(state))

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_be_read_again),
        wait=pause,
        stop=lambda state: state.upcoming_sleep >= left(),
        sleep=pace.sleep,
        before_sleep=lambda _: on_retry(),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except ServiceError as error:
        time_left = pace.time_limit.left
        if _may_be_read_again(error) and (time_left <= 0 or time_left < patience_left()):
            if error.code is ErrorCode.OUT_OF_TIME:
                raise
            message = f"{error.reason}, and --deadline leaves no time to retry"
            raise out_of_time(error.action, error.where, message) from None
        raise
    finally:
        attempt_number.set(1)


def send_once(send: Callable[[], T], pace: Pace) -> T:
    """Calls `send` once and adjusts the account's pace."""
    try:
        answer = send()
    except ServiceError as error:
        if error.cause is Cause.THROTTLED or (error.answer is not None and error.answer.status == 503):
            pace.record_throttle(error)
        raise
    pace.record_success()
    return answer


def _may_be_read_again(error: BaseException) -> bool:
    if not isinstance(error, ServiceError):
        return False
    return retry_verdict(error.cause, is_write=False) in (RetryVerdict.RETRY, RetryVerdict.SLOW_DOWN)

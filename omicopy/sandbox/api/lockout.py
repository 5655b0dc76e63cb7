"""Locks an access key for a minute after four failed authentications in a row, one minute more per further four."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind

FAILURES = 4
MINUTE = 60.0
MOST_MINUTES = 10


class KeyLockout:
    """The locked keys of one Region's API. A request with one gets the error of a wrong signature. Safe for threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: Counter[str] = Counter()
        self._until: dict[str, float] = {}

    @contextmanager
    def attempt(self, access_key: str) -> Iterator[None]:
        """Wraps one authentication. Raises ApiError if the key is locked, also when the signature is right."""
        try:
            yield
        except ApiError:
            self._failed(access_key)
            raise
        with self._lock:
            # Right signatures are refused while the key is locked, and do not end the row of failures.
            if self._until.get(access_key, 0.0) > self._clock():
                raise ApiError(ApiErrorKind.WRONG_SIGNATURE)
            del self._failures[access_key]

    def _failed(self, access_key: str) -> None:
        with self._lock:
            self._failures[access_key] += 1
            times, rest = divmod(self._failures[access_key], FAILURES)
            if not rest:
                self._until[access_key] = self._clock() + MINUTE * min(times, MOST_MINUTES)

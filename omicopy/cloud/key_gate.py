"""One access key at one service: its first request is sent alone, and none follows if the service refuses the key.

Four failed authentications in a row lock a key for a minute, and each further four for another minute (DOMAIN.md §1).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from omicopy.cloud.errors import ServiceError


@dataclass(slots=True)
class KeyGate:
    """All requests with the key pass through it. Thread-safe."""

    before: KeyGate | None = None
    """The gate of the same key at the API. A key refused there is not tried at the object storage."""
    _refusal: ServiceError | None = None
    _is_known: bool = False
    """True once the service has accepted the key. Then requests no longer have to wait for the first one."""
    _is_first_under_way: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def refusal(self) -> ServiceError | None:
        """Why the service refuses the key, once it has."""
        return self._refusal or (self.before.refusal if self.before else None)

    @contextmanager
    def admit(self, patience: float) -> Iterator[None]:
        """Wraps one request. Waits up to `patience` seconds while the key's first request is running.

        Raises the refusal of the key, without sending anything.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_first_under_way, patience)
            if self.refusal is not None:
                raise self.refusal
            is_first = not self._is_known and not self._is_first_under_way
            self._is_first_under_way |= is_first
        try:
            yield
            self._is_known = True
        except ServiceError as error:
            if error.is_key_refused:
                self._refusal = error
            elif error.answer is not None and error.answer.status < 500 and error.answer.status != 429:
                self._is_known = True
            raise
        finally:
            if is_first:
                with self._changed:
                    self._is_first_under_way = False
                    self._changed.notify_all()

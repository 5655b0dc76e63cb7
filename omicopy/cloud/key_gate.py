"""One access key at one service: its first request goes alone, and none follows once the service refused the key.

Four failed authentications in a row lock a key for a minute, each further four for a minute more (DOMAIN.md §1).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from omicopy.cloud.errors import ServiceError


@dataclass(slots=True)
class KeyGate:
    """Everybody who sends with the key goes through it. Safe for threads."""

    before: KeyGate | None = None
    """The same key at the API: a key that is refused there is none, wherever it is tried."""
    _refusal: ServiceError | None = None
    _is_known: bool = False
    """Whether the service has answered to the key: then no request of it has to go alone."""
    _is_first_under_way: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def refusal(self) -> ServiceError | None:
        """Why the service does not take the key, once it has said so."""
        return self._refusal or (self.before.refusal if self.before else None)

    @contextmanager
    def admit(self, patience: float) -> Iterator[None]:
        """Around one request. Waits while the key's first one is under way, for `patience` seconds at most: as long as
        one answer may take. Raises the refusal of the key, with nothing sent."""
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

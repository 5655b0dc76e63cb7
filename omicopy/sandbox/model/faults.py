"""Faults on demand: what goes wrong, for which requests, and how often."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from omicopy.sandbox.model.request_log import SERVICE_ITSELF


class FaultKind(StrEnum):
    """The ways in which the sandbox can let a request fail."""

    THROTTLE_PLATFORM = "throttle-platform"
    THROTTLE_ACCOUNT = "throttle-account"
    THROTTLE_CALL = "throttle-call"
    ERROR_500 = "error-500"
    ERROR_502 = "error-502"
    ERROR_503 = "error-503"
    RESET_BEFORE = "reset-before"
    LOST_ANSWER = "lost-answer"
    HANG = "hang"
    HANG_AFTER = "hang-after"
    CUT_ANSWER = "cut-answer"
    UNKNOWN_STATE = "unknown-state"
    NULL_ITEMS = "null-items"
    LAG = "lag"
    DENIED = "denied"
    NOT_FOUND = "not-found"


API_ONLY = (FaultKind.UNKNOWN_STATE, FaultKind.NULL_ITEMS)
"""Faults that change answers of the API. They never apply to object storage."""
RATE_KINDS = (
    FaultKind.THROTTLE_PLATFORM,
    FaultKind.THROTTLE_ACCOUNT,
    FaultKind.THROTTLE_CALL,
    FaultKind.ERROR_500,
    FaultKind.ERROR_502,
    FaultKind.ERROR_503,
    FaultKind.RESET_BEFORE,
    FaultKind.LOST_ANSWER,
    FaultKind.CUT_ANSWER,
)
"""The default kinds of `Faults.rate`: all that a client survives without a timeout of its own."""


@dataclass(frozen=True, slots=True)
class RequestKind:
    """The parts of a request that decide which fault applies to it."""

    service: str
    region: str
    action: str
    account: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One fault for matching requests: it skips the first `after`, then applies `times` times (None: always)."""

    kind: FaultKind
    action: str | None = None
    """An action of the API or of object storage (`GetObject`, …). None: any."""
    times: int | None = 1
    after: int = 0
    account: str | None = None
    service: str | None = None
    region: str | None = None
    retry_after: float | None = None
    """Seconds in the `Retry-After` header of throttles and 5xx. None: no such header."""
    lag_seconds: float = 5.0
    """For `LAG`: the age of the state that an API read shows. A read of object storage finds no objects at all."""
    state: str = "reticulating"
    """For `UNKNOWN_STATE`: the word that replaces each state."""

    def matches(self, asked: RequestKind) -> bool:
        """Returns true if this fault is meant for that request."""
        if self.kind in API_ONLY and asked.service != "api":
            return False
        wanted = ((self.action, asked.action), (self.service, asked.service), (self.region, asked.region))
        if self.account is None and asked.account == SERVICE_ITSELF:
            return False
        return self.account in (None, asked.account) and all(want in (None, have) for want, have in wanted)


class Faults:
    """The active faults. The first one that matches and is not used up applies. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._matched: Counter[int] = Counter()
        self._applied: Counter[int] = Counter()
        self._rate = 0.0
        self._retry_after: float | None = None
        self._kinds: Sequence[FaultKind] = RATE_KINDS
        self._draw = random.Random(0)

    def add(self, fault: Fault) -> Fault:
        """Adds a fault behind the active ones and returns it."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def rate(
        self,
        share: float,
        *,
        seed: int = 0,
        kinds: Sequence[FaultKind] = RATE_KINDS,
        retry_after: float | None = None,
    ) -> None:
        """Lets each request that no other fault matches fail with probability `share`, by one of `kinds`."""
        with self._lock:
            self._rate, self._kinds, self._draw = share, tuple(kinds), random.Random(seed)
            self._retry_after = retry_after

    def clear(self) -> None:
        """Removes all faults and the rate."""
        with self._lock:
            self._faults.clear()
            self._matched.clear()
            self._applied.clear()
            self._rate = 0.0

    def times_applied(self, fault: Fault) -> int:
        """Returns how often that fault has applied."""
        with self._lock:
            return self._applied[id(fault)]

    def take(self, asked: RequestKind) -> Fault | None:
        """Returns the fault that applies to this request and counts its use; None if none applies."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(asked) and self._applies(fault):
                    return fault
            if asked.account != SERVICE_ITSELF and self._draw.random() < self._rate:
                return Fault(self._draw.choice(self._kinds), retry_after=self._retry_after)
        return None

    def _applies(self, fault: Fault) -> bool:
        self._matched[id(fault)] += 1
        if self._matched[id(fault)] <= fault.after:
            return False
        if fault.times is not None and self._applied[id(fault)] >= fault.times:
            return False
        self._applied[id(fault)] += 1
        return True

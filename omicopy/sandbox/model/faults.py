"""Faults on demand: what goes wrong, for which requests, how often."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from omicopy.sandbox.model.request_log import SERVICE_ITSELF


class FaultKind(StrEnum):
    """Every way in which a request can go wrong here."""

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
"""What bends the answers of the API, and strikes nothing else."""
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
"""What `Faults.rate` draws from when not told: what an unlucky week brings, without what only a timeout ends."""


@dataclass(frozen=True, slots=True)
class RequestKind:
    """The part of a request that decides which fault it meets."""

    service: str
    region: str
    action: str
    account: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One fault for the requests that fit: from the one after the first `after` on, `times` times (None: always)."""

    kind: FaultKind
    action: str | None = None
    """An API action, or one of storage's (`GetObject`, …). None: any."""
    times: int | None = 1
    after: int = 0
    account: str | None = None
    service: str | None = None
    region: str | None = None
    retry_after: float | None = None
    """Seconds for a `Retry-After` header on throttles and 5xx; None: no such header."""
    lag_seconds: float = 5.0
    """For `LAG`: how old the world is that a read of the API shows. Storage that lags has no objects yet, whatever
    the number."""
    state: str = "reticulating"
    """For `UNKNOWN_STATE`: what stands in the place of each state."""

    def fits(self, asked: RequestKind) -> bool:
        """Whether this fault is meant for that request."""
        if self.kind in API_ONLY and asked.service != "api":
            return False
        wanted = ((self.action, asked.action), (self.service, asked.service), (self.region, asked.region))
        if self.account is None and asked.account == SERVICE_ITSELF:
            return False
        return self.account in (None, asked.account) and all(want in (None, have) for want, have in wanted)


class Faults:
    """The faults in force. The first that fits and is not used up strikes. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._met: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        self._rate = 0.0
        self._retry_after: float | None = None
        self._kinds: Sequence[FaultKind] = RATE_KINDS
        self._draw = random.Random(0)

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force, behind those already there."""
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
        """Let each request that meets no other fault fail with the probability `share`, by one of `kinds`."""
        with self._lock:
            self._rate, self._kinds, self._draw = share, tuple(kinds), random.Random(seed)
            self._retry_after = retry_after

    def clear(self) -> None:
        """No faults any more, and no rate."""
        with self._lock:
            self._faults.clear()
            self._met.clear()
            self._struck.clear()
            self._rate = 0.0

    def struck(self, fault: Fault) -> int:
        """How often that fault has struck."""
        with self._lock:
            return self._struck[id(fault)]

    def take(self, asked: RequestKind) -> Fault | None:
        """The fault that this request meets, used up by one; None if it meets none."""
        with self._lock:
            for fault in self._faults:
                if fault.fits(asked) and self._strikes(fault):
                    return fault
            if asked.account != SERVICE_ITSELF and self._draw.random() < self._rate:
                return Fault(self._draw.choice(self._kinds), retry_after=self._retry_after)
        return None

    def _strikes(self, fault: Fault) -> bool:
        self._met[id(fault)] += 1
        if self._met[id(fault)] <= fault.after:
            return False
        if fault.times is not None and self._struck[id(fault)] >= fault.times:
            return False
        self._struck[id(fault)] += 1
        return True

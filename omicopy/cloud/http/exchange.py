"""One request and its whole answer: how much time is left for it, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from omicopy.cloud.http.network import Proxy

_SHORTEST = 0.001
"""Seconds; a socket takes 0 for "do not wait at all"."""
_LONGEST = 1e6
"""Seconds; platforms differ in how long a wait they can count."""


@dataclass(slots=True)
class Exchange:
    """What its sockets and connections know of it, and what they tell."""

    host: str
    """`host:port` of the server that is to answer."""
    due: float
    """The moment of `ticks` at which the last byte must be there."""
    bytes_left: int
    """What the peers may still send, the proxy's answer included."""
    proxy: Proxy | None = None
    ticks: Callable[[], float] = time.monotonic
    is_at_proxy: bool = False
    """Whether it is the proxy that is being connected to."""
    is_sent: bool = False
    """Whether any byte of the request may have left: until then it is certain that nothing happened."""

    def left(self) -> float:
        """Seconds, more than none. Raises TimeoutError when there are none."""
        left = self.due - self.ticks()
        if left <= 0:
            raise TimeoutError("the whole answer takes too long")
        return min(max(left, _SHORTEST), _LONGEST)

    def receive(self, count: int) -> None:
        """Counts what came. Raises ValueError when it is too much."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise ValueError("the whole answer is too large")

    @property
    def peer(self) -> str:
        """Who is at the other end of the line right now."""
        return f"the proxy {self.proxy.address}" if self.proxy and self.is_at_proxy else self.host


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The exchange that this thread is at. A connection outlives it: it is kept for the next one."""

"""One request and its answer: the time left for it, and how far it got."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from omicopy.cloud.http.network import Proxy

_SHORTEST = 0.001
"""Seconds. For a socket, a timeout of 0 means "don't wait at all"."""
_LONGEST = 1e6
"""Seconds. Platforms differ in the longest timeout they accept."""


@dataclass(slots=True)
class Exchange:
    """State that the sockets and connections of one request share."""

    host: str
    """`host:port` of the server."""
    due: float
    """The moment of `ticks` by which the last byte must arrive."""
    bytes_left: int
    """Bytes that server and proxy may still send."""
    proxy: Proxy | None = None
    ticks: Callable[[], float] = time.monotonic
    is_at_proxy: bool = False
    """True while connecting to the proxy."""
    is_sent: bool = False
    """True once a byte of the request may have been sent. Before that, certainly nothing happened."""

    def left(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError if there are none."""
        left = self.due - self.ticks()
        if left <= 0:
            raise TimeoutError("the whole answer takes too long")
        return min(max(left, _SHORTEST), _LONGEST)

    def receive(self, count: int) -> None:
        """Counts received bytes. Raises ValueError if there are too many."""
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise ValueError("the whole answer is too large")

    @property
    def peer(self) -> str:
        """The server or proxy at the other end of the connection."""
        return f"the proxy {self.proxy.address}" if self.proxy and self.is_at_proxy else self.host


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The exchange of this thread.

It isn't stored in the connection, because a connection is reused for the next exchange.
"""

"""One ASGI app on a free loopback port, served by uvicorn in a thread of its own, stopped at once whatever hangs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

ABORT = "omicopy.abort"
"""The key under `scope["extensions"]` of the callable that resets the request's TCP connection."""

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_CLIENT_KEEPS_A_CONNECTION_SECONDS = 75
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST and drops what is unsent


class Server:
    """Serves `app` at `url`, which is known (and the port taken) before `start`.

    Every HTTP request carries `scope["extensions"]["omicopy.abort"]`. Calling it closes the connection with RST,
    whatever was or wasn't sent. Bytes that were sent before reach the client only if the caller yields to the event
    loop in between and the kernel took them: a short `asyncio.sleep` after the last `send` does it on loopback.
    """

    def __init__(self, app: Any) -> None:
        # Without the protocol's number asyncio doesn't turn Nagle's algorithm off: 40 ms for every answer with a body.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=_Connection,
            loop="asyncio",
            ws="none",
            interface="asgi3",
            lifespan="auto",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_CLIENT_KEEPS_A_CONNECTION_SECONDS,
        )
        self._uvicorn = _Uvicorn(config)
        self._thread = threading.Thread(target=self._run, name=f"sandbox {self.url}", daemon=True)

    def start(self) -> None:
        """Returns when connections are accepted; `RuntimeError` when the app's own start-up failed."""
        self._thread.start()
        give_up = time.monotonic() + _START_SECONDS
        while not self._uvicorn.started:
            if not self._thread.is_alive() or time.monotonic() > give_up:
                raise RuntimeError(f"the server at {self.url} did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Drops every connection, cancels every request, lets the app end its lifespan. May be called twice."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._listener.close()

    def _run(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn's way to say that the app's start-up failed
            self._uvicorn.run(sockets=[self._listener])


class _Uvicorn(uvicorn.Server):
    """uvicorn waits for its clients when it stops; this one doesn't. (Off the main thread it installs no signals.)"""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, _Connection):
                connection.abort()
        requests = list(self.server_state.tasks)
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests, timeout=1)
        await self.lifespan.shutdown()


class _Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection that hands every request the means to break it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inner = self.app
        self.app = self._serve_with_abort

    async def _serve_with_abort(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("extensions", {})[ABORT] = self.abort
        try:
            await self._inner(scope, receive, send)
        except asyncio.CancelledError:
            if not self.transport.is_closing():
                raise

    def abort(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if self.cycle is not None:
            self.cycle.disconnected = True  # else uvicorn answers 500 for an app that returns without an answer
        self.transport.abort()

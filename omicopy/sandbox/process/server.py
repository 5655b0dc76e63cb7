"""Serves an ASGI app on a free loopback port, in a thread. Stops at once, even if requests hang."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

_ABORT = "omicopy.abort"  # the key in `scope["extensions"]`

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_CLIENT_KEEPS_A_CONNECTION_SECONDS = 75
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST and drops what is unsent


class Server:
    """Serves `app` at `url`. The port is bound before `start`, so `url` is known at once.

    An app breaks the connection of a request with `abort_connection(scope)`. Bytes that it sent before reach the client
    only if the kernel took them: on loopback a short `asyncio.sleep` after the last `send` is enough.
    """

    def __init__(self, app: Any) -> None:
        # With the protocol given, asyncio turns Nagle's algorithm off, which costs 40 ms per answer with a body.
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=_ClientConnection,
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
        self._uvicorn = _PromptUvicorn(config)
        self._thread = threading.Thread(target=self._run, name=f"sandbox {self.url}", daemon=True)

    def start(self) -> None:
        """Returns when connections are accepted. Raises RuntimeError if the start-up failed."""
        self._thread.start()
        give_up = time.monotonic() + _START_SECONDS
        while not self._uvicorn.started:
            if not self._thread.is_alive() or time.monotonic() > give_up:
                raise RuntimeError(f"the server at {self.url} did not start")
            time.sleep(0.005)

    def stop(self) -> None:
        """Closes every connection, cancels every request and ends the app's lifespan. May be called twice."""
        self._uvicorn.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)
        self._listener.close()

    def _run(self) -> None:
        with contextlib.suppress(SystemExit):  # uvicorn raises it if the app's start-up failed
            self._uvicorn.run(sockets=[self._listener])


def abort_connection(scope: MutableMapping[str, Any]) -> None:
    """Resets (RST) the TCP connection of a request that this server serves, whatever was sent before."""
    scope["extensions"][_ABORT]()


async def discard_body(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    """Reads the rest of a request that is refused.

    Without this, a client that still sends fails before it reads the answer, and the rest of the body would be read as
    the next request of the connection.
    """
    while (await receive()).get("more_body", False):
        pass


class _PromptUvicorn(uvicorn.Server):
    """A uvicorn server that does not wait for its clients when it stops."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, _ClientConnection):
                connection.abort()
        requests = list(self.server_state.tasks)
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests, timeout=1)
        await self.lifespan.shutdown()


class _ClientConnection(H11Protocol):
    """A uvicorn HTTP/1.1 connection that adds `abort` to the scope of each request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inner = self.app
        self.app = self._serve_with_abort

    async def _serve_with_abort(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("extensions", {})[_ABORT] = self.abort
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
            self.cycle.disconnected = True  # else uvicorn answers 500 when the app returns without an answer
        self.transport.abort()

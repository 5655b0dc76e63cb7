"""The HTTP server can break a connection at any moment, and stops at once."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from omicopy.sandbox.process.server import Server, abort_connection
from tests.support.children import PATIENCE

LENGTH = 1000


hanging = threading.Semaphore(0)
"""Counts the requests for /hang that have arrived."""


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    abort = partial(abort_connection, scope)
    if scope["path"] == "/hang":
        hanging.release()
        await asyncio.Event().wait()
    if scope["path"] == "/reset":
        abort()
        return
    length = str(LENGTH).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    if scope["path"] == "/cut":
        await send({"type": "http.response.body", "body": b"x" * (LENGTH // 2), "more_body": True})
        await asyncio.sleep(0.05)
        abort()
        return
    await send({"type": "http.response.body", "body": b"x" * LENGTH})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(app)
    server.start()
    yield server
    server.stop()


def test_an_answer_has_a_date(server: Server) -> None:
    assert "date" in httpx.get(server.url, timeout=PATIENCE).headers


def test_a_reset_sends_no_byte(server: Server) -> None:
    with pytest.raises(httpx.ReadError, match="reset"):
        httpx.get(f"{server.url}/reset", timeout=PATIENCE)


def test_a_cut_answer_arrives_up_to_the_cut(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    received = bytearray()
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /cut HTTP/1.1\r\nHost: here\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            read_all(client, received)
    assert len(received.partition(b"\r\n\r\n")[2]) == LENGTH // 2


def read_all(client: socket.socket, received: bytearray) -> None:
    while piece := client.recv(4096):
        received += piece


def test_nagle_s_algorithm_is_off(server: Server) -> None:
    with httpx.Client(timeout=PATIENCE) as client:
        client.get(server.url)
        (connection,) = server._uvicorn.server_state.connections
        kept = connection.transport.get_extra_info("socket")
        assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "40 ms each, if Nagle's algorithm is on"


def test_it_stops_while_requests_hang(server: Server) -> None:
    lost = threading.Semaphore(0)

    def hang() -> None:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.url}/hang", timeout=None)  # noqa: S113  it ends with the server
        lost.release()

    for _ in range(3):
        threading.Thread(target=hang, daemon=True).start()
    assert all(hanging.acquire(timeout=PATIENCE) for _ in range(3))
    server.stop()
    assert all(lost.acquire(timeout=PATIENCE) for _ in range(3))
    assert server._listener.fileno() == -1, "closed"


def test_an_app_that_cannot_start_is_an_error() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    server = Server(broken)
    with pytest.raises(RuntimeError, match="did not start"):
        server.start()
    server.stop()

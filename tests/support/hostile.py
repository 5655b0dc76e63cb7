"""A server that answers exactly what a test tells it to, in a thread; and an account whose endpoints it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.http.transport import Transport
from omicopy.cloud.profiles.profile import Account, StorageKey
from omicopy.cloud.retry import Pace
from tests.support.children import PATIENCE

JSON = "application/json"
HTML = "text/html"
XML = "application/xml"
PAGE = b"<!DOCTYPE html><html><body>Welcome to the hotel's network!<br></body></html>"


@dataclass(frozen=True)
class Reply:
    """One answer; with `missing` bytes announced and never sent; after `silence` seconds."""

    status: int = 200
    kind: str = JSON
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    silence: float = 0.0
    keeps: bool = False
    """Whether the connection stays open for another request."""


class Hostile(ThreadingHTTPServer):
    """Gives its replies in order, the last one for ever, and remembers what it was asked."""

    daemon_threads = True
    scheme = "http"

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = list(replies)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    @property
    def account(self) -> Account:
        return account(self.url)

    def handle_error(self, *_: object) -> None:
        """Says nothing: who does not trust its certificate goes away."""

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def account(url: str) -> Account:
    key = StorageKey("source", "SOMEACCESSKEY", "SOMESECRETKEY")
    return Account("source", key.access_key, key.secret_key, "eu-west-2", f"{url}/api/v1", url, None, key)


def transport(seconds: float = PATIENCE, ca_bundle: str | None = None, **environ: str) -> Transport:
    """Connections that know no environment but this; `seconds` for one whole answer."""
    return Transport(Network(environ, ca_bundle), TimeLimit(seconds))


def hostile(*replies: Reply) -> AbstractContextManager[Hostile]:
    return served(Hostile(*replies))


@contextmanager
def served(server: Hostile) -> Iterator[Hostile]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


@contextmanager
def refused_port() -> Iterator[int]:
    """Where connections are refused: somebody has the port, and does not listen. One that was free a moment ago may be
    anybody's by now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class NoPause(Pace):
    """Sleeps through nothing and remembers no throttle, so that one client serves many tests."""

    def __init__(self) -> None:
        super().__init__(sleep=lambda _: None)

    def record_throttle(self, error: ServiceError) -> None:
        """Forgotten at once."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hostile

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        reply = self.server.next_reply()
        self.server.ended.wait(reply.silence)
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
            self.send_header(name, value)
        if not reply.keeps:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(reply.body) + reply.missing))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""

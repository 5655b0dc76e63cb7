"""A server that never gets to the end of its answer, for as long as anybody listens."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST = 120.0
"""Seconds; by then whoever listens has gone away, on whatever machine."""
PAUSE = 0.05


@dataclass
class Trickle:
    """Sends `first`, then `drip` after `drip`, whatever it is asked."""

    listening: socket.socket
    host: str
    first: bytes
    drip: bytes
    pause: float
    asked: int = 0
    drips: int = 0
    left: threading.Event = field(default_factory=threading.Event)
    """Set when the client has closed its connection."""
    ended: threading.Event = field(default_factory=threading.Event)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(LONGEST)
                connection.recv(65536)
                self.asked += 1
                connection.sendall(self.first)
                while not self.ended.wait(self.pause):
                    connection.sendall(self.drip)
                    self.drips += 1
            except OSError:
                self.left.set()


@contextlib.contextmanager
def trickling(first: bytes, drip: bytes, pause: float = PAUSE) -> Iterator[Trickle]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = Trickle(listening, f"127.0.0.1:{listening.getsockname()[1]}", first, drip, pause)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        with contextlib.suppress(OSError):
            server.listening.shutdown(socket.SHUT_RDWR)
        server.listening.close()
        thread.join(LONGEST)

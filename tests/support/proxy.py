"""A small HTTP proxy on this machine: remembers what it was asked, and can refuse, ask for a password, or be silent."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LONGEST = 60.0
"""Seconds; nothing here waits for longer."""


@dataclass
class Proxy:
    """Passes requests on; `status` is its own answer in place of that."""

    listening: socket.socket
    address: str
    behind: tuple[str, int] | None
    """Where everything is sent to; None: to where the request says."""
    credentials: str | None = None
    """The value of Proxy-Authorization without which it answers 407."""
    status: int | None = None
    raw: bytes | None = None
    """Its own answer, byte for byte."""
    asked: list[str] = field(default_factory=list)
    """METHOD and target of every request."""

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(LONGEST)
            head, _, body = _read_head(client).partition(b"\r\n\r\n")
            first, *headers = head.decode("latin-1").split("\r\n")
            method, target, version = first.split(" ")
            if method == "PRI":  # some store's gRPC, which has not noticed that this port is another's now
                return
            self.asked.append(f"{method} {target}")
            refusal = self._refusal(headers)
            if refusal:
                client.sendall(refusal)
                client.shutdown(socket.SHUT_WR)
                client.recv(65536)
                return
            host, _, port = (urlsplit(target).netloc or target).rpartition(":")
            with socket.create_connection(self.behind or (host, int(port)), LONGEST) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 small\r\n\r\n")
                else:
                    parts = urlsplit(target)
                    path = parts._replace(scheme="", netloc="").geturl()
                    kept = [each for each in headers if not each.lower().startswith(("proxy-", "connection:"))]
                    again = "\r\n".join([f"{method} {path} {version}", *kept, "Connection: close", "", ""])
                    server.sendall(again.encode("latin-1") + body)
                _relay(client, server)

    def _refusal(self, headers: list[str]) -> bytes | None:
        if self.raw is not None:
            return self.raw
        given = [each.partition(": ")[2] for each in headers if each.lower().startswith("proxy-authorization:")]
        status = self.status
        if self.credentials and given != [self.credentials]:
            status = 407
        if status is None:
            return None
        return f"HTTP/1.1 {status} Because\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _read_head(client: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        more = client.recv(65536)
        if not more:
            raise OSError("it went away")
        read += more
    return read


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Passes bytes both ways until the server closes, or nothing comes for `LONGEST`.

    In one thread: two threads that read and write one TLS connection at the same time can break it.
    """
    sinks = {client: server, server: client}
    while server in sinks:
        buffered = [each for each in sinks if isinstance(each, ssl.SSLSocket) and each.pending()]
        ready = buffered or select.select(list(sinks), [], [], LONGEST)[0]
        if not ready:
            return
        for source in ready:
            if data := source.recv(65536):
                sinks[source].sendall(data)
            else:
                del sinks[source]
                if source is client:
                    server.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def running_proxy(
    behind: tuple[str, int] | None, tls: ssl.SSLContext | None = None, **settings: object
) -> Iterator[Proxy]:
    """With `tls` it is an https:// proxy."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    if tls:
        listening = tls.wrap_socket(listening, server_side=True, do_handshake_on_connect=False)
    proxy = Proxy(listening, address, behind, **settings)  # type: ignore[arg-type]
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(listening, socket.SHUT_RDWR)  # wakes who accepts
        listening.close()
        thread.join(LONGEST)

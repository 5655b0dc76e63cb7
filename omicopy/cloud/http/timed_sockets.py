"""Sockets whose every wait is limited by the time left for the whole answer (R12).

A timeout of Python, requests or urllib3 applies to one receive, so a server that sends a byte now and then never times
out. These sockets check before each receive and send how much time the whole answer has left.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

from omicopy.cloud.http.exchange import current


class TimedSocket(socket.socket):
    """A plain socket; also the base of the TLS socket."""

    def recv(self, *args: Any) -> bytes:
        self._set_timeout()
        data = super().recv(*args)
        if exchange := current.get():
            exchange.receive(len(data))
        return data

    def recv_into(self, *args: Any) -> int:
        self._set_timeout()
        count = super().recv_into(*args)
        if exchange := current.get():
            exchange.receive(count)
        return count

    def send(self, *args: Any) -> int:
        self._set_timeout()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._set_timeout()
        super().sendall(*args)

    def _set_timeout(self) -> None:
        if exchange := current.get():
            self.settimeout(exchange.left())


class TimedTlsSocket(TimedSocket, ssl.SSLSocket):
    """`SSLContext.wrap_socket` creates it if the context's `sslsocket_class` says so."""

    def do_handshake(self, block: bool = False) -> None:
        self._set_timeout()  # the socket's timeout limits the whole handshake
        super().do_handshake(block)

"""urllib3 connections whose sockets obey the time limit of one answer, and that record how far they got."""

from __future__ import annotations

import re
import socket
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from omicopy.cloud.http.exchange import Exchange, current
from omicopy.cloud.http.timed_sockets import TimedSocket
from omicopy.cloud.http.transport_error import refused_by_proxy

CONNECT_TIMEOUT = 10.0
"""Seconds for one address of a host; another address may answer."""
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([0-9]{3})")
"""The message of http.client if the answer to CONNECT isn't 200."""


class TimedHTTPConnection(HTTPConnection):
    """For http, directly or through a proxy; also the base of the https connection."""

    def _new_conn(self) -> socket.socket:
        exchange = _exchange()
        exchange.is_at_proxy = self.proxy is not None
        return _open(self._dns_host, self.port, self.socket_options or (), exchange)

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except OSError as error:
            if found := _TUNNEL_REFUSED.match(str(error)):
                raise refused_by_proxy(_exchange(), int(found[1])) from None
            raise
        _exchange().is_at_proxy = False

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        _exchange().is_sent = True
        super().endheaders(*args, **kwargs)


class TimedHTTPSConnection(TimedHTTPConnection, HTTPSConnection):
    """For https, directly or through a CONNECT tunnel."""


class TimedHTTPPool(HTTPConnectionPool):
    ConnectionCls = TimedHTTPConnection

    def _validate_conn(self, conn: Any) -> None:
        """Connects before sending, as urllib3 does only for https. A failure until here has sent nothing."""
        super()._validate_conn(conn)
        if conn.is_closed:
            conn.connect()


class TimedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = TimedHTTPSConnection


POOLS = {"http": TimedHTTPPool, "https": TimedHTTPSPool}


def _exchange() -> Exchange:
    exchange = current.get()
    assert exchange is not None, "connections are used inside an exchange only"  # noqa: S101
    return exchange


def _open(host: str, port: int | None, options: Any, exchange: Exchange) -> socket.socket:
    """A connected socket. Tries every address of the host, each for its share of the time. Raises OSError."""
    # The name lookup is the one wait that we can't limit: the system's resolver has its own timeouts.
    addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    failure: OSError | None = None
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        connecting = TimedSocket(family, kind, protocol)
        try:
            connecting.settimeout(min(CONNECT_TIMEOUT, exchange.left() / (len(addresses) - tried)))
            connecting.connect(address)
            for option in options:
                connecting.setsockopt(*option)
            return connecting
        except OSError as error:
            connecting.close()
            failure = error
    raise failure or OSError(f"{host} has no address")

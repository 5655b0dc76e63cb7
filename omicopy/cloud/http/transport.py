"""Sends all requests of the process, within limits of time and size (R12).

The SDKs create and sign requests and parse answers. Proxies, certificates and connection errors are handled here, the
same for both SDKs, the probes and the pings.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import urllib3

from omicopy.cloud.errors import Cause, unreadable
from omicopy.cloud.http.exchange import Exchange, current
from omicopy.cloud.http.network import ClientCert, Network, Proxy
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.http.timed_connections import POOLS
from omicopy.cloud.http.transport_error import (
    RAISED_UNDER_WAY,
    TransportError,
    explain_failure,
    refused_by_proxy,
    unsent,
)
from omicopy.errors import ErrorCode, OmicopyError

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer after decoding. A page of 1,000 images, each with 26 volumes and 50 long tags, has half of
that."""
WIRE_LIMIT = ANSWER_LIMIT + 1024 * 1024
"""Bytes received for one answer, including chunk headers."""
ERROR_LIMIT = 64 * 1024
"""Bytes read of an error answer; the rest adds nothing."""
_CHUNK = 64 * 1024
_FRAMING_HEADERS = ("content-length", "content-encoding", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, or as much of it as requested."""

    status: int
    reason: str
    headers: urllib3.HTTPHeaderDict
    body: bytes

    def raw(self) -> urllib3.HTTPResponse:
        """As a urllib3 response, for an SDK."""
        kept = urllib3.HTTPHeaderDict(each for each in self.headers.items() if each[0].lower() not in _FRAMING_HEADERS)
        return urllib3.HTTPResponse(
            io.BytesIO(self.body), kept, self.status, reason=self.reason, preload_content=False, decode_content=False
        )


@dataclass(slots=True)
class Transport:
    """One command's connections. Thread-safe."""

    network: Network
    time_limit: TimeLimit
    _pools: dict[tuple[Proxy | None, ClientCert, bool], urllib3.PoolManager] = field(default_factory=dict)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | str | None = None,
        *,
        limit: int | None = None,
        longest: int | None = None,
        client_cert: ClientCert = None,
        decode: bool = False,
    ) -> Response:
        """Sends once and follows no redirect. Raises TransportError.

        With `limit`, only the first bytes of the body are read. Else all of it is read, and more than `longest` (or
        ANSWER_LIMIT) counts as an unreadable answer. `decode` undoes a Content-Encoding.
        """
        exchange = self._begin(url)
        token = current.set(exchange)
        try:
            response = self._exchange(exchange, method, url, headers, body, client_cert)
            with contextlib.closing(response):  # a connection whose answer was read completely is still reused
                if response.status == 407 and exchange.is_at_proxy:
                    raise refused_by_proxy(exchange, response.status)
                answer = _read_response(response, limit, min(longest or ANSWER_LIMIT, ANSWER_LIMIT), decode)
        except RAISED_UNDER_WAY as error:
            raise explain_failure(error, exchange, str(self.network.trust)) from None
        finally:
            current.reset(token)
        _is_answered.set(True)
        return answer

    def _begin(self, url: str) -> Exchange:
        try:
            parts = urlsplit(url)
            host, proxy = parts.netloc.rpartition("@")[2], self.network.proxy_for(url)
        except ValueError as error:  # an invalid port
            raise unsent(error) from None
        except OmicopyError as error:
            raise TransportError(Cause.REFUSED, error.message, error.code, error.hint) from None
        try:
            (parts.hostname or "").encode("idna")
        except UnicodeError:  # for example a label of more than 63 letters
            raise TransportError(
                Cause.REFUSED, f"{host!r} is not a valid host name", ErrorCode.CONFIGURATION, "Correct the address."
            ) from None
        if self.time_limit.seconds <= 0:
            raise TransportError(Cause.UNREACHABLE, "nothing was sent, because no time is left", ErrorCode.OUT_OF_TIME)
        return Exchange(host, self.time_limit.due(), WIRE_LIMIT, proxy, self.time_limit.ticks)

    def _exchange(
        self,
        exchange: Exchange,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | str | None,
        client_cert: ClientCert,
    ) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        exchange.is_at_proxy = exchange.proxy is not None and parts.scheme == "http"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")  # as it was signed
        pool = self._pool(exchange.proxy, client_cert, parts.scheme == "https").connection_from_url(url)
        return pool.urlopen(
            method,
            f"http://{parts.netloc}{path}" if exchange.is_at_proxy else path,
            body,
            headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=None,  # the sockets have their own
            preload_content=False,
            decode_content=False,
        )

    def _pool(self, proxy: Proxy | None, client_cert: ClientCert, is_https: bool) -> urllib3.PoolManager:
        """Created on first use: loading the trusted certificates takes as long as several requests."""
        key = (proxy, client_cert, is_https)
        if key not in self._pools:
            try:
                self._pools[key] = self._made(proxy, client_cert if is_https else None, is_https)
            except OmicopyError as error:
                raise TransportError(Cause.REFUSED, error.message, error.code, error.hint) from None
        return self._pools[key]

    def _made(self, proxy: Proxy | None, client_cert: ClientCert, is_https: bool) -> urllib3.PoolManager:
        context = self.network.tls(client_cert) if is_https else None
        if proxy is None:
            manager = urllib3.PoolManager(maxsize=10, ssl_context=context)
        else:
            of_proxy = self.network.tls() if proxy.scheme == "https" else None
            manager = urllib3.ProxyManager(
                proxy.url, maxsize=10, proxy_headers=proxy.headers, proxy_ssl_context=of_proxy, ssl_context=context
            )
        manager.pool_classes_by_scheme = POOLS
        return manager


def _read_response(response: urllib3.BaseHTTPResponse, limit: int | None, longest: int, decode: bool) -> Response:
    if limit is None:
        limit = ERROR_LIMIT if response.status >= 400 else longest
        is_enough = response.status >= 400
    else:
        is_enough = True
    body = bytearray()
    while len(body) < limit or not is_enough:
        chunk = response.read(_CHUNK, decode_content=decode)
        if not chunk:
            break
        body += chunk
        if len(body) > limit and not is_enough:
            raise TransportError(Cause.UNREADABLE, f"{Cause.UNREADABLE.value}: it has more than {limit} bytes")
    headers = urllib3.HTTPHeaderDict(response.headers)
    return Response(response.status, response.reason or "", headers, bytes(body[:limit]))


_is_answered: ContextVar[bool] = ContextVar("is_answered", default=False)
"""True if the current call of this thread has received a complete answer. Before that, a failure is not the answer's
fault."""


@contextlib.contextmanager
def translate_transport_errors(action: str, where: str) -> Iterator[None]:
    """Turns a TransportError, and any error that a client raises, into a ServiceError.

    If there was an answer, the answer is to blame; else the request.
    """
    _is_answered.set(False)
    try:
        yield
    except TransportError as error:
        raise error.at(action, where) from None
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError) as error:
        if not _is_answered.get():
            raise unsent(error).at(action, where) from None
        raise unreadable(action, where) from None

"""Explains why a request failed on its way, the same for the API, the storage, probes and pings."""

from __future__ import annotations

import http.client
import ssl

import urllib3

from omicopy.cloud.errors import Cause, ServiceError, causes_of, is_broken_tls, temporary
from omicopy.cloud.http.exchange import Exchange
from omicopy.errors import ErrorCode

RAISED_UNDER_WAY = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
"""Raised by urllib3 and the modules below it."""


class TransportError(Exception):
    """No answer came, or no usable one."""

    def __init__(self, cause: Cause, message: str, code: ErrorCode = ErrorCode.TEMPORARY, hint: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message
        self.code = code
        self.hint = hint

    def at(self, action: str, where: str) -> ServiceError:
        """The same failure as a ServiceError of one action."""
        if self.code is ErrorCode.TEMPORARY and not self.hint:
            return temporary(self.cause, action, where, self.message)
        return ServiceError(self.code, self.cause, action, where, self.message, hint=self.hint)


def explain_failure(error: BaseException, exchange: Exchange, trusted: str) -> TransportError:
    """What an exception between connecting and the last byte of the answer means. `trusted` names the trusted
    certificates."""
    causes = causes_of(error)
    if any(isinstance(one, TimeoutError | urllib3.exceptions.TimeoutError) for one in causes):
        if exchange.is_sent:
            return TransportError(Cause.NO_ANSWER, Cause.NO_ANSWER.value + _via_proxy(exchange))
        return _unreachable(exchange, "in time")
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return _tls_error(error, exchange, trusted)
    if exchange.is_sent:
        cause = Cause.RESET if _is_lost(causes) else Cause.UNREADABLE
        return TransportError(cause, cause.value + _via_proxy(exchange))
    if isinstance(error, ValueError | http.client.InvalidURL):
        return unsent(error)
    reason = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), "")
    return _unreachable(exchange, f"({reason})" if reason else "")


def refused_by_proxy(exchange: Exchange, status: int) -> TransportError:
    """The proxy answered itself; the server received nothing."""
    assert exchange.proxy  # noqa: S101  there is no such answer without one
    address, variable, host = exchange.proxy.address, exchange.proxy.variable, exchange.host
    words = f"HTTP {status} {http.client.responses.get(status, '')}".rstrip()
    if status == 429 or status >= 500:
        return TransportError(Cause.UNREACHABLE, f"the proxy {address} can't reach {host}: {words}")
    hint = f"Allow {host} at the proxy, list the host in no_proxy, or set {variable} to another proxy."
    if status == 407:
        hint = f"Write the proxy's user and password into {variable}: {exchange.proxy.scheme}://USER:PASSWORD@{address}"
    message = f"the proxy {address} refuses to connect to {host}: {words}"
    return TransportError(Cause.REFUSED, message, ErrorCode.CONFIGURATION, hint)


def unsent(error: BaseException) -> TransportError:
    """An error that a client raised before it sent anything. It is never the server's fault."""
    if isinstance(error, ValueError | http.client.InvalidURL):
        reason = str(error) if isinstance(error, UnicodeError) else type(error).__name__
        message = f"nothing was sent: a configured key or address can't be used in a request ({reason})"
        hint = "Check the keys and the address's host for invalid characters and for their length."
        return TransportError(Cause.REFUSED, message, ErrorCode.CONFIGURATION, hint)
    message = f"nothing was sent: the request could not be made ({type(error).__name__})"
    return TransportError(Cause.REFUSED, message, ErrorCode.FAILED, "This is a bug. Please report it.")


def _via_proxy(exchange: Exchange) -> str:
    """For an http URL the proxy answers in place of the server, so it may have caused the failure."""
    return f", through the proxy {exchange.proxy.address}" if exchange.proxy and exchange.is_at_proxy else ""


def _unreachable(exchange: Exchange, more: str) -> TransportError:
    message = f"{exchange.peer} can't be reached {more}".rstrip()
    if exchange.proxy is None or not exchange.is_at_proxy:
        return TransportError(Cause.UNREACHABLE, message)
    hint = f"{exchange.proxy.variable} names this proxy. Correct it, or run the same command again later."
    return TransportError(Cause.UNREACHABLE, message, hint=hint)


def _tls_error(error: BaseException, exchange: Exchange, trusted: str) -> TransportError:
    if is_broken_tls(error):
        if exchange.is_sent:
            return TransportError(Cause.RESET, Cause.RESET.value)
        return _unreachable(exchange, "(the connection broke during the TLS handshake)")
    tls = next(one for one in causes_of(error) if isinstance(one, ssl.SSLError))
    if isinstance(tls, ssl.SSLCertVerificationError):
        message = f"the certificate of {exchange.peer} is not trusted: {tls.verify_message}"
        hint = f"Certificates are checked against {trusted}. Name other authorities with --ca-bundle FILE."
    else:
        message = f"TLS with {exchange.peer} fails: {(tls.reason or 'unknown').replace('_', ' ').lower()}"
        hint = "Check the address's scheme and port, and the profile's client certificate."
    return TransportError(Cause.REFUSED, message, ErrorCode.FAILED, hint)


def _is_lost(causes: list[BaseException]) -> bool:
    """True if the connection ended too early; otherwise what arrived was not HTTP."""
    lost = (http.client.RemoteDisconnected, http.client.IncompleteRead, OSError)
    return any(isinstance(one, lost) for one in causes)

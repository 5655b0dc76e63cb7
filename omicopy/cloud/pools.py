"""Connections for plain HTTP requests: through the proxy and with the CA bundle that are set, no credentials added."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from omicopy.cloud.failure import Cause, ServiceError, is_broken_tls, temporary
from omicopy.errors import ErrorCode


class Pools:
    """One pool of connections for each proxy that a URL asks for, made when it is first needed: one with TLS reads the
    authorities' certificates, which takes longer than many a command's requests."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str | None, bool], urllib3.PoolManager] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}

    def pool(self, url: str) -> urllib3.PoolManager:
        """The one to ask `url` with."""
        parts = urlsplit(url)
        scheme, host = parts.scheme, parts.hostname or ""
        if (scheme, host) not in self._proxies:  # to find out goes through the whole environment
            self._proxies[scheme, host] = None if proxy_bypass(host) else getproxies().get(scheme)
        proxy = self._proxies[scheme, host]
        has_tls = "https" in (scheme, urlsplit(proxy).scheme if proxy else "")
        if (proxy, has_tls) not in self._pools:
            self._pools[proxy, has_tls] = _made(proxy, has_tls)
        return self._pools[proxy, has_tls]


def _made(proxy: str | None, has_tls: bool) -> urllib3.PoolManager:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or None
    context = ssl.create_default_context(cafile=bundle) if has_tls else None
    return urllib3.ProxyManager(proxy, ssl_context=context) if proxy else urllib3.PoolManager(ssl_context=context)


@contextlib.contextmanager
def failures_told(action: str, host: str) -> Iterator[None]:
    """Turns what urllib3 raises inside it into a ServiceError, which never shows the URL."""
    try:
        yield
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        raise temporary(Cause.UNREACHABLE, action, host, "the server can't be reached") from None
    except urllib3.exceptions.SSLError as error:
        if is_broken_tls(error):
            raise temporary(Cause.RESET, action, host, Cause.RESET.value) from None
        raise ServiceError(ErrorCode.FAILED, Cause.REFUSED, action, host, str(error)) from None
    except urllib3.exceptions.TimeoutError:
        raise temporary(Cause.SILENT, action, host, Cause.SILENT.value) from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise temporary(Cause.RESET, action, host, Cause.RESET.value) from None

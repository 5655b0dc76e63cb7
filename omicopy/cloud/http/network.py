"""Proxies and trusted certificates: decided once, here, for the whole process.

requests, botocore and urllib3 each read the environment in their own way (DOMAIN.md §6). None of them is used for that.

Proxy: the first of `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` that is set; for an http URL `http_proxy`,
`HTTP_PROXY` and the same two. Set but empty means none. `no_proxy`, else `NO_PROXY`, lists hosts without a proxy.

Certificates: the first that is set of --ca-bundle (`OMICOPY_CA_BUNDLE`), `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, and
`SSL_CERT_FILE` with `SSL_CERT_DIR`; else the system's authorities, or certifi's if the system has none.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from omicopy.cloud.secrets import register_secret
from omicopy.errors import ErrorCode, OmicopyError

if TYPE_CHECKING:
    import ssl

    from omicopy.cloud.http.trust import Trust

ClientCert = str | tuple[str, str] | None
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it."""

    variable: str
    scheme: str
    address: str
    """`host:port`; an IPv6 address is in brackets."""
    credentials: str | None = field(default=None, repr=False)
    """`user:password`, decoded."""

    @property
    def url(self) -> str:
        """Without the credentials."""
        return f"{self.scheme}://{self.address}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers for the proxy only, not for the server behind it."""
        return {} if self.credentials is None else {"Proxy-Authorization": f"Basic {_base64(self.credentials)}"}


class Network:
    """How this process connects. Reads the environment once; raises CONFIGURATION when an unusable setting is
    needed."""

    def __init__(self, environ: Mapping[str, str], ca_bundle: str | None = None) -> None:
        """`ca_bundle` is the option's value, if given. Raises nothing: an unusable proxy doesn't matter if no URL needs
        it."""
        self._environ = {name: environ[name] for name in environ if name.lower().endswith("_proxy")}
        self._is_cgi = "REQUEST_METHOD" in environ
        self._exempt = _first_set(environ, "no_proxy", "NO_PROXY") or ""
        self._trust_from = {name: environ[name] for name in environ if name in TRUST_VARIABLES}
        self._ca_bundle = ca_bundle
        self._trust: Trust | None = None
        self._contexts: dict[ClientCert, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        register_secret(*self.secrets())

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy for `url`. Raises CONFIGURATION if it is unusable."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
        for variable in self._proxy_variables(parts.scheme):
            value = self._environ.get(variable)
            if value is not None:
                return parse_proxy(variable, value) if value.strip() and not self._is_exempt(host, port) else None
        return None

    def tls(self, client_cert: ClientCert = None) -> ssl.SSLContext:
        """The TLS context, created on first use; one for each client certificate.

        Raises CONFIGURATION for an unusable bundle or certificate.
        """
        from omicopy.cloud.http.trust import make_context

        with self._lock:  # several threads probe URLs at once
            if client_cert not in self._contexts:
                self._contexts[client_cert] = make_context(self.trust, client_cert)
            return self._contexts[client_cert]

    @property
    def trust(self) -> Trust:
        """The trusted certificates, and the setting that names them."""
        from omicopy.cloud.http.trust import find_trust

        self._trust = self._trust or find_trust(self._trust_from, self._ca_bundle)
        return self._trust

    def check(self) -> None:
        """Raises CONFIGURATION for an unusable bundle. Without a named bundle it reads nothing."""
        if self.trust.is_named:
            self.tls()

    def secrets(self) -> list[str]:
        """Every form in which the proxies' credentials might appear in a text."""
        found = []
        for value in self._environ.values():
            written = value.rpartition("@")[0].rpartition("://")[2]
            decoded = unquote(written)
            passwords = [each.partition(":")[2] for each in (written, decoded)]
            found += [written, decoded, _base64(_with_colon(decoded)), *passwords]
        return [each for each in found if each]

    def _proxy_variables(self, scheme: str) -> list[str]:
        own = [f"{scheme}_proxy", f"{scheme}_proxy".upper()]
        if self._is_cgi:  # in CGI, a client sets HTTP_PROXY with the header `Proxy:`
            own = [name for name in own if name != "HTTP_PROXY"]
        return [*own, "all_proxy", "ALL_PROXY"]

    def _is_exempt(self, host: str, port: int) -> bool:
        from omicopy.cloud.http.no_proxy import is_exempt

        return bool(self._exempt) and is_exempt(self._exempt, host, port)


TRUST_VARIABLES = ("OMICOPY_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def parse_proxy(variable: str, value: str) -> Proxy:
    """The proxy that a variable names; without a scheme it is an http proxy. Raises CONFIGURATION, without repeating
    the value."""
    text = value.strip()
    text = text if "://" in text else f"http://{text.removeprefix('//')}"
    scheme = text.partition("://")[0].lower()
    if scheme not in _PORTS:
        what = "a SOCKS proxy" if scheme.startswith("socks") else "a proxy of another kind"
        raise _unusable(variable, f"names {what}, but only http:// and https:// proxies are supported", "")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or _PORTS[scheme]
        host.encode("idna")
    except (ValueError, UnicodeError):
        host, port = "", 0
    rest = parts.path + parts.query + parts.fragment if host else ""
    if not host or not host.isprintable() or " " in host or "@" in rest:  # @ there: the password has / ? or #
        spelt = " In a user or password, write % / ? # and @ as %25 %2F %3F %23 and %40."
        raise _unusable(variable, "is not a proxy address such as http://HOST:PORT", spelt)
    given = unquote(parts.netloc.rpartition("@")[0])
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Proxy(variable, scheme, address, _with_colon(given) or None)


def _unusable(variable: str, why: str, more: str) -> OmicopyError:
    hint = f"Set {variable} to http://HOST:PORT, list hosts without a proxy in no_proxy, or unset it.{more}"
    return OmicopyError(ErrorCode.CONFIGURATION, f"The variable {variable} {why}.", hint)


def _first_set(environ: Mapping[str, str], *names: str) -> str | None:
    return next((environ[name] for name in names if name in environ), None)


def _with_colon(credentials: str) -> str:
    """A user without a password has an empty one."""
    return f"{credentials}:" if credentials and ":" not in credentials else credentials


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()

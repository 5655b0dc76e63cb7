"""Pings a monitor such as healthchecks.io when a run begins and ends, by a POST to its URL."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import urllib3

from omicopy.cloud.errors import Answer, Cause, ServiceError, temporary
from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.http.transport import Transport, translate_transport_errors
from omicopy.cloud.request_log import logged
from omicopy.cloud.secrets import register_secret
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.presigned_url import parse_presigned

TIMEOUT = 10.0
"""Seconds for one answer."""
PAUSE = 1.0
"""Seconds before the only retry."""
BODY_LIMIT = 10_000
"""Bytes of the body that a monitor stores."""
_SECRET_LENGTH = 16
"""Shorter paths and queries are ordinary words that may occur in other texts, so they aren't redacted."""


class Ping:
    """One monitor's URL. It is a secret: anyone who knows it can report success."""

    def __init__(self, text: str, network: Network) -> None:
        """Raises USAGE, without repeating the text, if it isn't one https URL (or http to this machine)."""
        try:
            parsed = parse_presigned(text)
        except OmicopyError:
            # `from None`: the parser's error may quote the secret URL
            # `from None`: the parser's error may quote the secret URL
            raise OmicopyError(ErrorCode.USAGE, "it contains no usable URL, or more than one") from None
        if parsed.is_exposed:
            raise OmicopyError(ErrorCode.USAGE, "its URL begins with http://, so others on the network can read it")
        self._url = parsed.url
        self._host = parsed.host
        self._transport = Transport(network, TimeLimit(TIMEOUT))
        register_secret(*self._secrets())

    def _secrets(self) -> list[str]:
        """The parts of the URL that must not be shown. Logs of connections show only its path, as urllib3 spells it."""
        spelt = urllib3.util.parse_url(self._url)
        parts = [urlsplit(self._url).path, urlsplit(self._url).query, spelt.path or "", spelt.query or ""]
        return [self._url, *(part for part in (part.rstrip("/") for part in parts) if len(part) >= _SECRET_LENGTH)]

    def send(self, ending: str, body: str = "") -> None:
        """POSTs to the URL with `ending` (`/start`, `/fail` or nothing) appended to its path. Raises ServiceError."""
        try:
            self._post(ending, body)
        except ServiceError as error:
            if error.cause is Cause.REFUSED:  # the same request would be refused again
                raise
            time.sleep(PAUSE)
            self._post(ending, body)

    def _post(self, ending: str, body: str) -> None:
        parts = urlsplit(self._url)
        path = parts.path.rstrip("/") + ending if ending else parts.path
        url = parts._replace(path=path, fragment="").geturl()
        headers = {"User-Agent": "omicopy", "Content-Type": "text/plain; charset=utf-8"}
        with logged("Ping", self._host):
            with translate_transport_errors("Ping", self._host):
                response = self._transport.send("POST", url, headers, _cut(body), limit=0)
            self._check(response.status)

    def _check(self, status: int) -> None:
        answer = Answer(status)
        if status == 429 or status >= 500:
            raise temporary(Cause.SERVER, "Ping", self._host, str(answer), answer)
        if not 200 <= status < 300:
            redirect = ": the server answers with a redirect, which is not followed" if 300 <= status < 400 else ""
            raise ServiceError(ErrorCode.FAILED, Cause.REFUSED, "Ping", self._host, f"{answer}{redirect}", answer)


def _cut(body: str) -> bytes:
    """Returns as much of the body as a monitor stores, without splitting a character."""
    return body.encode("utf-8", "replace")[:BODY_LIMIT].decode(errors="ignore").encode()

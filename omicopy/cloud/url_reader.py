"""Reads through pre-signed URLs as the importing service will: without credentials and redirects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from omicopy.cloud.errors import Answer, Cause, ServiceError, parse_clock_ahead, parse_retry_after, refused, temporary
from omicopy.cloud.object_size import object_size
from omicopy.cloud.request_log import logged
from omicopy.cloud.retry import Pace, read_with_retries
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.refusal import Refusal, explain_refusal

if TYPE_CHECKING:
    from omicopy.cloud.http.transport import Response, Transport

MANIFEST_LIMIT = 1024 * 1024
"""Bytes read of a manifest at most; it is untrusted input."""


class ObjectState(Enum):
    """What the store says about one embedded URL."""

    ALIVE = "alive"
    REFUSED = "refused"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of reading one byte of an object."""

    life: ObjectState
    size_bytes: int | None = None
    """Of the whole object, if the store says it."""
    error: OmicopyError | None = None
    """Why nothing is known about it."""
    refusal: Refusal | None = None
    """Why the store refuses the URL."""

    @property
    def was_asked(self) -> bool:
        """False for an object that was not asked for, because its host was not named by the user."""
        return self.error is None or self.error.code is not ErrorCode.USAGE


class UrlReader:
    """GETs through pre-signed URLs; retried for `patience` seconds. Raises only ServiceError."""

    def __init__(self, transport: Transport, pace: Pace, patience: float) -> None:
        self._transport = transport
        self._pace = pace
        self._patience = patience
        self.clock_ahead: timedelta | None = None
        """How far this machine's clock is ahead of the store's, according to the last answer."""

    def read(self, url: PresignedUrl) -> bytes:
        """The object's first bytes, at most one more than the limit. Raises EXPIRED for 403 and NOT_FOUND for 404."""

        def attempt() -> bytes:
            response = self._get(url, {})
            if response.status == 200:
                return response.body
            raise _failure(response, url)

        return read_with_retries(attempt, self._pace, self._patience, lambda: None)

    def probe(self, url: PresignedUrl) -> Probe:
        """Reads one byte. HEAD isn't possible: a URL signed for GET answers it with 403 (DOMAIN.md §4)."""

        def attempt() -> Probe:
            response = self._get(url, {"Range": "bytes=0-0"})
            if response.status in (200, 206, 416):
                return Probe(ObjectState.ALIVE, object_size(response.status, response.headers))
            if response.status == 404:
                return Probe(ObjectState.MISSING)
            if response.status in REFUSED_STATUSES:
                return Probe(ObjectState.REFUSED, refusal=read_refusal(url, response.headers, response.body))
            raise _failure(response, url)

        return read_with_retries(attempt, self._pace, self._patience, lambda: None)

    def _get(self, url: PresignedUrl, headers: dict[str, str]) -> Response:
        from omicopy.cloud.http.transport import translate_transport_errors  # offline signing must not load urllib3

        self._pace.require_time("GetObject", url.host)
        with logged("GetObject", url.host), translate_transport_errors("GetObject", url.host):
            sent = {"User-Agent": "omicopy", **headers}
            response = self._transport.send("GET", url.url, sent, limit=MANIFEST_LIMIT + 1)
        self.clock_ahead = parse_clock_ahead(response.headers) or self.clock_ahead
        return response


def _failure(response: Response, url: PresignedUrl) -> ServiceError:
    answer = Answer(response.status, retry_after=parse_retry_after(response.headers))
    if 300 <= response.status < 400:
        message = f"HTTP {response.status}: the server answers with a redirect, which a pre-signed URL never needs"
        hint = "Redirects are not followed. Check the URL's host, or ask for a new URL."
        return ServiceError(ErrorCode.FAILED, Cause.REFUSED, "GetObject", url.host, message, answer, hint)
    if response.status in (429, 503):
        return temporary(Cause.THROTTLED, "GetObject", url.host, str(answer), answer)
    if response.status >= 500:
        return temporary(Cause.SERVER, "GetObject", url.host, str(answer), answer)
    if response.status in REFUSED_STATUSES:
        return UrlRefused("GetObject", url.host, answer, read_refusal(url, response.headers, response.body))
    return refused("GetObject", url.host, answer)


REFUSED_STATUSES = (400, 401, 403)
_HEAD_BYTES = 16 * 1024
_CODE = re.compile(rb"<Code>\s{0,100}([A-Za-z0-9.]{1,64})\s{0,100}</Code>")


class UrlRefused(ServiceError):
    """EXPIRED for every reason, because only a new URL helps. `refusal` says why."""

    def __init__(self, action: str, where: str, answer: Answer, refusal: Refusal) -> None:
        message = f"the store refuses this URL: {refusal.message}"
        super().__init__(ErrorCode.EXPIRED, Cause.REFUSED, action, where, message, answer, refusal.hint)
        self.refusal = refusal


def read_refusal(url: PresignedUrl, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Explains an answer with one of `REFUSED_STATUSES`, by the store's own clock (its `Date` header)."""
    ahead = parse_clock_ahead(headers) or timedelta(0)
    return explain_refusal(url, error_code(body), datetime.now(UTC) - ahead)


def error_code(body: bytes) -> str:
    """The code in S3's error XML; "" for anything else.

    Nothing else of the body is used: it is untrusted and may repeat what was signed.
    """
    head = body[:_HEAD_BYTES]
    found = _CODE.search(head) if b"<Error" in head else None
    return found[1].decode("ascii") if found else ""

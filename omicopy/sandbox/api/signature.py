"""Verifies the OSC4 signature of a request to the API.

OUTSCALE's clients sign differently. The SDK signs `content-type;host;x-osc-date`, with the host without its port.
osc-cli signs `host;x-osc-date;x-osc-target`, with the host with its port, and the path with one slash although it
requests a path with two. So the request names the signed headers, and both forms of host and path are accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.settings import SandboxAccount
from omicopy.sandbox.model.signing import OSC4, SigningKey, signature

AUTHORIZATION = re.compile(
    rf"{OSC4.algorithm} +Credential=(?P<key>[^/,\s]+)/(?P<day>\d{{8}})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    rf"/{OSC4.terminator}, *SignedHeaders=(?P<headers>[a-z0-9;-]+), *Signature=(?P<signature>[0-9a-f]{{64}})"
)
REQUIRED = frozenset({"host", "x-osc-date"})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of a request that a signature covers. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def named_access_key(headers: Mapping[str, str]) -> str | None:
    """Returns the access key that a request names, without verifying it, or None."""
    found = re.search(r"Credential=([^/,\s]+)/", headers.get("authorization", ""))
    return found.group(1) if found else None


def verify(
    request: SignedRequest, accounts: Mapping[str, SandboxAccount], region: str, now: datetime, skew_seconds: float
) -> SandboxAccount:
    """Returns the account that signed the request. Raises ApiError. `accounts` are the Region's, by access key.

    A key of another Region is unknown, because an account belongs to one Region. A signature for another Region never
    matches, because the service computes it for its own Region.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise ApiError(ApiErrorKind.NOT_SIGNED)
    parsed = AUTHORIZATION.fullmatch(header.strip())
    if parsed is None:
        raise ApiError(
            ApiErrorKind.UNKNOWN_AUTHORIZATION
            if not header.startswith(OSC4.algorithm)
            else ApiErrorKind.WRONG_SIGNATURE
        )
    account = accounts.get(parsed["key"])
    if account is None:
        raise ApiError(ApiErrorKind.UNKNOWN_KEY)
    moment = request.headers.get("x-osc-date", "")
    signed = parsed["headers"].split(";")
    if parsed["region"] != region or parsed["service"] != "api" or moment[:8] != parsed["day"]:
        raise ApiError(ApiErrorKind.WRONG_SIGNATURE)
    if not REQUIRED.issubset(signed) or any(name not in request.headers for name in signed):
        raise ApiError(ApiErrorKind.WRONG_SIGNATURE)
    signer = SigningKey(account.access_key, account.secret_key, region)
    expected = (signature(OSC4, signer, "api", moment, canonical) for canonical in canonical_requests(request, signed))
    if not any(hmac.compare_digest(one, parsed["signature"]) for one in expected):
        raise ApiError(ApiErrorKind.WRONG_SIGNATURE)
    _check_clock(moment, now, skew_seconds)
    return account


def canonical_requests(request: SignedRequest, signed: list[str]) -> Iterator[str]:
    """Yields the forms of the canonical request that OUTSCALE's clients sign."""
    hosts = dict.fromkeys((request.headers["host"], urlsplit(f"//{request.headers['host']}").hostname or ""))
    paths = dict.fromkeys((request.path, re.sub("/+", "/", request.path)))
    digest = hashlib.sha256(request.body).hexdigest()
    for host in hosts:
        for path in paths:
            lines = [f"{name}:{host if name == 'host' else request.headers[name].strip()}\n" for name in signed]
            yield "\n".join((request.method, path, request.query, "".join(lines), ";".join(signed), digest))


def _check_clock(moment: str, now: datetime, skew_seconds: float) -> None:
    try:
        sent = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise ApiError(ApiErrorKind.WRONG_SIGNATURE) from None
    if abs((now - sent).total_seconds()) > skew_seconds:
        raise ApiError(ApiErrorKind.CLOCK_SKEW)

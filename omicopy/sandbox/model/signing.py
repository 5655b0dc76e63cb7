"""Signatures of the version-4 family, and pre-signed URLs of both generations, written from their definitions.

Written out here instead of taken from an SDK: the clients under test sign with the SDKs, and a mistake in one of them
must not be verified by itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Scheme:
    """What tells OUTSCALE's signatures from those of S3."""

    algorithm: str
    key_prefix: str
    terminator: str


OSC4 = Scheme("OSC4-HMAC-SHA256", "OSC4", "osc4_request")
AWS4 = Scheme("AWS4-HMAC-SHA256", "AWS4", "aws4_request")


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key signs, and for which Region."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


def signature(scheme: Scheme, signer: Signer, service: str, moment: str, canonical: str) -> str:
    """The signature over a canonical request; `moment` is `YYYYMMDDTHHMMSSZ`."""
    scope = (moment[:8], signer.region, service, scheme.terminator)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((scheme.algorithm, moment, "/".join(scope), digest))
    key = (scheme.key_prefix + signer.secret_key).encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


def presign(signer: Signer, method: str, url: str, seconds: int, at: datetime | None = None) -> str:
    """A SigV4 URL, path-style, valid for `seconds` from `at` (None: now) on. `url` holds an unquoted bucket and key."""
    moment = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    origin, path = _parts(url)
    credential = "/".join((signer.access_key, moment[:8], signer.region, "s3", AWS4.terminator))
    fields = {
        "X-Amz-Algorithm": AWS4.algorithm,
        "X-Amz-Credential": credential,
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted(fields.items()))
    canonical = "\n".join((method, path, query, f"host:{urlsplit(origin).netloc}\n", "host", "UNSIGNED-PAYLOAD"))
    signed = signature(AWS4, signer, "s3", moment, canonical)
    return f"{origin}{path}?{query}&X-Amz-Signature={signed}"


def presign_v2(signer: Signer, method: str, url: str, seconds: int, at: datetime | None = None) -> str:
    """The same as an old SigV2 URL, whose `Expires` is an absolute time."""
    expires = int((at or datetime.now(UTC)).timestamp()) + seconds
    origin, path = _parts(url)
    digest = hmac.digest(signer.secret_key.encode(), f"{method}\n\n\n{expires}\n{path}".encode(), "sha1")
    signed = quote(base64.b64encode(digest).decode(), safe="")
    return f"{origin}{path}?AWSAccessKeyId={signer.access_key}&Expires={expires}&Signature={signed}"


Sign = Callable[[Signer, str, str, int, datetime | None], str]
"""What `presign` and `presign_v2` are."""


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host, and the path quoted. All that follows the host is bucket and key: `#` and `?` are part of it."""
    origin = "/".join(url.split("/", 3)[:3])
    return origin, quote(url.removeprefix(origin), safe="/~")

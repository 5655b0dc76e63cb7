"""Pre-signed URLs of both generations (SigV4 and SigV2), written from their definitions.

Not taken from an SDK: the clients under test sign with the SDKs, and an SDK's mistake must not be verified by itself.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from omicopy.sandbox.model.signing import AWS4, SigningKey, signature


def presign(signer: SigningKey, method: str, url: str, seconds: int, at: datetime | None = None) -> str:
    """Returns a SigV4 URL, valid for `seconds` from `at` (None: now). `url` is path-style, bucket and key unquoted."""
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


def presign_v2(signer: SigningKey, method: str, url: str, seconds: int, at: datetime | None = None) -> str:
    """Returns the same as a SigV2 URL, whose `Expires` is an absolute time."""
    expires = int((at or datetime.now(UTC)).timestamp()) + seconds
    origin, path = _parts(url)
    digest = hmac.digest(signer.secret_key.encode(), f"{method}\n\n\n{expires}\n{path}".encode(), "sha1")
    signed = quote(base64.b64encode(digest).decode(), safe="")
    return f"{origin}{path}?AWSAccessKeyId={signer.access_key}&Expires={expires}&Signature={signed}"


PresignFunction = Callable[[SigningKey, str, str, int, datetime | None], str]
"""The type of `presign` and `presign_v2`."""


def _parts(url: str) -> tuple[str, str]:
    """Returns the scheme with the host, and the quoted path. `#` and `?` after the host belong to the key."""
    origin = "/".join(url.split("/", 3)[:3])
    return origin, quote(url.removeprefix(origin), safe="/~")

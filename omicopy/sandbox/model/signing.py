"""Signatures of the version-4 family, OUTSCALE's and S3's, written from their definitions.

Not taken from an SDK: the clients under test sign with the SDKs, and an SDK's mistake must not be verified by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """What differs between the signatures of OUTSCALE's API and those of S3."""

    algorithm: str
    key_prefix: str
    terminator: str


OSC4 = SignatureScheme("OSC4-HMAC-SHA256", "OSC4", "osc4_request")
AWS4 = SignatureScheme("AWS4-HMAC-SHA256", "AWS4", "aws4_request")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An access key with its secret, and the Region for which it signs."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


def signature(scheme: SignatureScheme, signer: SigningKey, service: str, moment: str, canonical: str) -> str:
    """Returns the signature of a canonical request. `moment` is `YYYYMMDDTHHMMSSZ`."""
    scope = (moment[:8], signer.region, service, scheme.terminator)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((scheme.algorithm, moment, "/".join(scope), digest))
    key = (scheme.key_prefix + signer.secret_key).encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()

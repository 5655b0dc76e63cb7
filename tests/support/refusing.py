"""URLs that a store refuses."""

from __future__ import annotations

from omicopy.sandbox.model.signing import SigningKey

WEEK, DAY, HOUR = 604_800, 86_400, 3_600
SIGNER = SigningKey("SOMEACCESSKEY", "SOMESECRETKEY", "eu-west-2")


def body(code: str, more: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>{more}</Error>'.encode()

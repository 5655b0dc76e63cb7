"""Reads and writes objects as the service itself does: with pre-signed URLs."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import urllib3

from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign

TIMEOUT = urllib3.Timeout(connect=60, read=60)


class ObjectUnreachable(Exception):
    """An object can't be read or written. The message says why, and contains no signature."""


class PresignedClient:
    """A client that connects to the allowed addresses only."""

    def __init__(self, user_agent: str) -> None:
        self._pool = urllib3.PoolManager(maxsize=4, retries=False, timeout=TIMEOUT, headers={"User-Agent": user_agent})
        self._allowed: frozenset[str] = frozenset()

    def allow(self, *urls: str) -> None:
        """Adds addresses that may be read from."""
        self._allowed |= {urlsplit(url).netloc for url in urls}

    def get(self, url: str) -> bytes:
        """Returns the object of a pre-signed URL. Raises ObjectUnreachable."""
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if parts.scheme not in ("http", "https") or parts.netloc not in self._allowed:
            raise ObjectUnreachable(f"{shown} can't be reached")
        return self._send("GET", url, shown, None)

    def put(self, signer: SigningKey, url: str, body: bytes, at: datetime | None = None) -> None:
        """Writes an object with an account's key. Raises ObjectUnreachable."""
        self._send("PUT", presign(signer, "PUT", url, 300, at), url, body)

    def has(self, signer: SigningKey, bucket_url: str) -> bool:
        """Returns true if the account has access to the bucket."""
        try:
            self._send("HEAD", presign(signer, "HEAD", bucket_url, 300), bucket_url, None)
        except ObjectUnreachable:
            return False
        return True

    def close(self) -> None:
        """Closes all connections."""
        self._pool.clear()

    def _send(self, method: str, url: str, shown: str, body: bytes | None) -> bytes:
        try:
            answer = self._pool.request(method, url, body=body, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise ObjectUnreachable(f"{shown} can't be reached: {type(error).__name__}") from error
        if answer.status != 200:
            raise ObjectUnreachable(f"{shown} answered {answer.status} {_s3_code(answer.data)}".rstrip())
        return answer.data


def _s3_code(body: bytes) -> str:
    text = body.decode(errors="replace")
    return text.split("<Code>", 1)[1].split("</Code>", 1)[0] if "<Code>" in text else ""

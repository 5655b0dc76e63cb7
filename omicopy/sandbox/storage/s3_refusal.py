"""A refusal of object storage: status, code and message, and the answer that says them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from omicopy.sandbox.storage.s3_request import S3Request

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class S3Refusal:
    """One way to say no, in the words of S3."""

    status: int
    code: str
    message: str
    has_body: bool = True
    """CloudServer refuses an upload for its headers without a word: there is the status, and no code."""
    ends_connection: bool = False
    """For a body that is too large to be taken in only to be thrown away."""

    async def answer(self, request: S3Request, send: Send) -> None:
        """Sends the whole answer."""
        request_id = secrets.token_hex(8).upper()
        body = self._body(request, request_id) if self.has_body else b""
        headers = [
            (b"content-type", b"application/xml"),
            (b"content-length", str(len(body)).encode()),
            (b"x-amz-request-id", request_id.encode()),
        ]
        headers += [(b"connection", b"close")] if self.ends_connection else []
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _body(self, request: S3Request, request_id: str) -> bytes:
        resource = escape(f"/{request.bucket}" + (f"/{request.key}" if request.key else ""))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<Resource>{resource}</Resource><RequestId>{request_id}</RequestId></Error>"
        ).encode()

"""S3 answers that the sandbox writes itself: refusals, and lists without objects."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from xml.sax.saxutils import escape

from starlette.types import Send

from omicopy.sandbox.storage.s3_request import S3Request


@dataclass(frozen=True, slots=True)
class S3Refusal:
    """An S3 error."""

    status: int
    code: str
    message: str
    has_body: bool = True
    """False: only the status, as when CloudServer refuses an upload because of its headers."""
    ends_connection: bool = False
    """True: the connection is closed, because the body is too large to be read and discarded."""

    async def answer(self, request: S3Request, send: Send) -> None:
        """Sends the answer."""
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


def without_objects(listing: bytes) -> bytes:
    """Returns the list of a bucket's objects as it would be if the bucket were empty."""
    emptied = re.sub(rb"<(Contents|CommonPrefixes)>.*?</\1>", b"", listing, flags=re.DOTALL)
    emptied = re.sub(rb"<(NextContinuationToken|NextMarker)>.*?</\1>", b"", emptied)
    emptied = re.sub(rb"<IsTruncated>true", b"<IsTruncated>false", emptied)
    return re.sub(rb"<KeyCount>\d+", b"<KeyCount>0", emptied)

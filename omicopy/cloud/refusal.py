"""A store's refusal of a pre-signed URL as an error: read from its answer, told in words that say what mends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from omicopy.cloud.errors import Answer, Cause, ServiceError, parse_clock_ahead
from omicopy.errors import ErrorCode
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.model.urls.refusal import Refusal, explain_refusal

REFUSED_STATUSES = (400, 401, 403)
_HEAD_BYTES = 16 * 1024
_CODE = re.compile(rb"<Code>\s{0,100}([A-Za-z0-9.]{1,64})\s{0,100}</Code>")


class UrlRefused(ServiceError):
    """EXPIRED whatever the reason is: what mends it is a new URL. `refusal` says why."""

    def __init__(self, action: str, where: str, answer: Answer, refusal: Refusal) -> None:
        message = f"the store refuses this URL: {refusal.message}"
        super().__init__(ErrorCode.EXPIRED, Cause.REFUSED, action, where, message, answer, refusal.hint)
        self.refusal = refusal


def read_refusal(url: PresignedUrl, headers: Mapping[str, str], body: bytes) -> Refusal:
    """What an answer with one of `REFUSED_STATUSES` says. The store judges by its own clock: that of its `Date`."""
    ahead = parse_clock_ahead(headers) or timedelta(0)
    return explain_refusal(url, error_code(body), datetime.now(UTC) - ahead)


def error_code(body: bytes) -> str:
    """The code in S3's XML for an error; "" for anything else.

    Nothing else of the body is used: it may echo what was signed, and it is a stranger's text.
    """
    head = body[:_HEAD_BYTES]
    found = _CODE.search(head) if b"<Error" in head else None
    return found[1].decode("ascii") if found else ""

"""What a store says of the times of a pre-signed URL, before it looks at anything else, as CloudServer does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from omicopy.sandbox.s3request import S3Request

_WEEK = timedelta(days=7)
_SKEW = timedelta(minutes=15)
_SECONDS = re.compile(r"-?[0-9]{1,12}")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class TimeRefusal:
    """Status, code and message of a refusal."""

    status: int
    code: str
    message: str


_EXPIRED = TimeRefusal(403, "RequestTimeTooSkewed", "Request has expired")
_AHEAD = TimeRefusal(
    403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
)
_LIFE = TimeRefusal(400, "InvalidArgument", "X-Amz-Expires must be between 1 and 604800 seconds")
_NOT_YET = TimeRefusal(403, "AccessDenied", "Access Denied")


def refused_times(request: S3Request, now: datetime) -> TimeRefusal | None:
    """Why the times in the query are refused; None for good ones, and for what is not signed in the query."""
    if "X-Amz-Signature" in request.query:
        return _sigv4(request.query.get("X-Amz-Date", ""), request.query.get("X-Amz-Expires", ""), now)
    if "Signature" in request.query and "AWSAccessKeyId" in request.query:
        return _sigv2(request.query.get("Expires", ""), now)
    return None


def _sigv4(date: str, seconds: str, now: datetime) -> TimeRefusal | None:
    if not _SECONDS.fullmatch(seconds) or not _DATE.fullmatch(date):
        return None  # for the store itself to refuse
    life = int(seconds)
    if not 1 <= life <= _WEEK.total_seconds():
        return _LIFE
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    if signed > now + _SKEW:
        return _AHEAD
    return _EXPIRED if signed + timedelta(seconds=life) < now else None


def _sigv2(seconds: str, now: datetime) -> TimeRefusal | None:
    if not _SECONDS.fullmatch(seconds):
        return None
    if int(seconds) <= now.timestamp():
        return _EXPIRED
    return _NOT_YET if int(seconds) > (now + _WEEK).timestamp() else None

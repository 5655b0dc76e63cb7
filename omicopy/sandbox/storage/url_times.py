"""Refuses the times of a signature (expired, too long, wrong clock) as Scality's CloudServer does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from omicopy.sandbox.storage.s3_request import S3Request
from omicopy.sandbox.storage.s3_responses import S3Refusal

_WEEK = timedelta(days=7)
_SKEW = timedelta(minutes=15)
_SECONDS = re.compile(r"-?[0-9]{1,12}")
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")

_EXPIRED = S3Refusal(403, "RequestTimeTooSkewed", "Request has expired")
_SKEWED = S3Refusal(
    403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
)
_LIFE = S3Refusal(400, "InvalidArgument", "X-Amz-Expires must be between 1 and 604800 seconds")
_NOT_YET = S3Refusal(403, "AccessDenied", "Access Denied")


def refused_times(request: S3Request, now: datetime) -> S3Refusal | None:
    """Returns why the times of a signature are refused. None: they are valid, or there is no signature."""
    if "X-Amz-Signature" in request.query:
        return _sigv4(request.query.get("X-Amz-Date", ""), request.query.get("X-Amz-Expires", ""), now)
    if "Signature" in request.query and "AWSAccessKeyId" in request.query:
        return _sigv2(request.query.get("Expires", ""), now)
    return _in_header(request.signed_at, now) if request.signed_at else None


def _in_header(date: str, now: datetime) -> S3Refusal | None:
    try:
        signed = _amz_date(date) if _DATE.fullmatch(date) else parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None  # the store refuses it
    return _SKEWED if abs(signed - now) > _SKEW else None


def _sigv4(date: str, seconds: str, now: datetime) -> S3Refusal | None:
    if not _SECONDS.fullmatch(seconds) or not _DATE.fullmatch(date):
        return None  # the store refuses it
    life = int(seconds)
    if not 1 <= life <= _WEEK.total_seconds():
        return _LIFE
    try:
        signed = _amz_date(date)
    except ValueError:
        return None
    if signed > now + _SKEW:
        return _SKEWED
    return _EXPIRED if signed + timedelta(seconds=life) < now else None


def _sigv2(seconds: str, now: datetime) -> S3Refusal | None:
    if not _SECONDS.fullmatch(seconds):
        return None
    if int(seconds) <= now.timestamp():
        return _EXPIRED
    return _NOT_YET if int(seconds) > (now + _WEEK).timestamp() else None


def _amz_date(date: str) -> datetime:
    return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

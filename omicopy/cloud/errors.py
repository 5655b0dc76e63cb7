"""One failed request: the cause, the service's own words, and what the retry policy needs to know."""

from __future__ import annotations

import email.utils
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from omicopy.cloud.meaning import classify_refusal, in_thousand, means_gone, means_name_taken
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.presigned_url import redact


class Cause(Enum):
    """What stopped a request. THROTTLED and UNREACHABLE certainly changed nothing; the next four may have."""

    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no answer in time"
    RESET = "connection lost after sending"
    SERVER = "server error"
    UNREADABLE = "unreadable answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """The relevant parts of an error answer, from the API or the object storage."""

    status: int
    code: str = ""
    kind: str = ""
    details: str = ""
    request_id: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        words = [f"HTTP {self.status}"]
        words += [f"code {self.code}"] if self.code else []
        words += [self.kind] if self.kind else []
        message = ", ".join(words) + (f": {self.details}" if self.details else "")
        return redact(message + (f" [request {self.request_id}]" if self.request_id else ""))


class ServiceError(OmicopyError):
    """A request that failed. `action` is its name in the API or in S3."""

    def __init__(
        self,
        code: ErrorCode,
        cause: Cause,
        action: str,
        where: str,
        message: str,
        answer: Answer | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(code, f"{action} in {where}: {redact(message)}", hint)
        self.cause = cause
        self.action = action
        self.where = where
        self.reason = redact(message)
        """The reason, without action and place."""
        self.answer = answer

    @property
    def retry_after(self) -> float | None:
        return self.answer.retry_after if self.answer else None

    @property
    def is_no_bucket(self) -> bool:
        """True if the store says that the bucket doesn't exist."""
        return self.answer is not None and self.answer.kind == "NoSuchBucket"

    @property
    def is_gone(self) -> bool:
        """True if the service itself says that the resource doesn't exist: a deletion has nothing left to do."""
        return self.answer is not None and self.code is ErrorCode.NOT_FOUND and means_gone(self.answer)

    @property
    def is_key_refused(self) -> bool:
        """True if the service doesn't accept the access key or its signature. Another request would be one more failed
        authentication."""
        answer = self.answer
        if answer is None or self.cause is not Cause.REFUSED:
            return False
        return answer.code in _KEY_CODES or (not answer.code and answer.kind in _KEY_REFUSED_BY_STORE)

    @property
    def is_missing_right(self) -> bool:
        """True if the service accepts the key but doesn't permit the action: HTTP 403, code 4."""
        answer = self.answer
        is_known = answer is not None and self.code is ErrorCode.DENIED and not self.is_key_refused
        return is_known and answer is not None and (answer.status == 403 or answer.code == "4")

    @property
    def is_name_conflict(self) -> bool:
        """True if the name is taken: ResourceConflict, HTTP 409, or a code 9xxx."""
        answer = self.answer
        return (
            answer is not None
            and self.cause is Cause.REFUSED
            and self.code is not ErrorCode.QUOTA
            and (
                answer.status == 409
                or answer.kind == "ResourceConflict"
                or in_thousand(answer.code, 9)
                or means_name_taken(answer)
            )
        )

    def refused_parameters(self, sent: Iterable[str]) -> frozenset[str]:
        """The parameters of `sent` that the service names as unacceptable (3001, 3002).

        Nothing happened, so the request may be sent again without them (R1).
        """
        answer = self.answer
        if answer is None or self.cause is not Cause.REFUSED or answer.code not in _UNWANTED_PARAMETER:
            return frozenset()
        return frozenset(name for name in sent if re.search(rf"\b{re.escape(name)}\b", answer.details))


_UNWANTED_PARAMETER = ("3001", "3002")
"""Unknown parameter; parameters that exclude each other."""


def temporary(cause: Cause, action: str, where: str, message: str, answer: Answer | None = None) -> ServiceError:
    """A failure that may not happen again."""
    hint = _UNREACHABLE if cause is Cause.UNREACHABLE else "Run the same command again later."
    return ServiceError(ErrorCode.TEMPORARY, cause, action, where, message, answer, hint)


def unreadable(action: str, where: str, why: str = "") -> ServiceError:
    """An answer that is not what was asked for, and why."""
    words = Cause.UNREADABLE.value
    return temporary(Cause.UNREADABLE, action, where, f"{words}: {why}" if why else words)


def out_of_time(action: str, where: str, message: str) -> ServiceError:
    """A request that was not sent (again) because the command is out of time. It changed nothing."""
    hint = "Nothing is lost: the same command continues. Raise --deadline to give it more time."
    return ServiceError(ErrorCode.OUT_OF_TIME, Cause.UNREACHABLE, action, where, message, hint=hint)


_UNREACHABLE = "Check the Region's name, the profile's endpoints and the network, or run the same command again later."


def refused(action: str, where: str, answer: Answer) -> ServiceError:
    """A definite refusal, with the error code that a script can act on (DOMAIN.md §5)."""
    code, hint = classify_refusal(answer)
    return ServiceError(code, Cause.REFUSED, action, where, str(answer), answer, hint)


_KEY_CODES = ("1", "12", "4120")
"""Wrong signature or clock, unreadable signature, unknown access key.

HTTP 401 alone isn't enough: with code 5 it means someone else's image.
"""
_KEY_REFUSED_BY_STORE = ("InvalidAccessKeyId", "SignatureDoesNotMatch")
_BROKEN = ("BAD_RECORD_MAC", "UNEXPECTED_EOF", "INTERNAL_ERROR", "RECORD_LAYER_FAILURE")
"""OpenSSL's names for failures of a connection, as opposed to those of a certificate or version."""


def is_broken_tls(error: BaseException | None) -> bool:
    """True if the TLS connection broke: temporary, and a write may have happened. Every other TLS failure is a
    refusal."""
    return any(
        isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        or (isinstance(one, ssl.SSLError) and any(word in str(getattr(one, "reason", "")) for word in _BROKEN))
        for one in causes_of(error)
    )


def causes_of(error: BaseException | None) -> list[BaseException]:
    """The error and all errors that libraries wrapped into it.

    `__context__` is left out: it is the error that was being handled, not a cause.
    """
    found: list[BaseException] = []
    left: list[object] = [error]
    while left and len(found) < 50:
        one = left.pop(0)
        if isinstance(one, BaseException) and not any(one is known for known in found):
            found.append(one)
            left += [*one.args, getattr(one, "reason", None), one.__cause__]
    return found


_CENTURY = timedelta(days=36_525)


def parse_clock_ahead(headers: Mapping[str, str]) -> timedelta | None:
    """How far this machine's clock is ahead of the `Date` header. None without a usable header.

    A clock that was never set shows 1970. More than a century is no real date.
    """
    try:
        theirs = email.utils.parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    if theirs.tzinfo is None:
        return None
    ahead = datetime.now(UTC) - theirs
    return ahead if abs(ahead) < _CENTURY else None


MAX_RETRY_AFTER = 60.0
"""Seconds. A longer `Retry-After` may be a mistake or outdated, so the service is asked again after a minute."""


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, at most MAX_RETRY_AFTER, from either form of the `Retry-After` header. None if it is
    unusable."""
    seconds = _retry_after(headers.get("Retry-After", "").strip())
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER)


def _retry_after(value: str) -> float | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value)  # too many digits give infinity, never an error
    try:
        moment = email.utils.parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None

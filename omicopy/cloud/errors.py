"""One failed request to the service: why, told in the service's words, with what a retry policy needs to know."""

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
    """What stopped a request. The first two are certain to have changed nothing; the next four are not."""

    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no answer in time"
    RESET = "connection lost after sending"
    SERVER = "server error"
    UNREADABLE = "unreadable answer"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of an error answer that matter, whichever service gave it."""

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
    """A request that did not succeed. `action` is the API's or S3's own name for it."""

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
        """Why, without the action and the place."""
        self.answer = answer

    @property
    def retry_after(self) -> float | None:
        return self.answer.retry_after if self.answer else None

    @property
    def is_no_bucket(self) -> bool:
        """Whether the store says that the bucket is not there."""
        return self.answer is not None and self.answer.kind == "NoSuchBucket"

    @property
    def is_gone(self) -> bool:
        """Whether the service itself says that what was named is not there: a deletion has nothing left to do."""
        return self.answer is not None and self.code is ErrorCode.NOT_FOUND and means_gone(self.answer)

    @property
    def is_key_refused(self) -> bool:
        """Whether the service does not take the access key at all, or not its signature: the next time would be one
        more failed authentication."""
        answer = self.answer
        if answer is None or self.cause is not Cause.REFUSED:
            return False
        return answer.code in _OF_THE_KEY or (not answer.code and answer.kind in _KEY_REFUSED_BY_STORE)

    @property
    def is_missing_right(self) -> bool:
        """Whether the service knows the key, and does not let it do this: 403, code 4."""
        answer = self.answer
        is_known = answer is not None and self.code is ErrorCode.DENIED and not self.is_key_refused
        return is_known and answer is not None and (answer.status == 403 or answer.code == "4")

    @property
    def is_name_conflict(self) -> bool:
        """Whether the name was taken, as far as that is known: a ResourceConflict, HTTP 409, codes 9xxx."""
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
        """Those of the parameters `sent` that the service does not take and names (3001, 3002). Nothing happened:
        without them the request may be decided anew (R1)."""
        answer = self.answer
        if answer is None or self.cause is not Cause.REFUSED or answer.code not in _UNWANTED_PARAMETER:
            return frozenset()
        return frozenset(name for name in sent if re.search(rf"\b{re.escape(name)}\b", answer.details))


_UNWANTED_PARAMETER = ("3001", "3002")
"""One that is not known; some that exclude each other."""


def temporary(cause: Cause, action: str, where: str, message: str, answer: Answer | None = None) -> ServiceError:
    """A failure that another time may not meet."""
    hint = _UNREACHABLE if cause is Cause.UNREACHABLE else "Run the same command again later."
    return ServiceError(ErrorCode.TEMPORARY, cause, action, where, message, answer, hint)


def out_of_time(action: str, where: str, message: str) -> ServiceError:
    """A request that was not sent, or not again, because the command's own time is over. It changed nothing."""
    hint = "Nothing is lost: the same command goes on. Give it more time with --deadline."
    return ServiceError(ErrorCode.OUT_OF_TIME, Cause.UNREACHABLE, action, where, message, hint=hint)


_UNREACHABLE = "Check the Region's name, the profile's endpoints and the network, or run the same command again later."


def refused(action: str, where: str, answer: Answer) -> ServiceError:
    """A definite no, filed under the exit code a script can act on (DOMAIN.md §5)."""
    code, hint = classify_refusal(answer)
    return ServiceError(code, Cause.REFUSED, action, where, str(answer), answer, hint)


_OF_THE_KEY = ("1", "12", "4120")
"""Wrong signature or clock, unreadable signature, unknown access key. 401 alone is not enough: with code 5 it is
somebody else's image."""
_KEY_REFUSED_BY_STORE = ("InvalidAccessKeyId", "SignatureDoesNotMatch")


_BROKEN = ("BAD_RECORD_MAC", "UNEXPECTED_EOF", "INTERNAL_ERROR", "RECORD_LAYER_FAILURE")
"""In OpenSSL's names for what happens to a connection, and not to a certificate or a version."""


def is_broken_tls(error: BaseException | None) -> bool:
    """Whether a TLS connection broke: that may pass, and a write may have happened. All else at TLS is a refusal."""
    return any(
        isinstance(one, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
        or (isinstance(one, ssl.SSLError) and any(word in str(getattr(one, "reason", "")) for word in _BROKEN))
        for one in causes_of(error)
    )


def causes_of(error: BaseException | None) -> list[BaseException]:
    """The error, and all that libraries wrapped into it. Not what was being handled when it came: that is past."""
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
    """By how much this machine's clock is ahead of the one that wrote the `Date` header; None without a usable one.

    A clock that was never set shows 1970. More than a century is no clock's doing, and no date to reckon with.
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
"""Seconds. A `Retry-After` may be a mistake, or outlive its reason: after a minute the service itself is asked."""


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, MAX_RETRY_AFTER at most, from either form of the `Retry-After` header; None where it says
    nothing that can be used."""
    seconds = _retry_after(headers.get("Retry-After", "").strip())
    return None if seconds is None else min(seconds, MAX_RETRY_AFTER)


def _retry_after(value: str) -> float | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value)  # of too many digits it is infinite, never an error
    try:
        moment = email.utils.parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None

"""Maps a refusal to the error code that a script acts on: by its code, type, HTTP status and words (DOMAIN.md §5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omicopy.errors import ErrorCode

if TYPE_CHECKING:
    from omicopy.cloud.errors import Answer


def classify_refusal(answer: Answer) -> tuple[ErrorCode, str]:
    """The error code of a refusal, and the hint."""
    if not answer.code and answer.kind in _STORE_CODES:  # an answer of the API also has a code
        return ErrorCode.DENIED, _STORE_CODES[answer.kind]
    if (
        answer.kind.startswith("TooManyResources")
        or in_thousand(answer.code, 10)
        or _LIMIT.search(f"{answer.code} {answer.kind} {answer.details}")
    ):
        return ErrorCode.QUOTA, "Free some of what the quota counts, or ask for a higher quota."
    if (
        answer.status in (401, 403)
        or answer.code in _NOT_AUTHENTICATED
        or answer.kind.startswith(("AccessDenied", "AuthFailure"))
    ):
        return ErrorCode.DENIED, "Check the profile's access key, its Region and permissions, and this machine's clock."
    if answer.code == "8017":
        return ErrorCode.NOT_EXPORTABLE, "Copy the image within its Region first, then export that copy."
    if answer.status == 404 or means_gone(answer):
        return ErrorCode.NOT_FOUND, "Check the ID or name, and that it belongs to this account and Region."
    if answer.status == 409 or answer.kind == "ResourceConflict" or means_name_taken(answer):
        return ErrorCode.NAME_CONFLICT, "Check what uses the name or resource, and choose another."
    return ErrorCode.FAILED, "The service refused the request for this reason. Use -v to see every request."


_STORE_CODES = {
    "InvalidAccessKeyId": (
        "Give the account's own access key with --storage PROFILE or --storage aws:NAME: an EIM user's key works for "
        "the API, but not for object storage. The key may also be deleted, or belong to another Region."
    ),
    "SignatureDoesNotMatch": "Check the profile's secret key, and that the endpoint is the store's own address.",
    "RequestTimeTooSkewed": "Set this machine's clock: it must agree with the store's.",
    "AuthorizationHeaderMalformed": "Check the profile's Region: the store belongs to another one.",
    "AccessDenied": (
        "Check that the bucket belongs to this account. Give the access key permission for it, or name another key: "
        "--storage PROFILE or --storage aws:NAME."
    ),
}
"""S3 codes that tell which credential is wrong (DOMAIN.md §4)."""
_LIMIT = re.compile(
    r"QuotaExce|(?<!Request)LimitExceeded|(?<!rate )\blimit\b.{0,100}\b(reached|exceeded)\b", re.IGNORECASE
)
"""The codes for limits aren't known for all services; these are the words that OUTSCALE's use."""
_NOT_AUTHENTICATED = ("1", "4", "4120")
"""Wrong signature or clock, missing permission, unknown access key. The last comes as HTTP 400
InvalidParameterValue."""
_GONE_WORDS = re.compile(r"\b(does not|doesn't) exist\b", re.IGNORECASE)
_TAKEN_WORDS = re.compile(r"\balready (used|in use|exists|taken)\b", re.IGNORECASE)


def _has_words(answer: Answer, words: re.Pattern[str]) -> bool:
    """True if the details match. They count only if the answer has neither code nor type, as with OUTSCALE's mock."""
    return not answer.code and not answer.kind and words.search(answer.details) is not None


def means_gone(answer: Answer) -> bool:
    """True if the service itself says that the resource doesn't exist. A bare 404 may come from a proxy."""
    return answer.kind == "InvalidResource" or in_thousand(answer.code, 5) or _has_words(answer, _GONE_WORDS)


def means_name_taken(answer: Answer) -> bool:
    """True if the words say that a name is taken, in an answer that has only words."""
    return _has_words(answer, _TAKEN_WORDS)


def in_thousand(code: str, thousand: int) -> bool:
    return re.fullmatch(r"[0-9]{4,6}", code) is not None and int(code) // 1000 == thousand

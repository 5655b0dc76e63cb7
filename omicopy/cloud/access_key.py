"""Until when an access key itself is good: a pre-signed URL dies with the key that signed it (DOMAIN.md §3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields

ACCESS_KEY = "access key"
"""What an expiry calls the key that signed."""


def access_key_expiry(session: AccountSession) -> datetime | None:
    """The expiration date of the key that signs for the account (ReadAccessKeys). None: it has none, or is not known.

    Any failure is told, and stops nothing: the URL itself was seen to work.
    """
    key = session.account.require_storage_key()
    try:
        return read_expiry(session, key.access_key)
    except OmicopyError as error:
        session.clients.tell(
            f"Whether the access key of {key.profile!r} has an expiration date is not known: {error.message}"
        )
        return None


def read_expiry(session: AccountSession, access_key: str) -> datetime | None:
    """The same of any key of the account. Raises NOT_FOUND where the API does not show it to the profile, as it may be
    with another user's, or a ServiceError."""
    filters = {"Filters": {"AccessKeyIds": [access_key]}}
    ends = session.api.read_parsed("ReadAccessKeys", session.patience, filters, _expiries)
    if access_key not in ends:
        raise OmicopyError(ErrorCode.NOT_FOUND, f"the API does not show that key to {session.profile!r}")
    return ends[access_key]


def _expiries(answer: Mapping[str, Any]) -> dict[str, datetime | None]:
    """By each access key until when it is good; None for one that has no end. Raises Unreadable."""
    return {json_fields.required(key, "AccessKeyId"): _expiry(key) for key in json_fields.listed(answer, "AccessKeys")}


def _expiry(key: Mapping[str, Any]) -> datetime | None:
    message = json_fields.optional(key, "ExpirationDate")
    moment = json_fields.parse_timestamp(message)
    if message and moment is None:  # an end that can't be read is not "no end"
        raise json_fields.MalformedAnswer("ExpirationDate is no date")
    return moment

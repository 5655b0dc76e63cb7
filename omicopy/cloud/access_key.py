"""When the access key expires: a pre-signed URL stops working with the key that signed it (DOMAIN.md §3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields

ACCESS_KEY = "access key"
"""What `Expiry` calls the signing key."""


def access_key_expiry(session: AccountSession) -> datetime | None:
    """The expiration date of the key that signs for a profile (ReadAccessKeys). None if it has none, or if it is
    unknown.

    A failure is only a warning: the URL itself was found to work.
    """
    key = session.account.require_storage_key()
    try:
        return read_expiry(session, key.access_key)
    except OmicopyError as error:
        session.clients.tell(f"The expiration date of the access key of {key.profile!r} is unknown: {error.message}")
        return None


def read_expiry(session: AccountSession, access_key: str) -> datetime | None:
    """The expiration date of any key of the account; None if it has none.

    Raises NOT_FOUND if the API doesn't show the key to this profile (it may belong to another user), or a ServiceError.
    """
    filters = {"Filters": {"AccessKeyIds": [access_key]}}
    ends = session.api.read_parsed("ReadAccessKeys", session.patience, filters, _expiries)
    if access_key not in ends:
        raise OmicopyError(ErrorCode.NOT_FOUND, f"the API does not show that key to {session.profile!r}")
    return ends[access_key]


def _expiries(answer: Mapping[str, Any]) -> dict[str, datetime | None]:
    """The expiry of each access key; None for a key that doesn't expire. Raises MalformedAnswer."""
    return {json_fields.required(key, "AccessKeyId"): _expiry(key) for key in json_fields.listed(answer, "AccessKeys")}


def _expiry(key: Mapping[str, Any]) -> datetime | None:
    message = json_fields.optional(key, "ExpirationDate")
    moment = json_fields.parse_timestamp(message)
    if message and moment is None:  # an unreadable date must not count as "never expires"
        raise json_fields.MalformedAnswer("ExpirationDate is not a date")
    return moment

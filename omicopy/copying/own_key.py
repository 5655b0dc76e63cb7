"""Until when an access key itself is good: a pre-signed URL dies with the key that signed it (DOMAIN.md §3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from omicopy.cloud.clients import Clients
from omicopy.cloud.failure import ServiceError
from omicopy.model import answers

ACCESS_KEY = "access key"
"""What an expiry calls the key that signed."""


def access_key_ends(clients: Clients, profile: str) -> datetime | None:
    """The expiration date of a profile's own access key (ReadAccessKeys). None: it has none, or may not read it.

    Any other failure is told, and stops nothing: the URL itself was seen to work.
    """
    try:
        return read_end(clients, profile)
    except ServiceError as error:
        clients.tell(f"Whether the access key of {profile!r} has an expiration date is not known: {error.message}")
        return None


def read_end(clients: Clients, profile: str) -> datetime | None:
    """The same. Raises a ServiceError where it can't be read."""
    access_key = clients.accounts[profile].demand_storage_key().access_key
    filters = {"Filters": {"AccessKeyIds": [access_key]}}
    ends = clients.api(profile).read_parsed("ReadAccessKeys", clients.patience, filters, _ends)
    return ends.get(access_key)


def _ends(answer: Mapping[str, Any]) -> dict[str, datetime | None]:
    """By each access key until when it is good; None for one that has no end. Raises Unreadable."""
    return {answers.required(key, "AccessKeyId"): _end(key) for key in answers.listed(answer, "AccessKeys")}


def _end(key: Mapping[str, Any]) -> datetime | None:
    said = answers.optional(key, "ExpirationDate")
    moment = answers.parse_moment(said)
    if said and moment is None:  # an end that can't be read is not "no end"
        raise answers.Unreadable("ExpirationDate is no date")
    return moment

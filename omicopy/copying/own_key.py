"""Until when an access key itself is good: a pre-signed URL dies with the key that signed it (DOMAIN.md §3)."""

from __future__ import annotations

from datetime import datetime

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
    access_key = clients.accounts[profile].access_key
    filters = {"Filters": {"AccessKeyIds": [access_key]}}
    answer = clients.api(profile).read("ReadAccessKeys", clients.patience, filters)
    keys = answers.mappings(answer, "AccessKeys")
    return next((answers.moment(key, "ExpirationDate") for key in keys if key.get("AccessKeyId") == access_key), None)

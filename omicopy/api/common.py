"""What every public function takes: the accounts behind profiles, and durations."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType

from omicopy.cloud.clients import Clients
from omicopy.cloud.profiles.storage_key import StorageByProfile, resolve_accounts
from omicopy.errors import named
from omicopy.model.units import ANY_DURATION

Duration = timedelta | str


def connect(*profiles: str, storage: StorageByProfile = MappingProxyType({}), allow_http: bool = False) -> Clients:
    """The clients of the accounts behind `profiles`; `storage` says, by profile, whose key opens an account's object
    storage (`PROFILE`, `aws:NAME`, `none`). `allow_http`: the URL that an export's task shows may be used by plain
    http, too, where its store has no https. Sends nothing yet; raises CONFIGURATION."""
    return Clients(resolve_accounts(profiles, storage, os.environ), allow_http=allow_http)


def duration(argument: str, value: Duration, read: Callable[[Duration], timedelta] = ANY_DURATION.read) -> timedelta:
    """The duration that was given for an argument. Raises USAGE, with its name, for what is none or is out of range."""
    with named(argument):
        return read(value)

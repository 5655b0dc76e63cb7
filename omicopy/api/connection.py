"""How the public functions reach the accounts behind profiles, and how they check lists and read durations."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from omicopy.cloud.clients import MAX_READ_RETRY, Clients
from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.profiles.storage_key import StorageByProfile, resolve_accounts
from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.units import ANY_DURATION

Duration = timedelta | str


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How requests are sent, how long failing ones are repeated, and who hears of it."""

    retry: timedelta = timedelta(seconds=MAX_READ_RETRY)
    """How long a read that fails for a temporary reason is repeated."""
    http_timeout: timedelta = timedelta(seconds=60)
    """How long one answer may take."""
    ca_bundle: str | None = None
    """A PEM file, or a folder with hashed names: only these authorities are trusted."""
    allow_http: bool = False
    """Accept URLs by plain http from other machines, too: a manifest's, or a task's where its store has no https."""
    warn: Callable[[str], None] = lambda _: None
    """Called with each warning, for example that a request is repeated or that this machine's clock is wrong."""


def connect(
    *profiles: str, storage: StorageByProfile = MappingProxyType({}), connection: ConnectionOptions | None = None
) -> Clients:
    """Returns the clients of the accounts behind `profiles`. Sends nothing yet; raises CONFIGURATION.

    `storage` says, by profile, whose key opens an account's object storage (`PROFILE`, `aws:NAME`, `none`).
    """
    options = connection or ConnectionOptions()
    return Clients(
        resolve_accounts(profiles, storage, os.environ),
        TimeLimit(options.http_timeout.total_seconds()),
        Network(os.environ, options.ca_bundle),
        retry=options.retry,
        tell=options.warn,
        allow_http=options.allow_http,
    )


def check_lists(**arguments: object) -> None:
    """Raises USAGE, with its name, for an argument that is one text: a sequence, too, but of its letters."""
    for argument, value in arguments.items():
        if isinstance(value, str):
            raise OmicopyError(ErrorCode.USAGE, f"{argument} must be a list, not one text", f"Write {argument}=[…].")


def duration(argument: str, value: Duration, read: Callable[[Duration], timedelta] = ANY_DURATION.read) -> timedelta:
    """Returns the duration that was given for an argument. Raises USAGE, with its name, for one that is invalid."""
    with named(argument):
        return read(value)

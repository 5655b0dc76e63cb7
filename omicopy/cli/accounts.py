"""From the profiles that a command names to its clients, and whether their clocks agree. Loads no SDK."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from types import MappingProxyType

from omicopy.cli.console import register_secret, warn
from omicopy.cloud.clients import Clients
from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.profiles.storage_key import StorageByProfile, resolve_accounts
from omicopy.model.units import TIMEOUT, format_duration

TOLERATED_SKEW = timedelta(seconds=60)


def accounts_of(profiles: Sequence[str], storage: StorageByProfile = MappingProxyType({})) -> dict[str, Account]:
    """Complete credentials of every profile, before any SDK is made. Raises CONFIGURATION."""
    accounts = resolve_accounts(profiles, storage, os.environ)
    for account in accounts.values():
        register_secret(account.secret_key, account.access_key)
        if account.storage_key:
            register_secret(account.storage_key.secret_key, account.storage_key.access_key)
    return accounts


def clients_for(
    profiles: Sequence[str],
    retry: timedelta,
    http_timeout: str,
    ca_bundle: str | None = None,
    allow_http: bool = False,
    storage: StorageByProfile = MappingProxyType({}),
) -> Clients:
    """The clients of every profile; `storage` is what `--storage` says of some of them."""
    limit, accounts = TimeLimit(TIMEOUT.read(http_timeout).total_seconds()), accounts_of(profiles, storage)
    return Clients(accounts, limit, network_of(ca_bundle), retry=retry, tell=warn, allow_http=allow_http)


@cache
def network_of(ca_bundle: str | None) -> Network:
    """How this process connects, to accounts and to a monitor: as the environment says, and --ca-bundle.

    Raises nothing yet.
    """
    network = Network(os.environ, ca_bundle)
    register_secret(*network.secrets())
    return network


def compare_clocks(clients: Clients) -> None:
    """A signed URL lives by the service's clock: with a wrong one here it lives shorter, or not at all."""
    for whose, ahead in clients.clocks_ahead().items():
        if abs(ahead) > TOLERATED_SKEW:
            way = "ahead of" if ahead > timedelta(0) else "behind"
            warn(f"This machine's clock is {format_duration(abs(ahead))} {way} that of {whose}. Set it right.")

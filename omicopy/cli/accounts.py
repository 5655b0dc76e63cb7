"""From the profiles that a command names to its clients. Loads no SDK."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from omicopy.cli.talk import keep_secret, warn
from omicopy.cloud.clients import Clients
from omicopy.cloud.profile import Account, resolve_profile
from omicopy.model.duration import parse_duration


def accounts_of(profiles: Sequence[str]) -> dict[str, Account]:
    """Complete credentials of every profile, before any SDK is made. Raises CONFIGURATION."""
    accounts = {profile: resolve_profile(profile, os.environ, Path.home()) for profile in profiles}
    for account in accounts.values():
        keep_secret(account.secret_key, account.access_key)
    return accounts


def clients_for(profiles: Sequence[str], retry: timedelta, http_timeout: str) -> Clients:
    seconds = parse_duration(http_timeout).total_seconds()
    return Clients(accounts_of(profiles), read_timeout=max(seconds, 0.001), retry=retry, tell=warn)

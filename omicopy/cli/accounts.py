"""What a command's options say of its requests, for the public functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType

from omicopy.api.connection import ConnectionOptions, connect
from omicopy.cli.console import warn
from omicopy.cloud.clients import Clients
from omicopy.cloud.profiles.storage_key import StorageByProfile
from omicopy.model.units import TIMEOUT, parse_duration


def connection_of(
    retry: str, http_timeout: str, ca_bundle: str | None = None, allow_http: bool = False
) -> ConnectionOptions:
    """How requests are sent, from what was typed; warnings go to stderr."""
    return ConnectionOptions(parse_duration(retry), TIMEOUT.read(http_timeout), ca_bundle, allow_http, warn)


def clients_for(
    profiles: Sequence[str],
    retry: timedelta,
    http_timeout: str,
    ca_bundle: str | None = None,
    allow_http: bool = False,
    storage: StorageByProfile = MappingProxyType({}),
) -> Clients:
    """The clients of every profile; `storage` is what `--storage` says of some of them."""
    options = ConnectionOptions(retry, TIMEOUT.read(http_timeout), ca_bundle, allow_http, warn)
    return connect(*profiles, storage=storage, connection=options)

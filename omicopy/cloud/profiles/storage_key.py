"""Resolves `--storage`: the account with the key that opens its object storage.

An EIM user's key works for the API but not for object storage, so one account often has two keys (DOMAIN.md §1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from omicopy.cloud.profiles.file import configuration_error
from omicopy.cloud.profiles.profile import NO_STORAGE, Account, StorageKey, oos_endpoint_of, region_of, resolve_profile
from omicopy.cloud.profiles.settings import REGION_KEYS, ProfileSettings, find_settings
from omicopy.cloud.secrets import register_secret

_AWS = "aws:"
StorageByProfile = Mapping[str, str | None]
"""The value of `--storage` for each profile; None or no entry if not given."""


def resolve_accounts(
    profiles: Iterable[str], storage: StorageByProfile, environ: Mapping[str, str]
) -> dict[str, Account]:
    """The account of each profile, with its storage key. Raises CONFIGURATION."""
    accounts = {profile: resolve_profile(profile, environ) for profile in profiles}
    for profile, text in storage.items():
        if text is not None and profile in accounts:
            accounts[profile] = resolve_storage(text, accounts[profile], environ)
    for account in accounts.values():
        register_secret(account.secret_key, account.access_key)
        if account.storage_key:
            register_secret(account.storage_key.secret_key, account.storage_key.access_key)
    return accounts


def resolve_storage(text: str, account: Account, environ: Mapping[str, str], home: Path | None = None) -> Account:
    """The account with the storage key of `PROFILE`, `aws:NAME` or `none`. Reads files, sends nothing.

    The profile only needs the two keys; Region and endpoint default to the account's. Raises CONFIGURATION, never with
    a value of a key; also for another Region, because both keys must belong to the same account.
    """
    if text == NO_STORAGE:
        return replace(account, storage_key=None)
    settings = _settings(text, environ, home)
    key = StorageKey(text, settings.required("access_key"), settings.required("secret_key"))
    if settings.text(*REGION_KEYS) and region_of(settings) != account.region:
        message = (
            f"The storage key {text!r} belongs to {region_of(settings)}, but {account.profile!r} to {account.region}."
        )
        raise configuration_error(message, "Name a key of the same account; an account has one Region.")
    names_endpoint = settings.text("endpoints.oos", "host")
    endpoint = oos_endpoint_of(settings, account.region) if names_endpoint else account.oos_endpoint
    return replace(account, storage_key=key, oos_endpoint=endpoint)


def _settings(text: str, environ: Mapping[str, str], home: Path | None) -> ProfileSettings:
    if not text.startswith(_AWS):
        return find_settings(text, environ, home)
    from omicopy.cloud.profiles.aws_files import aws_settings  # brings botocore

    return aws_settings(text.removeprefix(_AWS), environ, home)

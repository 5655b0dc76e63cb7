"""From a PROFILE on the command line to the complete credentials of one account.

The SDK fills gaps of a profile from `OSC_*` variables and with a default Region, which mixes accounts (DOMAIN.md §6).
Here a gap is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omicopy.cloud.profiles.endpoint import is_host_name, problem_of_address
from omicopy.cloud.profiles.settings import REGION_KEYS, ProfileSettings, find_settings
from omicopy.errors import ErrorCode, OmicopyError

_API_PATH = "/api/v1"
_DOMAIN = "outscale.com"
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST_REGION = 63
NO_STORAGE = "none"
"""The value of `--storage` if there is no key for the object storage."""
STORAGE_HINT = "Name a profile with the account's own access key: --storage PROFILE, or --storage aws:NAME."


@dataclass(frozen=True, slots=True)
class StorageKey:
    """The access key that signs and reads in an account's object storage."""

    profile: str
    """Where the key comes from, as the user wrote it."""
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that a client needs to act for one account in one Region."""

    profile: str
    """As the user wrote it: `NAME`, `NAME@REGION` or `env:PREFIX`."""
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str
    api_endpoint: str
    """With its path, without a trailing slash; the action's name is appended after a slash."""
    oos_endpoint: str
    client_cert: str | tuple[str, str] | None
    """A PEM file with certificate and key, or one file for each, in the format of `requests`."""
    storage_key: StorageKey | None
    """None if there is no key for its object storage."""

    @property
    def storage(self) -> str | None:
        """The value of `--storage` for this account; None if the option isn't needed."""
        if self.storage_key is None:
            return NO_STORAGE
        return None if self.storage_key.profile == self.profile else self.storage_key.profile

    @property
    def signer(self) -> str:
        """The profile whose key signs, for messages about refusals."""
        return self.storage_key.profile if self.storage_key else self.profile

    def require_storage_key(self) -> StorageKey:
        """The key for the object storage. Raises DENIED if there is none."""
        if self.storage_key is None:
            message = f"There is no access key for the object storage of {self.profile!r}"
            raise OmicopyError(ErrorCode.DENIED, message, STORAGE_HINT)
        return self.storage_key


def resolve_profile(name: str, environ: Mapping[str, str], home: Path | None = None) -> Account:
    """The account of `NAME`, `NAME@REGION` or `env:PREFIX`.

    A profile whose name in the file contains an `@` is found by its whole name. Both file formats are read, the SDK's
    and osc-cli's (DOMAIN.md §1). `home` None asks the system when needed. Raises OmicopyError(CONFIGURATION) that says
    what is missing and where, never with a value.
    """
    settings = find_settings(name, environ, home)
    access_key, secret_key = settings.required("access_key"), settings.required("secret_key")
    region = region_of(settings)
    domain = settings.text("host") or _DOMAIN
    api_keys = ("endpoints.api", "endpoint", "host")
    return Account(
        profile=name,
        access_key=access_key,
        secret_key=secret_key,
        region=region,
        api_endpoint=_endpoint(settings, api_keys, f"api.{region}.{domain}", _API_PATH),
        oos_endpoint=oos_endpoint_of(settings, region),
        client_cert=_client_cert(settings),
        storage_key=StorageKey(name, access_key, secret_key),
    )


def region_of(settings: ProfileSettings) -> str:
    """The profile's Region. Raises CONFIGURATION if it is missing or invalid."""
    region = settings.required(*REGION_KEYS)
    if not (_REGION.fullmatch(region) and is_host_name(region) and len(region) <= _LONGEST_REGION):
        raise settings.error("region", "is not a Region name", "A Region's name looks like eu-west-2.")
    return region


def oos_endpoint_of(settings: ProfileSettings, region: str) -> str:
    """The address of the object storage, which a profile may set. Raises CONFIGURATION if it is invalid."""
    domain = settings.text("host") or _DOMAIN
    return _endpoint(settings, ("endpoints.oos", "host"), f"oos.{region}.{domain}", "")


def _protocol(settings: ProfileSettings) -> str:
    protocol = settings.text("protocol")
    if protocol is not None:
        if protocol.lower() not in ("http", "https"):
            raise settings.error(
                "protocol", "is neither http nor https", "Write one of them, or remove the key to use https."
            )
        return protocol.lower()
    https = settings.values.get("https")
    if https is not None and not isinstance(https, bool):
        raise settings.error("https", "is neither true nor false", "Write true or false, without quotes.")
    return "http" if https is False else "https"


def _endpoint(settings: ProfileSettings, keys: tuple[str, ...], default: str, path: str) -> str:
    """The URL from one of `keys`, or the default. The last of `keys` is the setting that the default is made of."""
    key = next((key for key in keys if settings.text(key)), keys[-1])
    value = default if key == "host" else settings.required(key)
    protocol = _protocol(settings)
    url = (value if "://" in value else f"{protocol}://{value}").rstrip("/")
    problem = problem_of_address(url)
    if problem:
        raise settings.error(key, *problem)
    return url if "/" in url.partition("://")[2] else url + path


def _client_cert(settings: ProfileSettings) -> str | tuple[str, str] | None:
    certificate, key = settings.text("x509_client_cert", "client_certificate"), settings.text("x509_client_key")
    if key is None:
        return certificate
    if certificate is None:
        raise settings.error(
            "x509_client_cert", "is missing, but there is a key for it", "Name the certificate's file."
        )
    return certificate, key

"""From a PROFILE on the command line to the complete credentials of one account, never mixed with another's.

The SDK fills a profile's gaps from `OSC_*` variables and with a default Region (DOMAIN.md §6). Here they are errors.
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
"""What `--storage` says where there is no key for the object storage."""
STORAGE_HINT = "Name a profile with the account's own access key: --storage PROFILE, or --storage aws:NAME."


@dataclass(frozen=True, slots=True)
class StorageKey:
    """The access key that signs and reads in an account's object storage."""

    profile: str
    """Where it comes from, as the user wrote it."""
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
    """With its path and without a slash at the end; an action's name follows after a slash."""
    oos_endpoint: str
    client_cert: str | tuple[str, str] | None
    """A PEM file with certificate and key, or a file for each, as requests wants it."""
    storage_key: StorageKey | None
    """None: there is no key for its object storage."""

    @property
    def storage(self) -> str | None:
        """What `--storage` has to say of it; None: nothing."""
        if self.storage_key is None:
            return NO_STORAGE
        return None if self.storage_key.profile == self.profile else self.storage_key.profile

    @property
    def signer(self) -> str:
        """Whose key signs, to be told of a refusal of it."""
        return self.storage_key.profile if self.storage_key else self.profile

    def require_storage_key(self) -> StorageKey:
        """The key for its object storage. Raises DENIED where there is none."""
        if self.storage_key is None:
            message = f"There is no access key for the object storage of {self.profile!r}"
            raise OmicopyError(ErrorCode.DENIED, message, STORAGE_HINT)
        return self.storage_key


def resolve_profile(name: str, environ: Mapping[str, str], home: Path | None = None) -> Account:
    """The account that `NAME`, `NAME@REGION` or `env:PREFIX` stands for.

    A profile that the file spells with an `@` is found by its whole name. Both dialects of file are read, the SDK's and
    osc-cli's (DOMAIN.md §1). `home` None asks the system for the home folder, where one is needed. Raises
    OmicopyError(CONFIGURATION) that says where what is missing, never a value of it.
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
    """The Region that a profile names. Raises CONFIGURATION for none, and for what no Region is called."""
    region = settings.required(*REGION_KEYS)
    if not (_REGION.fullmatch(region) and is_host_name(region) and len(region) <= _LONGEST_REGION):
        raise settings.error("region", "is no Region's name", "A Region's name looks like eu-west-2.")
    return region


def oos_endpoint_of(settings: ProfileSettings, region: str) -> str:
    """The address of its object storage, which a profile may name. Raises CONFIGURATION for what is no address."""
    domain = settings.text("host") or _DOMAIN
    return _endpoint(settings, ("endpoints.oos", "host"), f"oos.{region}.{domain}", "")


def _protocol(settings: ProfileSettings) -> str:
    protocol = settings.text("protocol")
    if protocol is not None:
        if protocol.lower() not in ("http", "https"):
            raise settings.error(
                "protocol", "is neither http nor https", "Write one of them, or take the key out: then it is https."
            )
        return protocol.lower()
    https = settings.values.get("https")
    if https is not None and not isinstance(https, bool):
        raise settings.error("https", "is neither true nor false", "Write true or false, without quotes.")
    return "http" if https is False else "https"


def _endpoint(settings: ProfileSettings, keys: tuple[str, ...], default: str, path: str) -> str:
    """The URL that one of `keys` gives, or the default one. `keys` ends with what the default is made of."""
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
            "x509_client_cert", "is missing, though there is a key for it", "Name the certificate's file."
        )
    return certificate, key

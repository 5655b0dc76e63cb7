"""From a PROFILE on the command line to the complete credentials of one account, never mixed with another's.

The SDK fills a profile's gaps from `OSC_*` variables and with a default Region (DOMAIN.md §6). Here they are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omicopy.cloud.endpoint import is_host_name, problem_of_address
from omicopy.cloud.profile_file import FILE_HINT, profiles_file, read_profiles
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.text import unprintable

_API_PATH = "/api/v1"
_DOMAIN = "outscale.com"
_ENV_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_REGION_KEYS = ("region", "region_name")
_ENDPOINT_KEYS = ("endpoints.api", "endpoints.oos", "endpoint")
_LONGEST_REGION = 63
_UNSEEN_HINT = "Copy it again from where it was made, without blanks and without characters that can't be seen."
_ASCII_HINT = "Copy it again: one of its letters is not ASCII, even if it looks so."
_VARIABLES = {
    "access_key": "ACCESS_KEY",
    "secret_key": "SECRET_KEY",
    "region": "REGION",
    "endpoints.api": "ENDPOINT_API",
    "endpoints.oos": "ENDPOINT_OOS",
    "protocol": "PROTOCOL",
    "x509_client_cert": "X509_CLIENT_CERT",
    "x509_client_key": "X509_CLIENT_KEY",
}
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

    def demand_storage_key(self) -> StorageKey:
        """The key for its object storage. Raises DENIED where there is none."""
        if self.storage_key is None:
            said = f"There is no access key for the object storage of {self.profile!r}"
            raise OmicopyError(ErrorCode.DENIED, said, STORAGE_HINT)
        return self.storage_key


@dataclass(frozen=True, slots=True)
class _Settings:
    """One profile as it was found. `labels` are the names that the user knows its settings by, where they differ."""

    profile: str
    where: str
    values: Mapping[str, object] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)

    def text(self, *keys: str) -> str | None:
        """The first of `keys` that is set, checked: text that can be shown, white space around it cut off."""
        for key in keys:
            value = self.values.get(key)
            if value is None or value == "":
                continue
            if not isinstance(value, str):
                raise self.error(key, "is not text", 'Write it in quotes: "…".')
            problem = unprintable(value.strip())
            if problem:
                raise self.error(key, f"holds {problem}", _UNSEEN_HINT)
            if value.strip():
                return value.strip()
        return None

    def required(self, *keys: str) -> str:
        """As `text`, but a gap is an error that names the first of `keys`. Keys and Regions are visible ASCII."""
        value = self.text(*keys)
        if value is None:
            raise self._missing(keys[0])
        key = next(key for key in keys if self.values.get(key))
        if " " in value:
            raise self.error(key, "holds a blank", _UNSEEN_HINT)
        if not value.isascii():
            raise self.error(key, "holds a letter that is not ASCII", _ASCII_HINT)
        return value

    def _missing(self, key: str) -> OmicopyError:
        """Where a key of nearly that name is there, it is that name which is to be mended."""
        label = self.labels.get(key, key)
        alike = next((other for other in self.values if other != key and _bare(other) == key), None)
        if alike is not None:
            return self.error(key, f"is missing; the key {alike!a} is another one", f"Call it {label}.")
        hint = f"Set {label} there. A profile has to be complete: no other profile and no OSC_* variable fills it."
        return self.error(key, "is missing", hint)

    def error(self, key: str, what: str, hint: str) -> OmicopyError:
        return _configuration_error(f"{self.where}: {self.labels.get(key, key)} {what}.", hint)


def _bare(key: str) -> str:
    """A key's name without what can't be seen, in lower case."""
    return "".join(char for char in key if char.isascii() and char.isprintable() and char != " ").lower()


def resolve_profile(name: str, environ: Mapping[str, str], home: Path | None = None) -> Account:
    """The account that `NAME`, `NAME@REGION` or `env:PREFIX` stands for.

    A profile that the file spells with an `@` is found by its whole name. Both dialects of file are read, the SDK's and
    osc-cli's (DOMAIN.md §1). `home` None asks the system for the home folder, where one is needed. Raises
    OmicopyError(CONFIGURATION) that says where what is missing, never a value of it.
    """
    settings = _environment_settings(name, environ) if name.startswith("env:") else _file_settings(name, environ, home)
    access_key, secret_key = settings.required("access_key"), settings.required("secret_key")
    region = settings.required(*_REGION_KEYS)
    if not (_REGION.fullmatch(region) and is_host_name(region) and len(region) <= _LONGEST_REGION):
        raise settings.error("region", "is no Region's name", "A Region's name looks like eu-west-2.")
    protocol = _protocol(settings)
    domain = settings.text("host") or _DOMAIN
    return Account(
        profile=name,
        access_key=access_key,
        secret_key=secret_key,
        region=region,
        api_endpoint=_endpoint(
            settings, ("endpoints.api", "endpoint", "host"), f"api.{region}.{domain}", protocol, _API_PATH
        ),
        oos_endpoint=_endpoint(settings, ("endpoints.oos", "host"), f"oos.{region}.{domain}", protocol, ""),
        client_cert=_client_cert(settings),
        storage_key=StorageKey(name, access_key, secret_key),
    )


def _environment_settings(name: str, environ: Mapping[str, str]) -> _Settings:
    prefix, at, region = name.removeprefix("env:").partition("@")
    if not _ENV_PREFIX.fullmatch(prefix):
        raise _configuration_error(
            f'Profile "{name}": after "env:" comes the beginning of variable names, without the last underscore.',
            "For example env:SRC for SRC_ACCESS_KEY, SRC_SECRET_KEY and SRC_REGION.",
        )
    labels = {key: f"{prefix}_{variable}" for key, variable in _VARIABLES.items()}
    values = {key: environ.get(label) for key, label in labels.items()}
    settings = _Settings(name, f'Profile "{name}" in the environment', values, labels)
    return _in_region(settings, region) if at else settings


def _file_settings(name: str, environ: Mapping[str, str], home: Path | None) -> _Settings:
    file = profiles_file(environ, home)
    profiles = read_profiles(file)
    base, at, region = (name, "", "") if name in profiles else name.rpartition("@")
    base = base if at else name
    if base not in profiles:
        raise _configuration_error(f'There is no profile "{base}" in {file}.', _names_hint(profiles))
    values = profiles[base]
    where = f'Profile "{base}" in {file}'
    if not isinstance(values, dict):
        raise _configuration_error(f"{where} is no JSON object.", "It needs access_key, secret_key and region.")
    settings = _flattened(_Settings(name, where, values))
    return _in_region(settings, region) if at else settings


def _flattened(settings: _Settings) -> _Settings:
    """The SDK's nested `endpoints` as `endpoints.api` and `endpoints.oos`."""
    endpoints = settings.values.get("endpoints")
    if endpoints is None:
        endpoints = {}
    if not isinstance(endpoints, dict):
        hint = 'Write {"api": "https://…", "oos": "https://…"}.'
        raise settings.error("endpoints", "is no JSON object", hint)
    nested = {f"endpoints.{service}": url for service, url in endpoints.items()}
    return replace(settings, values={**settings.values, **nested})


def _in_region(settings: _Settings, region: str) -> _Settings:
    """The same keys in another Region. Endpoints belong to the Region they were written for, so they go."""
    if not region:
        raise _configuration_error(
            f'Profile "{settings.profile}": there is no Region after the "@".', "For example prod@us-east-2."
        )
    kept = {key: value for key, value in settings.values.items() if key not in (*_REGION_KEYS, *_ENDPOINT_KEYS)}
    return replace(settings, values={**kept, "region": region})


def _protocol(settings: _Settings) -> str:
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


def _endpoint(settings: _Settings, keys: tuple[str, ...], default: str, protocol: str, path: str) -> str:
    """The URL that one of `keys` gives, or the default one. `keys` ends with what the default is made of."""
    key = next((key for key in keys if settings.text(key)), keys[-1])
    value = default if key == "host" else settings.required(key)
    url = (value if "://" in value else f"{protocol}://{value}").rstrip("/")
    problem = problem_of_address(url)
    if problem:
        raise settings.error(key, *problem)
    return url if "/" in url.partition("://")[2] else url + path


def _client_cert(settings: _Settings) -> str | tuple[str, str] | None:
    certificate, key = settings.text("x509_client_cert", "client_certificate"), settings.text("x509_client_key")
    if key is None:
        return certificate
    if certificate is None:
        raise settings.error(
            "x509_client_cert", "is missing, though there is a key for it", "Name the certificate's file."
        )
    return certificate, key


def _names_hint(profiles: Mapping[str, object]) -> str:
    names = ", ".join(ascii(name) if unprintable(name) else name for name in sorted(profiles))
    return f"It has: {names}." if names else "It has none at all. " + FILE_HINT


def _configuration_error(message: str, hint: str) -> OmicopyError:
    return OmicopyError(ErrorCode.CONFIGURATION, message, hint)

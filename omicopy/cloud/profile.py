"""From a PROFILE on the command line to the complete credentials of one account, never mixed with another's.

The SDK fills a profile's gaps from `OSC_*` variables and with a default Region (DOMAIN.md §6). Here they are errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from omicopy.errors import ErrorCode, OmicopyError

_API_PATH = "/api/v1"
_DOMAIN = "outscale.com"
_ENV_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REGION = re.compile(r"[A-Za-z0-9._-]+")
_REGION_KEYS = ("region", "region_name")
_ENDPOINT_KEYS = ("endpoints.api", "endpoints.oos", "endpoint")
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


@dataclass(frozen=True, slots=True)
class _Settings:
    """One profile as it was found. `labels` are the names that the user knows its settings by, where they differ."""

    profile: str
    where: str
    values: Mapping[str, object] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)

    def text(self, *keys: str) -> str | None:
        """The first of `keys` that is set, checked: text without control characters, white space around it cut off."""
        for key in keys:
            value = self.values.get(key)
            if value is None or value == "":
                continue
            if not isinstance(value, str):
                raise self.error(key, "is not text")
            if not value.strip().isprintable():
                raise self.error(key, "holds control characters")
            if value.strip():
                return value.strip()
        return None

    def required(self, *keys: str) -> str:
        """As `text`, but a gap is an error that names the first of `keys`. Neither keys nor Regions hold blanks."""
        value = self.text(*keys)
        if value is None:
            raise self.error(keys[0], "is missing")
        if " " in value:
            raise self.error(next(key for key in keys if self.values.get(key)), "holds a blank")
        return value

    def error(self, key: str, what: str) -> OmicopyError:
        label = self.labels.get(key, key)
        return _configuration_error(
            f"{self.where}: {label} {what}.",
            f"Set {label} there. A profile has to be complete: no other profile and no OSC_* variable fills it.",
        )


def resolve_profile(name: str, environ: Mapping[str, str], home: Path) -> Account:
    """The account that `NAME`, `NAME@REGION` or `env:PREFIX` stands for.

    A profile that the file spells with an `@` is found by its whole name. Both dialects of file are read, the SDK's and
    osc-cli's (DOMAIN.md §1). Raises OmicopyError(CONFIGURATION) that says where what is missing, never a value of it.
    """
    settings = _environment_settings(name, environ) if name.startswith("env:") else _file_settings(name, environ, home)
    access_key, secret_key = settings.required("access_key"), settings.required("secret_key")
    region = settings.required(*_REGION_KEYS)
    if not _REGION.fullmatch(region):
        raise settings.error("region", "is no Region's name")
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


def _file_settings(name: str, environ: Mapping[str, str], home: Path) -> _Settings:
    file = Path(environ.get("OSC_CONFIG_FILE") or home / ".osc" / "config.json")
    profiles = _read_profiles(file)
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


def _read_profiles(file: Path) -> dict[str, object]:
    try:
        profiles = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise _configuration_error(f"There is no configuration file {file}.", _FILE_HINT) from None
    except OSError as error:
        raise _configuration_error(f"The file {file} can't be read: {error.strerror}.", _FILE_HINT) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _configuration_error(f"The file {file} is not JSON: {error.msg} ({place}).", _FILE_HINT) from None
    except (ValueError, RecursionError):
        raise _configuration_error(f"The file {file} is not JSON in UTF-8.", _FILE_HINT) from None
    if not isinstance(profiles, dict):
        raise _configuration_error(f"The file {file} holds no JSON object of named profiles.", _FILE_HINT)
    return profiles


def _flattened(settings: _Settings) -> _Settings:
    """The SDK's nested `endpoints` as `endpoints.api` and `endpoints.oos`."""
    endpoints = settings.values.get("endpoints")
    if endpoints is None:
        endpoints = {}
    if not isinstance(endpoints, dict):
        raise settings.error("endpoints", "is no JSON object")
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
            raise settings.error("protocol", "is neither http nor https")
        return protocol.lower()
    https = settings.values.get("https")
    if https is not None and not isinstance(https, bool):
        raise settings.error("https", "is neither true nor false")
    return "http" if https is False else "https"


def _endpoint(settings: _Settings, keys: tuple[str, ...], default: str, protocol: str, path: str) -> str:
    """The URL that one of `keys` gives, or the default one. `keys` ends with what the default is made of."""
    key = next((key for key in keys if settings.text(key)), keys[-1])
    value = default if key == "host" else settings.required(key)
    url = (value if "://" in value else f"{protocol}://{value}").rstrip("/")
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.query or parts.fragment:
        raise settings.error(key, "is no address such as https://host or https://host:port/path")
    return url if parts.path else url + path


def _client_cert(settings: _Settings) -> str | tuple[str, str] | None:
    certificate, key = settings.text("x509_client_cert", "client_certificate"), settings.text("x509_client_key")
    if key is None:
        return certificate
    if certificate is None:
        raise settings.error("x509_client_cert", "is missing, though there is a key for it")
    return certificate, key


_FILE_HINT = (
    "Name the file in OSC_CONFIG_FILE, or use env:OSC to take OSC_ACCESS_KEY, OSC_SECRET_KEY and OSC_REGION from the "
    "environment."
)


def _names_hint(profiles: Mapping[str, object]) -> str:
    names = ", ".join(sorted(profiles))
    return f"It has: {names}." if names else "It has none at all. " + _FILE_HINT


def _configuration_error(message: str, hint: str) -> OmicopyError:
    return OmicopyError(ErrorCode.CONFIGURATION, message, hint)

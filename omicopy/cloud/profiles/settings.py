"""The settings of one profile, from the file or the environment; each is checked when it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omicopy.cloud.profiles.file import FILE_HINT, configuration_error, profiles_file, read_profiles
from omicopy.errors import OmicopyError
from omicopy.model.text import unprintable

_ENV_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REGION_KEYS = ("region", "region_name")
_ENDPOINT_KEYS = ("endpoints.api", "endpoints.oos", "endpoint")
_UNSEEN_HINT = "Copy it again from the console, without blanks and invisible characters."
_ASCII_HINT = "Copy it again: one of its letters is not ASCII, even if it looks like it."
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
class ProfileSettings:
    """One profile as found. `labels` are the names that the user knows its settings by, if different."""

    profile: str
    where: str
    values: Mapping[str, object] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)

    def text(self, *keys: str) -> str | None:
        """The first of `keys` that is set: printable text without surrounding white space."""
        for key in keys:
            value = self.values.get(key)
            if value is None or value == "":
                continue
            if not isinstance(value, str):
                raise self.error(key, "is not text", 'Write it in quotes: "…".')
            problem = unprintable(value.strip())
            if problem:
                raise self.error(key, f"contains {problem}", _UNSEEN_HINT)
            if value.strip():
                return value.strip()
        return None

    def required(self, *keys: str) -> str:
        """Like `text`, but a missing value is an error that names the first of `keys`. Only visible ASCII is
        accepted."""
        value = self.text(*keys)
        if value is None:
            raise self._missing(keys[0])
        key = next(key for key in keys if self.values.get(key))
        if " " in value:
            raise self.error(key, "contains a blank", _UNSEEN_HINT)
        if value[0] in "\"'":  # in the AWS CLI's files, quotes are part of the value
            raise self.error(key, "begins with a quote", "Remove the quotes.")
        if not value.isascii():
            raise self.error(key, "contains a letter that is not ASCII", _ASCII_HINT)
        return value

    def _missing(self, key: str) -> OmicopyError:
        """The error for a missing key. If a key with nearly the same name exists, the hint is to rename it."""
        label = self.labels.get(key, key)
        alike = next((other for other in self.values if other != key and _normalized_key(other) == key), None)
        if alike is not None:
            return self.error(key, f"is missing; there is a key {alike!a}", f"Rename it to {label}.")
        hint = f"Set {label} there. A profile must be complete: no other profile or OSC_* variable is used for it."
        return self.error(key, "is missing", hint)

    def error(self, key: str, what: str, hint: str) -> OmicopyError:
        return configuration_error(f"{self.where}: {self.labels.get(key, key)} {what}.", hint)


def _normalized_key(key: str) -> str:
    """A key's name in lower case, without invisible characters."""
    return "".join(char for char in key if char.isascii() and char.isprintable() and char != " ").lower()


def find_settings(name: str, environ: Mapping[str, str], home: Path | None = None) -> ProfileSettings:
    """The settings of `NAME`, `NAME@REGION` or `env:PREFIX`. Raises CONFIGURATION if there is no such profile."""
    return _environment_settings(name, environ) if name.startswith("env:") else _file_settings(name, environ, home)


def _environment_settings(name: str, environ: Mapping[str, str]) -> ProfileSettings:
    prefix, at, region = name.removeprefix("env:").partition("@")
    if not _ENV_PREFIX.fullmatch(prefix):
        raise configuration_error(
            f'Profile "{name}": "env:" must be followed by a prefix of variable names, without the underscore.',
            "For example env:SRC for SRC_ACCESS_KEY, SRC_SECRET_KEY and SRC_REGION.",
        )
    labels = {key: f"{prefix}_{variable}" for key, variable in _VARIABLES.items()}
    values = {key: environ.get(label) for key, label in labels.items()}
    settings = ProfileSettings(name, f'Profile "{name}" in the environment', values, labels)
    return _in_region(settings, region) if at else settings


def _file_settings(name: str, environ: Mapping[str, str], home: Path | None) -> ProfileSettings:
    file = profiles_file(environ, home)
    profiles = read_profiles(file)
    base, at, region = (name, "", "") if name in profiles else name.rpartition("@")
    base = base if at else name
    if base not in profiles:
        raise configuration_error(f'There is no profile "{base}" in {file}.', _names_hint(profiles))
    values = profiles[base]
    where = f'Profile "{base}" in {file}'
    if not isinstance(values, dict):
        raise configuration_error(f"{where} is not a JSON object.", "It needs access_key, secret_key and region.")
    settings = _flattened(ProfileSettings(name, where, values))
    return _in_region(settings, region) if at else settings


def _flattened(settings: ProfileSettings) -> ProfileSettings:
    """The SDK's nested `endpoints` as `endpoints.api` and `endpoints.oos`."""
    endpoints = settings.values.get("endpoints")
    if endpoints is None:
        endpoints = {}
    if not isinstance(endpoints, dict):
        hint = 'Write {"api": "https://…", "oos": "https://…"}.'
        raise settings.error("endpoints", "is not a JSON object", hint)
    nested = {f"endpoints.{service}": url for service, url in endpoints.items()}
    return replace(settings, values={**settings.values, **nested})


def _in_region(settings: ProfileSettings, region: str) -> ProfileSettings:
    """The same keys in another Region. Endpoints are dropped, because they belong to the original Region."""
    if not region:
        raise configuration_error(
            f'Profile "{settings.profile}": there is no Region after the "@".', "For example prod@us-east-2."
        )
    kept = {key: value for key, value in settings.values.items() if key not in (*REGION_KEYS, *_ENDPOINT_KEYS)}
    return replace(settings, values={**kept, "region": region})


def _names_hint(profiles: Mapping[str, object]) -> str:
    names = ", ".join(ascii(name) if unprintable(name) else name for name in sorted(profiles))
    return f"Its profiles: {names}." if names else "It has no profiles. " + FILE_HINT

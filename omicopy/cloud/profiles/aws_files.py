"""Profiles of the AWS CLI's files, which often contain an account's key for object storage (DOMAIN.md §1).

botocore parses the files. Its other sources of credentials (SSO, a process, instance metadata) are not used: they don't
return keys of OUTSCALE accounts.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.configloader import build_profile_map, raw_config_parse
from botocore.exceptions import ConfigNotFound, ConfigParseError

from omicopy.cloud.profiles.file import configuration_error, decoded, read_bounded
from omicopy.cloud.profiles.home import home_folder
from omicopy.cloud.profiles.settings import ProfileSettings
from omicopy.errors import OmicopyError
from omicopy.model.text import unprintable

_CONFIG, _CREDENTIALS = "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"
_KEYS = {"access_key": "aws_access_key_id", "secret_key": "aws_secret_access_key"}
_TOKENS = ("aws_session_token", "aws_security_token")
_OTHER_SOURCES = ("role_arn", "credential_process", "sso_session", "sso_start_url", "web_identity_token_file")
_LABELS = {**_KEYS, "endpoints.oos": "endpoint_url"}
Section = Mapping[str, Any]
"""Values are texts, or mappings where the file nests them."""


def aws_settings(name: str, environ: Mapping[str, str], home: Path | None = None) -> ProfileSettings:
    """A profile's access key, secret key, Region and endpoint, as far as they are set.

    Both keys come from the same file: the credentials file if it has any. Raises CONFIGURATION for unreadable files, a
    missing profile, a key with a session token, and a key from another source.
    """
    config_file = _file(_CONFIG, "config", environ, home)
    credentials_file = _file(_CREDENTIALS, "credentials", environ, home)
    config, credentials = build_profile_map(_read(config_file, _CONFIG)), _read(credentials_file, _CREDENTIALS)
    profiles: Mapping[str, Section] = config["profiles"]
    if name not in profiles and name not in credentials:
        message = f"There is no AWS profile {name!r} in {config_file} or {credentials_file}."
        raise configuration_error(message, _names_hint({**profiles, **credentials}))
    of_config, of_credentials = profiles.get(name, {}), credentials.get(name, {})
    has_keys = any(key in of_credentials for key in (*_KEYS.values(), *_TOKENS)) or not of_config
    file, keys = (credentials_file, of_credentials) if has_keys else (config_file, of_config)
    where = f"AWS profile {name!r} in {file}"
    values = {**of_config, **of_credentials}
    _require_plain_key(where, keys, values)
    endpoint = _endpoint(values, config["services"], where)
    found = {short: keys.get(long) for short, long in _KEYS.items()}
    return ProfileSettings(
        f"aws:{name}", where, {**found, "region": values.get("region"), "endpoints.oos": endpoint}, _LABELS
    )


def _require_plain_key(where: str, keys: Section, values: Section) -> None:
    token = next((name for name in _TOKENS if keys.get(name)), None)
    if token:
        message = f"{where} has a session token ({token}), which OUTSCALE's object storage doesn't support."
        raise configuration_error(message, "Name a profile with an access key of the account itself.")
    way = next((name for name in _OTHER_SOURCES if values.get(name)), None)
    if way and not any(keys.get(name) for name in _KEYS.values()):
        message = f"{where} has no aws_access_key_id: its keys come from {way}, which OUTSCALE doesn't support."
        raise configuration_error(message, "Name a profile with an access key of the account itself.")


def _names_hint(profiles: Mapping[str, Section]) -> str:
    names = ", ".join(ascii(name) if unprintable(name) else name for name in sorted(profiles))
    return f"Profiles: {names}." if names else f"Name the files in {_CONFIG} and {_CREDENTIALS}."


def _endpoint(values: Section, services: Mapping[str, Section], where: str) -> object:
    """The endpoint. The `services` section comes first, as with the AWS CLI."""
    named = values.get("services")
    if not named:
        return values.get("endpoint_url")
    if isinstance(named, Mapping):
        raise configuration_error(f"{where}: services is not text.", "Write the NAME of a section [services NAME].")
    if named not in services:
        raise configuration_error(f"{where}: there is no section [services {named}].", "Add it, or remove the key.")
    of_s3 = services[named].get("s3")
    own = of_s3.get("endpoint_url") if isinstance(of_s3, Mapping) else None
    return own or values.get("endpoint_url")


def _file(variable: str, name: str, environ: Mapping[str, str], home: Path | None) -> Path:
    named = environ.get(variable)
    if named:
        return Path(os.path.expanduser(os.path.expandvars(named)))  # noqa: PTH111 - Path's raises where there is no home
    return (home or home_folder(f"{_CONFIG} and {_CREDENTIALS}")) / ".aws" / name


def _read(file: Path, variable: str) -> dict[str, Any]:
    """The file's sections by name; none if there is no file. Raises CONFIGURATION, without a line of the file."""
    if file.is_fifo():  # for example a shell's <(…); opening one without a writer blocks forever
        message = f"The file {file} is a pipe, but it has to be read twice."
        raise configuration_error(message, f"Name a file in {variable}.")
    try:
        decoded(read_bounded(file, variable), file)
        return raw_config_parse(str(file))
    except (FileNotFoundError, ConfigNotFound):
        return {}
    except ConfigParseError as error:
        raise _syntax_error(file, error.kwargs.get("error")) from None


def _syntax_error(file: Path, error: object) -> OmicopyError:
    """The error for a malformed file.

    Python's own message quotes the line, which may contain a key.
    """
    line = getattr(error, "lineno", None)
    for number, _ in getattr(error, "errors", [])[:1]:
        line = number
    what = "contains a section or a key twice" if isinstance(error, _TWICE) else "is not in the AWS CLI's format"
    place = f" (line {line})" if line else ""
    return configuration_error(f"The file {file} {what}{place}.", "Correct it. To check, run: aws configure list.")


_TWICE = (configparser.DuplicateSectionError, configparser.DuplicateOptionError)

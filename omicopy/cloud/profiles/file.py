"""The JSON file of named profiles, in the format of OUTSCALE's SDK or of osc-cli.

Anything that two readers could understand differently is refused, so that two accounts never get mixed.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omicopy.cloud.profiles.home import home_folder
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.text import unprintable

MAX_FILE_BYTES = 1024 * 1024
FILE_HINT = (
    "Name the file in OSC_CONFIG_FILE, or use env:OSC to take OSC_ACCESS_KEY, OSC_SECRET_KEY and OSC_REGION from the "
    "environment."
)
_UTF8_HINT = "Save it as UTF-8 in your editor."


def profiles_file(environ: Mapping[str, str], home: Path | None = None) -> Path:
    """The path of the profiles file. Raises CONFIGURATION if it needs a home folder and there is none.

    `home` None asks the system when needed.
    """
    named = environ.get("OSC_CONFIG_FILE")
    if named:
        return Path(named)
    return (home or home_folder("OSC_CONFIG_FILE, or use env:PREFIX for a profile")) / ".osc" / "config.json"


def mode_for_others(file: Path) -> int | None:
    """The file's mode if other users may read or change it; None if not, or if unknown."""
    if os.name != "posix":
        return None
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None
    return mode if mode & 0o077 else None


def read_profiles(file: Path) -> dict[str, Any]:
    """The profiles by name. Raises CONFIGURATION, without a value of the file."""
    text = decoded(_read(file), file)
    try:
        profiles = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        char = unprintable(text[error.pos : error.pos + 1])
        place = f"line {error.lineno}, column {error.colno}" + (f", where there is {char}" if char else "")
        hint = f"Correct it. To check, run: python3 -m json.tool {file}."
        raise configuration_error(f"The file {file} is not JSON: {error.msg} ({place}).", hint) from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of levels
        hint = "It must be one JSON object of named profiles, each with access_key, secret_key and region."
        raise configuration_error(f"The file {file} is not readable JSON.", hint) from None
    if not isinstance(profiles, dict):
        hint = 'Write {"NAME": {"access_key": "…", "secret_key": "…", "region": "…"}}.'
        raise configuration_error(f"The file {file} is not a JSON object of named profiles.", hint)
    for path in _duplicate_keys(profiles):
        what = f'the profile "{path[0]}"' if len(path) == 1 else f'{".".join(path[1:])} of the profile "{path[0]}"'
        raise configuration_error(f"The file {file} contains {what} twice.", "Remove one of them.")
    return profiles


class _Object(dict[str, Any]):
    """A JSON object that remembers its duplicate keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        self.twice: list[str] = []
        for key, value in pairs:
            if key in self:
                self.twice.append(key)
            self[key] = value


def _duplicate_keys(profiles: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths of all duplicate keys."""
    left: list[tuple[tuple[str, ...], Any]] = [((), profiles)]
    while left:
        path, value = left.pop()
        if isinstance(value, _Object):
            yield from ((*path, key) for key in value.twice)
            left += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            left += [(path, inner) for inner in value]


def _read(file: Path) -> bytes:
    try:
        content = read_bounded(file, "OSC_CONFIG_FILE")
    except FileNotFoundError:
        raise configuration_error(f"There is no configuration file {file}.", FILE_HINT) from None
    if not content.strip():
        raise configuration_error(f"The file {file} is empty.", FILE_HINT)
    return content


def read_bounded(file: Path, variable: str) -> bytes:
    """The content of a profiles file that `variable` may name.

    Raises FileNotFoundError, and CONFIGURATION if it can't be read or is far too large.
    """
    hint = f"Name another file in {variable}."
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise configuration_error(
            f"{file} is a folder, not a configuration file.", "Name the file in that folder."
        ) from None
    except PermissionError:
        more = f"Make it readable for this user (chmod, chown), or name another file in {variable}."
        raise configuration_error(f"The file {file} can't be read: permission denied.", more) from None
    except (OSError, ValueError) as error:  # a null character in the name raises ValueError
        why = error.strerror if isinstance(error, OSError) else "its name is invalid"
        raise configuration_error(f"The file {file} can't be read: {why}.", hint) from None
    if len(content) > MAX_FILE_BYTES:
        raise configuration_error(
            f"The file {file} is larger than {MAX_FILE_BYTES} bytes: it isn't a profiles file.", hint
        )
    return content


def decoded(content: bytes, file: Path) -> str:
    """A file's text. Raises CONFIGURATION if it isn't UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        raise configuration_error(f"The file {file} is in UTF-16, not in UTF-8.", _UTF8_HINT)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise configuration_error(f"The file {file} is not in UTF-8 (line {line}).", _UTF8_HINT) from None


def configuration_error(message: str, hint: str) -> OmicopyError:
    return OmicopyError(ErrorCode.CONFIGURATION, message, hint)

"""The settings of a copy: tags, and accounts to share it with. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.text import check_text

OWN_PREFIX = "omicopy:"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_LONGEST = 255
"""Longest key or value of a tag, in characters."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Settings for a copy once it is available, besides omicopy's own tags."""

    tags: Mapping[str, str] = field(default_factory=dict)
    copy_tags: bool = True
    """True to copy the source's tags, except keys that the copy already has."""
    share_with: tuple[str, ...] = ()
    """Accounts that get the permission to launch the copy."""


def check_account_id(text: str) -> str:
    """Returns the ID if it has twelve digits; raises USAGE."""
    if _ACCOUNT_ID.fullmatch(text):
        return text
    raise OmicopyError(ErrorCode.USAGE, f"{text!a} is not an account ID", "An account ID has 12 digits.")


def parse_tag(text: str) -> tuple[str, str]:
    """Key and value of `KEY=VALUE`. Raises USAGE."""
    key, equals, value = text.partition("=")
    if not equals:
        raise OmicopyError(ErrorCode.USAGE, f"{text!a} is not a tag", "Write KEY=VALUE.")
    return check_tag(key, value)


def check_tag(key: str, value: str) -> tuple[str, str]:
    """Returns key and value if the user may set such a tag; raises USAGE."""
    hint = "Write a tag as KEY=VALUE, for example team=platform."
    if key.startswith(OWN_PREFIX):
        raise OmicopyError(ErrorCode.USAGE, f"Tags that begin with {OWN_PREFIX!r} are reserved for omicopy", hint)
    if not key or len(key) > _LONGEST or len(value) > _LONGEST:
        message = f"Invalid tag {key!a}: a key has 1 to {_LONGEST} characters, a value at most {_LONGEST}"
        raise OmicopyError(ErrorCode.USAGE, message, hint)
    with named(f"the tag {key!a}"):
        check_text(key + value)
    return key, value

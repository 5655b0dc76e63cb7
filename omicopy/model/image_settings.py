"""What a user sets on a copy: tags, and accounts that it is shared with. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from omicopy.errors import ErrorCode, OmicopyError, named
from omicopy.model.text import check_text

OWN_PREFIX = "omicopy:"
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_LONGEST = 255
"""Characters of a tag's key or value."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What a copy gets once it is available, beside the tags that tell where it came from."""

    tags: Mapping[str, str] = field(default_factory=dict)
    copy_tags: bool = True
    """Whether the source's own tags go along, where the copy has none of the same key."""
    share_with: tuple[str, ...] = ()
    """Accounts that may launch it."""


def check_account_id(text: str) -> str:
    """The ID itself when it has twelve digits; raises USAGE."""
    if _ACCOUNT_ID.fullmatch(text):
        return text
    raise OmicopyError(ErrorCode.USAGE, f"{text!a} is no account ID", "An account ID has 12 digits.")


def parse_tag(text: str) -> tuple[str, str]:
    """Key and value of `KEY=VALUE`. Raises USAGE."""
    key, equals, value = text.partition("=")
    if not equals:
        raise OmicopyError(ErrorCode.USAGE, f"{text!a} is no tag", "Write KEY=VALUE.")
    return check_tag(key, value)


def check_tag(key: str, value: str) -> tuple[str, str]:
    """Key and value themselves when they can be a tag of the user's; raises USAGE."""
    hint = "A tag is KEY=VALUE, team=platform for example."
    if key.startswith(OWN_PREFIX):
        raise OmicopyError(ErrorCode.USAGE, f"Tags that begin with {OWN_PREFIX!r} are this tool's own", hint)
    if not key or len(key) > _LONGEST or len(value) > _LONGEST:
        message = f"{key!a} with its value is no tag: a key has 1 to {_LONGEST} characters, a value at most as many"
        raise OmicopyError(ErrorCode.USAGE, message, hint)
    with named(f"the tag {key!a}"):
        check_text(key + value)
    return key, value

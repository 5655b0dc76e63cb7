"""What a user says that a copy gets once it is there: tags and accounts it is shared with, checked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.provenance import OWN_PREFIX
from omicopy.model.request import Aftercare

_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_LONGEST = 255
"""Characters of a tag's key or value."""


def parse_aftercare(tags: Sequence[str], copy_tags: bool, share_with: Sequence[str]) -> Aftercare:
    """From `KEY=VALUE` texts and account IDs as they were typed. Raises USAGE."""
    pairs = dict(_pair(text) for text in tags)
    return Aftercare(pairs, copy_tags, tuple(dict.fromkeys(check_account_id(text) for text in share_with)))


def check_account_id(text: str) -> str:
    """The ID itself when it has twelve digits; raises USAGE."""
    if _ACCOUNT_ID.fullmatch(text):
        return text
    raise OmicopyError(ErrorCode.USAGE, f"{text!r} is no account ID", "An account ID has 12 digits.")


def check_tag(key: str, value: str) -> tuple[str, str]:
    """Key and value themselves when they can be a tag of the user's; raises USAGE."""
    if key.startswith(OWN_PREFIX):
        said = f"Tags that begin with {OWN_PREFIX!r} are this tool's own"
    elif not key or len(key) > _LONGEST or len(value) > _LONGEST:
        said = f"{key!r} with its value is no tag: a key has 1 to {_LONGEST} characters, a value at most as many"
    elif not (key + value).isprintable():
        said = f"The tag {key!r} holds control characters"
    else:
        return key, value
    raise OmicopyError(ErrorCode.USAGE, said, "Write --tag team=platform, for example.")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise OmicopyError(ErrorCode.USAGE, f"{text!r} is no tag", "Write --tag KEY=VALUE.")
    return check_tag(key, value)

"""What a user sets on a copy: tags, and accounts that it is shared with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omicopy.model.tags import check_account_id, parse_tag


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What a copy gets once it is available, beside the tags that tell where it came from."""

    tags: Mapping[str, str] = field(default_factory=dict)
    copy_tags: bool = True
    """Whether the source's own tags go along, where the copy has none of the same key."""
    share_with: tuple[str, ...] = ()
    """Accounts that may launch it."""


def parse_image_settings(tags: Sequence[str], copy_tags: bool, share_with: Sequence[str]) -> ImageSettings:
    """From `KEY=VALUE` texts and account IDs as they were typed. Raises USAGE."""
    pairs = dict(parse_tag(text) for text in tags)
    return ImageSettings(pairs, copy_tags, tuple(dict.fromkeys(check_account_id(text) for text in share_with)))

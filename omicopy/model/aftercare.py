"""What a user says that a copy gets once it is there: tags and accounts it is shared with, checked."""

from __future__ import annotations

from collections.abc import Sequence

from omicopy.model.request import Aftercare
from omicopy.model.tags import check_account_id, parse_tag


def parse_aftercare(tags: Sequence[str], copy_tags: bool, share_with: Sequence[str]) -> Aftercare:
    """From `KEY=VALUE` texts and account IDs as they were typed. Raises USAGE."""
    pairs = dict(parse_tag(text) for text in tags)
    return Aftercare(pairs, copy_tags, tuple(dict.fromkeys(check_account_id(text) for text in share_with)))

"""What `prune` refuses before anything is asked."""

from __future__ import annotations

import pytest

from omicopy import api
from omicopy.errors import ErrorCode, OmicopyError


@pytest.mark.parametrize("keep_last", [0, -1])
def test_prune_keeps_at_least_one(keep_last: int) -> None:
    """Like the command line and a plan: less than one is a mistake, not a wish to keep as little as possible."""
    with pytest.raises(OmicopyError, match="keep_last") as caught:
        api.prune(source="s", targets=["t"], keep_last=keep_last)
    assert caught.value.code is ErrorCode.USAGE

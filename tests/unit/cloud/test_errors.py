"""The service's clock, read from its answers."""

from __future__ import annotations

import pytest

from omicopy.cloud.errors import parse_clock_ahead


@pytest.mark.parametrize("date", ["", "now", "Wed, 21 Oct 2015 07:28:00 -0000"])
def test_an_invalid_date_gives_no_clock_difference(date: str) -> None:
    assert parse_clock_ahead({"Date": date}) is None

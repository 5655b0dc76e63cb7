"""Retry-After over real HTTP."""

from __future__ import annotations

import pytest

from omicopy.cloud.api import Api
from tests.support.fake_clock import Time
from tests.support.hostile import Reply, hostile, transport


@pytest.mark.parametrize("retry_after", ["99999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_retry_after_of_years_waits_one_minute(status: int, retry_after: str) -> None:
    """A healthy service that said so once, by mistake, would else not be asked for the rest of the run."""
    time = Time()
    throttled = Reply(status, body=b"{}", headers={"Retry-After": retry_after})
    with hostile(throttled, Reply(body=b'{"Images": []}')) as server:
        api = Api(server.account, transport(), time.pace())
        assert api.read("ReadImages", 300.0, {}) == {"Images": []}
    assert sum(time.slept) == pytest.approx(60.0)
    assert len(server.requests) == 2

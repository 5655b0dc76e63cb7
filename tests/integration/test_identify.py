"""Which account a key belongs to, over real HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omicopy.cloud.clients import Clients
from omicopy.cloud.queries import identify
from omicopy.errors import ErrorCode, OmicopyError
from tests.support.hostile import Reply, hostile

NO_ACCOUNT = [
    "{}",
    '{"Accounts": []}',
    '{"Accounts": null}',
    '{"Accounts": [null]}',
    '{"Accounts": [{}]}',
    '{"Accounts": [{"AccountId": 100000000001}]}',
]


@pytest.mark.parametrize("body", NO_ACCOUNT)
def test_an_answer_without_an_account_is_read_again(body: str) -> None:
    """After a second one, nothing else is sent."""
    bad = Reply(body=body.encode())
    with hostile(bad) as server, pytest.raises(OmicopyError) as caught:
        identify(Clients({"source": server.account}, retry=timedelta(0)).session("source"))
    assert caught.value.code is ErrorCode.TEMPORARY
    with hostile(bad, bad, Reply(body=b'{"Accounts": [{"AccountId": "100000000001"}]}')) as server:
        assert identify(Clients({"source": server.account}).session("source")).account_id == "100000000001"

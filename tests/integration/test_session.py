"""What acts for one account: made once, identified once, and plain about a key that opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omicopy.cloud.clients import Clients
from omicopy.cloud.session import AccountSession
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object
from tests.support.builders import SOURCE
from tests.support.hostile import Hostile, Reply, hostile
from tests.support.virtual_cloud import Cloud, FakeClients

PLACE = S3Object("omi-exports", "a b/manifest.json")


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as server:
        yield server


def session_of(server: Hostile, **changed: Any) -> AccountSession:
    account = replace(server.account, **changed)
    return Clients({account.profile: account}, retry=timedelta(0)).session(account.profile)


def test_an_account_is_asked_once_who_it_is() -> None:
    cloud = Cloud()
    session = FakeClients(cloud).session("source")
    assert (session.ref, session.ref) == (SOURCE, SOURCE)
    assert len(cloud.sent("ReadAccounts")) == 1


def test_a_profile_has_one_session_and_one_client_each(server: Hostile) -> None:
    session = session_of(server)
    assert session.clients.session(session.profile) is session
    assert (session.api, session.storage) == (session.api, session.storage)


def test_a_signed_url_names_its_object(server: Hostile) -> None:
    url = session_of(server).presign(PLACE, timedelta(hours=1))
    assert (url.bucket, url.key, url.life_seconds) == (PLACE.bucket, PLACE.key, 3600)


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (Reply(404), ErrorCode.NOT_FOUND, "There is no object s3://omi-exports/a b/manifest.json"),
        (
            Reply(403),
            ErrorCode.DENIED,
            "The store refuses a URL of s3://omi-exports/a b/",
        ),
    ],
)
def test_what_an_own_object_is_refused_for(server: Hostile, reply: Reply, code: ErrorCode, message: str) -> None:
    server.replies = [reply]
    with pytest.raises(OmicopyError) as caught:
        session_of(server).read_object(PLACE)
    assert caught.value.code is code
    assert caught.value.message.startswith(message)


def test_without_a_key_nothing_is_made_and_the_reason_is_known(server: Hostile) -> None:
    session = session_of(server, storage_key=None)
    session.prepare_storage()
    refusal = session.storage_refusal
    assert refusal is not None
    assert refusal.code is ErrorCode.DENIED
    assert server.requests == []

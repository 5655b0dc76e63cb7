"""Reading and probing a URL over real HTTP, against stores that answer unexpectedly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from omicopy.cloud.errors import ServiceError
from omicopy.cloud.presign import presign
from omicopy.cloud.url_reader import MANIFEST_LIMIT, ObjectState, UrlReader
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl
from tests.support.hostile import HTML, PAGE, Hostile, NoPause, Reply, hostile, transport
from tests.support.storing import ready


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile(Reply()) as running:
        yield running


def url(server: Hostile) -> PresignedUrl:
    return presign(server.account, S3Object("omi-exports", "a b/manifest.json"), timedelta(hours=1))


def fetcher(patience: float = 0.0) -> UrlReader:
    return UrlReader(transport(), NoPause(), patience)


@pytest.mark.parametrize(
    ("status", "life"),
    [
        *((status, ObjectState.ALIVE) for status in (200, 206, 416)),
        *((status, ObjectState.REFUSED) for status in (400, 401, 403)),
        (404, ObjectState.MISSING),
    ],
)
def test_r9_a_probe_reads_one_byte_and_gives_the_answer(server: Hostile, status: int, life: ObjectState) -> None:
    assert fetcher().probe(url(ready(server, Reply(status)))).life is life
    [(method, path, headers, _)] = server.requests
    assert (method, headers["Range"]) == ("GET", "bytes=0-0")
    assert path.startswith("/omi-exports/a%20b/manifest.json?")


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_r6_a_failing_store_proves_nothing_about_a_url(server: Hostile, status: int) -> None:
    with pytest.raises(ServiceError) as caught:
        fetcher().probe(url(ready(server, Reply(status, HTML, PAGE))))
    assert caught.value.code is ErrorCode.TEMPORARY


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(403), ErrorCode.EXPIRED),
        (Reply(404), ErrorCode.NOT_FOUND),
        (Reply(302, headers={"Location": "/elsewhere"}), ErrorCode.FAILED),
        (Reply(503, HTML, PAGE), ErrorCode.TEMPORARY),
        (Reply(body=b"half", missing=4), ErrorCode.TEMPORARY),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else value.name.lower(),
)
def test_a_manifest_unreadable_through_its_url_gives_the_reason(server: Hostile, reply: Reply, code: ErrorCode) -> None:
    with pytest.raises(ServiceError) as caught:
        fetcher().read(url(ready(server, reply)))
    assert caught.value.code is code
    assert len(server.requests) == 1
    assert "Signature" not in caught.value.message


def test_a_fetch_carries_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Hostile) -> None:
    (tmp_path / ".netrc").write_text("default login stray password STRAY\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert fetcher().read(url(ready(server, Reply(body=b"{}")))) == b"{}"
    assert "Authorization" not in server.requests[0][2]


def test_only_the_start_of_a_huge_answer_is_read(server: Hostile) -> None:
    assert len(fetcher().read(url(ready(server, Reply(body=b"x" * (3 * MANIFEST_LIMIT)))))) == MANIFEST_LIMIT + 1


def test_a_probe_is_bounded_if_the_store_ignores_the_range(server: Hostile) -> None:
    """It reads no too many for a manifest."""
    assert fetcher().probe(url(ready(server, Reply(body=b"x" * (3 * MANIFEST_LIMIT))))).life is ObjectState.ALIVE


def test_a_fetch_is_retried_until_it_succeeds(server: Hostile) -> None:
    ready(server, Reply(500), Reply(body=b"half", missing=4), Reply(body=b"whole"))
    assert fetcher(patience=30.0).read(url(server)) == b"whole"


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "1e3"])
def test_a_length_that_is_no_number_is_ignored(server: Hostile, length: str) -> None:
    probe = fetcher().probe(url(ready(server, Reply(206, headers={"Content-Range": f"bytes 0-0/{length}"}, body=b"x"))))
    assert (probe.life, probe.size_bytes) == (ObjectState.ALIVE, None)


def test_an_object_without_a_byte_is_an_empty_one(server: Hostile) -> None:
    assert fetcher().probe(url(ready(server, Reply(416)))).size_bytes == 0


def test_a_part_that_a_proxy_returns_as_200_is_no_object(server: Hostile) -> None:
    ready(server, Reply(200, headers={"Content-Range": "bytes 0-0/974"}, body=b"x"))
    assert fetcher().probe(url(server)).size_bytes == 974

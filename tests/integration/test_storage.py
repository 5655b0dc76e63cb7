"""The bucket's client and the fetcher over real HTTP, against stores that answer what no real one would."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from omicopy.cloud import pages
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.object_storage import Storage
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object
from tests.support.hostile import (
    HTML,
    JSON,
    PAGE,
    XML,
    Hostile,
    NoPause,
    Reply,
    account,
    hostile,
    served,
    transport,
)
from tests.support.storing import VARIABLES, ready

REDIRECT = b"<Error><Code>PermanentRedirect</Code><Endpoint>elsewhere.example</Endpoint></Error>"
WRONG_REGION = b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-east-2</Region></Error>"


def listing(*keys: str, token: str | None = None, truncated: bool | None = None, size: str = "<Size>7</Size>") -> Reply:
    contents = "".join(f"<Contents><Key>{key}</Key>{size}</Contents>" for key in keys)
    more = "" if token is None else f"<NextContinuationToken>{token}</NextContinuationToken>"
    whole = str(token is not None if truncated is None else truncated).lower()
    return Reply(
        kind=XML,
        body=f"<?xml version='1.0'?><ListBucketResult><Name>omi-exports</Name><IsTruncated>{whole}</IsTruncated>"
        f"{more}{contents}</ListBucketResult>".encode(),
    )


def refusal(status: int, code: str) -> Reply:
    return Reply(status, XML, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>why</Message></Error>".encode())


@functools.cache
def storage(server: Hostile, patience: float = 0.0) -> Storage:
    return Storage(server.account, transport(), NoPause(), patience)


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile(Reply()) as running:
        yield running


NO_LISTING = [
    # what comes back with 200 in the place of a list; none of it says that the bucket is empty
    pytest.param(Reply(kind=HTML, body=PAGE), id="html of a proxy"),
    pytest.param(Reply(kind=XML, body=b""), id="nothing"),
    pytest.param(Reply(kind=XML, body=b"<?xml version='1.0'?><html/>"), id="html that is XML"),
    pytest.param(Reply(kind=JSON, body=b"[]"), id="a JSON list"),
    pytest.param(Reply(kind=JSON, body=b"{}"), id="a JSON object"),
    pytest.param(Reply(kind=XML, body=listing("a").body[:-40]), id="XML cut in the middle"),
    pytest.param(Reply(kind=XML, body=listing("a").body[:-40], missing=40), id="half a body"),
    pytest.param(listing("a", size=""), id="an object without a size"),
    pytest.param(listing("a", "", "b"), id="an object with an empty key"),
    pytest.param(Reply(kind=XML, body=listing("a").body.replace(b"<Key>a</Key>", b"")), id="an object without a key"),
    pytest.param(listing("a", size="<Size>many</Size>"), id="a size that is no number"),
    pytest.param(listing("a", truncated=True), id="more to come, and no way to ask for it"),
    pytest.param(Reply(kind=XML, body=refusal(200, "InternalError").body), id="an error with 200"),
]
READS: list[Callable[[Storage], object]] = [
    lambda s: s.sizes("omi-exports", "x/"),
    lambda s: s.read(S3Object("omi-exports", "x")),
]
ALL: list[Callable[[Storage], object]] = [*READS, lambda s: s.put(S3Object("omi-exports", "x"), b"{}")]
NAMES = ["list", "read", "put"]


@pytest.mark.parametrize("reply", NO_LISTING)
def test_an_unreadable_listing_is_never_an_empty_bucket(server: Hostile, reply: Reply) -> None:
    with pytest.raises(ServiceError) as caught:
        storage(ready(server, reply)).sizes("omi-exports", "x/")
    assert caught.value.code is ErrorCode.TEMPORARY


def test_every_page_is_read(server: Hostile) -> None:
    ready(server, listing("x/1", token="a"), listing(token="b"), listing("x/2"))
    assert storage(server).sizes("omi-exports", "x/") == {"x/1": 7, "x/2": 7}
    asked = [parse_qs(urlsplit(path).query).get("continuation-token") for _, path, _, _ in server.requests]
    assert asked == [None, ["a"], ["b"]]


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([listing("x/1", token="a"), listing("x/2", token="b"), listing("x/1", token="a")], id="circle"),
        pytest.param([listing("x/1", token="a")], id="a page that names itself as the next"),
        pytest.param([listing("x/1", token="a"), Reply(500)], id="a page that can't be read"),
        pytest.param([listing("x/1", token="a"), Reply(kind=HTML, body=PAGE)], id="a page that is another page"),
    ],
)
def test_a_missing_page_is_a_failure_never_a_shorter_list(server: Hostile, replies: list[Reply]) -> None:
    with pytest.raises(ServiceError) as caught:
        storage(ready(server, *replies)).sizes("omi-exports", "x/")
    assert caught.value.code is ErrorCode.TEMPORARY


class _Endless(Hostile):
    """Gives a page with a new token to every request."""

    def __init__(self, *keys: str) -> None:
        super().__init__(Reply())
        self.keys = keys

    def next_reply(self) -> Reply:
        return listing(*self.keys, token=f"token-{len(self.requests)}")


@pytest.mark.parametrize("keys", [(), ("x/1",)])
def test_r12_pages_with_endless_tokens_are_bounded(monkeypatch: pytest.MonkeyPatch, keys: Sequence[str]) -> None:
    monkeypatch.setattr(pages, "MAX_PAGES", 7)
    monkeypatch.setattr(pages, "MAX_EMPTY_PAGES", 3)
    with served(_Endless(*keys)) as endless, pytest.raises(ServiceError) as caught:
        storage(endless).sizes("omi-exports", "x/")
    assert caught.value.cause is Cause.UNREADABLE
    assert "there is still a next one" in caught.value.message
    assert len(endless.requests) == (7 if keys else 4)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(301, XML, REDIRECT, {"Location": "/elsewhere"}), id="301 with a place"),
        pytest.param(Reply(301, XML, REDIRECT), id="301 with an endpoint"),
        pytest.param(Reply(302, HTML, PAGE, {"Location": "/elsewhere"}), id="302"),
        pytest.param(Reply(307, XML, b"", {"Location": "/elsewhere", "x-amz-bucket-region": "us-east-2"}), id="307"),
        pytest.param(Reply(400, XML, WRONG_REGION), id="another Region is the right one"),
    ],
)
@pytest.mark.parametrize("call", ALL, ids=NAMES)
def test_r1_no_redirect_is_followed(server: Hostile, call: Callable[[Storage], object], reply: Reply) -> None:
    with pytest.raises(ServiceError) as caught:
        call(storage(ready(server, reply), patience=5.0))
    assert caught.value.cause is Cause.REFUSED
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "cause", "code"),
    [
        (Reply(502, HTML, PAGE), Cause.SERVER, ErrorCode.TEMPORARY),
        (Reply(500), Cause.SERVER, ErrorCode.TEMPORARY),
        (refusal(503, "ServiceUnavailable"), Cause.SERVER, ErrorCode.TEMPORARY),
        (refusal(503, "SlowDown"), Cause.THROTTLED, ErrorCode.TEMPORARY),
        (Reply(429), Cause.THROTTLED, ErrorCode.TEMPORARY),
        (refusal(403, "AccessDenied"), Cause.REFUSED, ErrorCode.DENIED),
        (Reply(403, HTML, PAGE), Cause.REFUSED, ErrorCode.DENIED),
        (refusal(404, "NoSuchBucket"), Cause.REFUSED, ErrorCode.NOT_FOUND),
        (Reply(404), Cause.REFUSED, ErrorCode.NOT_FOUND),
        (refusal(400, "InvalidRequest"), Cause.REFUSED, ErrorCode.FAILED),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else value.name.lower(),
)
@pytest.mark.parametrize("call", ALL, ids=NAMES)
def test_every_answer_has_a_cause(
    server: Hostile, call: Callable[[Storage], object], reply: Reply, cause: Cause, code: ErrorCode
) -> None:
    with pytest.raises(ServiceError) as caught:
        call(storage(ready(server, reply)))
    assert (caught.value.cause, caught.value.code) == (cause, code)
    assert len(server.requests) == 1
    assert "s3://omi-exports of source (eu-west-2)" in caught.value.message


def test_a_missing_bucket_is_reported_with_a_hint(server: Hostile) -> None:
    with pytest.raises(ServiceError) as caught:
        storage(ready(server, refusal(404, "NoSuchBucket"))).sizes("omi-exports", "x/")
    assert "create it" in caught.value.hint


def test_a_truncated_object_is_an_error(server: Hostile) -> None:
    with pytest.raises(ServiceError) as caught:
        storage(ready(server, Reply(body=b"half", missing=4))).read(S3Object("omi-exports", "x"))
    assert caught.value.cause is Cause.RESET


def test_a_read_is_retried_and_a_put_is_not(server: Hostile) -> None:
    ready(server, Reply(500), Reply(body=b"half", missing=4), Reply(body=b"whole"))
    assert storage(server, patience=30.0).read(S3Object("omi-exports", "x")) == b"whole"
    ready(server, Reply(500), Reply())
    with pytest.raises(ServiceError):
        storage(server, patience=30.0).put(S3Object("omi-exports", "x"), b"{}")
    assert len(server.requests) == 1


def test_nothing_was_sent_to_a_store_that_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        silent = account(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(ServiceError) as caught:
            Storage(silent, transport(), NoPause(), 0.0).put(S3Object("omi-exports", "x"), b"{}")
    assert caught.value.cause is Cause.UNREACHABLE


def test_no_checksum_is_sent(server: Hostile) -> None:
    """The store would refuse it."""
    storage(ready(server, Reply())).put(S3Object("omi-exports", "x"), b"{}")
    [(_, _, headers, body)] = server.requests
    assert not [name for name in headers if "checksum" in name.lower() or "trailer" in name.lower()]
    assert body == b"{}"


@pytest.mark.parametrize("value", ["nonexistent", "true", "/nonexistent"])
def test_no_aws_variable_and_no_file_has_any_influence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Hostile, value: str
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = stray\ns3 =\n  addressing_style = virtual\n[broken")
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = STRAY\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in VARIABLES:
        monkeypatch.setenv(name, value)
    assert Storage(ready(server, listing("x/1")).account, transport(), NoPause(), 0.0).sizes("omi-exports", "x/") == {
        "x/1": 7
    }
    [(_, path, headers, _)] = server.requests
    assert path.startswith("/omi-exports?list-type=2")
    assert "Credential=SOMEACCESSKEY/" in headers["Authorization"]
    assert "/eu-west-2/s3/aws4_request" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers

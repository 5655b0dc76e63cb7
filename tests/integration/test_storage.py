"""The bucket's client and the fetcher over real HTTP, against stores that answer what no real one would."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.session import Session

from omicopy.cloud import pages
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.object_size import object_size
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.presign import presign
from omicopy.cloud.url_reader import MANIFEST_LIMIT, ObjectState, UrlReader
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl
from tests.support.hostile import HTML, JSON, PAGE, XML, Hostile, Hurried, Reply, account, hostile, served, transport

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
    return Storage(server.account, transport(), Hurried(), patience)


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile(Reply()) as running:
        yield running


def ready(server: Hostile, *replies: Reply) -> Hostile:
    server.replies, server.requests = list(replies), []
    return server


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
    monkeypatch.setattr(pages, "MOST_PAGES", 7)
    monkeypatch.setattr(pages, "MOST_EMPTY", 3)
    with served(_Endless(*keys)) as endless, pytest.raises(ServiceError) as caught:
        storage(endless).sizes("omi-exports", "x/")
    assert caught.value.cause is Cause.GARBLED
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
            Storage(silent, transport(), Hurried(), 0.0).put(S3Object("omi-exports", "x"), b"{}")
    assert caught.value.cause is Cause.UNREACHABLE


def test_no_checksum_is_sent(server: Hostile) -> None:
    """The store would refuse it."""
    storage(ready(server, Reply())).put(S3Object("omi-exports", "x"), b"{}")
    [(_, _, headers, body)] = server.requests
    assert not [name for name in headers if "checksum" in name.lower() or "trailer" in name.lower()]
    assert body == b"{}"


VARIABLES = sorted(
    {
        name
        for _, names, *_ in Session.SESSION_VARIABLES.values()
        for name in ([names] if isinstance(names, str) else names or [])
    }
    | {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"}
    | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
)


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
    assert Storage(ready(server, listing("x/1")).account, transport(), Hurried(), 0.0).sizes("omi-exports", "x/") == {
        "x/1": 7
    }
    [(_, path, headers, _)] = server.requests
    assert path.startswith("/omi-exports?list-type=2")
    assert "Credential=SOMEACCESSKEY/" in headers["Authorization"]
    assert "/eu-west-2/s3/aws4_request" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers


def url(server: Hostile) -> PresignedUrl:
    return presign(server.account, S3Object("omi-exports", "a b/manifest.json"), timedelta(hours=1))


def fetcher(patience: float = 0.0) -> UrlReader:
    return UrlReader(transport(), Hurried(), patience)


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
    """It reads no more than a manifest has."""
    assert fetcher().probe(url(ready(server, Reply(body=b"x" * (3 * MANIFEST_LIMIT))))).life is ObjectState.ALIVE


def test_a_fetch_is_retried_until_it_succeeds(server: Hostile) -> None:
    ready(server, Reply(500), Reply(body=b"half", missing=4), Reply(body=b"whole"))
    assert fetcher(patience=30.0).read(url(server)) == b"whole"


@pytest.mark.parametrize("seconds", [-1, 0, 0.5, 604_801, 10**9])
def test_no_url_is_signed_that_a_store_refuses(seconds: float) -> None:
    with pytest.raises(OmicopyError) as caught:
        presign(account("https://oos.example"), S3Object("omi-exports", "x"), timedelta(seconds=seconds))
    assert caught.value.code is ErrorCode.USAGE


@pytest.mark.parametrize("key", ["a b", "a+b", "ä/ö", "%41", "a//b", "~x", "a?b#c&d=e", "..", "a/../b"])
def test_any_key_survives_being_signed(key: str) -> None:
    signed = presign(account("https://oos.example"), S3Object("omi-exports", key))
    assert (signed.bucket, signed.key, signed.signed_for) == ("omi-exports", key, "eu-west-2")
    assert "Expires=604800" in signed.url


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "1e3"])
def test_a_length_that_is_no_number_is_ignored(server: Hostile, length: str) -> None:
    probe = fetcher().probe(url(ready(server, Reply(206, headers={"Content-Range": f"bytes 0-0/{length}"}, body=b"x"))))
    assert (probe.life, probe.size_bytes) == (ObjectState.ALIVE, None)


def test_an_object_without_a_byte_is_an_empty_one(server: Hostile) -> None:
    assert fetcher().probe(url(ready(server, Reply(416)))).size_bytes == 0


@pytest.mark.parametrize(
    ("status", "content_range", "length", "size"),
    [
        (200, "", "974", 974),
        (200, "", "", None),
        (200, "bytes 0-0/974", "1", 974),
        (200, "bytes 0-0/974", "", 974),
        (200, "bytes 0-0/5", "974", 974),
        (206, "bytes 0-0/974", "1", 974),
        (206, "Bytes 0-0/1", "", 1),
        (206, "bytes 0-973/974", "974", 974),
        (206, "bytes 0-0/974", "974", None),
        (206, "bytes 0-0/0", "1", None),
        (206, "bytes 0-5/3", "6", None),
        (206, "bytes 5-5/974", "1", None),
        (206, "bytes 0-0/*", "1", None),
        (206, "bytes */974", "1", None),
        (206, "bytes 0-0/974, bytes 0-0/5", "1", None),
        (206, "bytes 0-0/-1", "1", None),
        (206, "0-0/974", "1", None),
        (206, "", "974", None),
        (416, "", "200", 0),
        (416, "bytes */0", "", 0),
        (416, "bytes */974", "", None),
        (416, "bytes 0-0/974", "", None),
    ],
)
def test_a_size_needs_headers_that_do_not_contradict(
    status: int, content_range: str, length: str, size: int | None
) -> None:
    assert object_size(status, {"Content-Range": content_range, "Content-Length": length}) == size


def test_a_part_that_a_proxy_returns_as_200_is_no_object(server: Hostile) -> None:
    ready(server, Reply(200, headers={"Content-Range": "bytes 0-0/974"}, body=b"x"))
    assert fetcher().probe(url(server)).size_bytes == 974

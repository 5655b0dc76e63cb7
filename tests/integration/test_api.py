"""The API's client over real HTTP, against servers that answer what no sandbox would."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud import pages
from omicopy.cloud.api import PAGE as PAGE_SIZE, Api
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.profiles.profile import Account
from omicopy.errors import ErrorCode
from omicopy.model.json_fields import required
from tests.support.children import PATIENCE
from tests.support.hostile import HTML, JSON, PAGE, Hostile, NoPause, Reply, account, hostile, served, transport

PROBLEM = "application/problem+json"
ERROR = b'{"Errors": [{"Code": "%s", "Type": "%s", "Details": "why"}], "ResponseContext": {"RequestId": "r-1"}}'
IMAGES = b'{"Images": [{"ImageId": "ami-12345678"}]}'
CAUSES = [
    # what comes back, and what it means
    ("html with 200", Reply(200, HTML, PAGE), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("html that says it is JSON", Reply(200, JSON, PAGE), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("nothing with 200", Reply(200, JSON), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("a JSON list", Reply(200, JSON, b"[]"), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("a JSON text", Reply(200, JSON, b'"Images"'), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("a JSON null", Reply(200, JSON, b"null"), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("JSON as deep as a well", Reply(200, JSON, b"[" * 100_000), Cause.UNREADABLE, ErrorCode.TEMPORARY),
    ("half a body", Reply(200, JSON, IMAGES[:20], missing=30), Cause.RESET, ErrorCode.TEMPORARY),
    ("half an error", Reply(500, JSON, ERROR[:20], missing=30), Cause.RESET, ErrorCode.TEMPORARY),
    ("502 of a proxy", Reply(502, HTML, PAGE), Cause.SERVER, ErrorCode.TEMPORARY),
    ("503 of a proxy", Reply(503, HTML, PAGE), Cause.SERVER, ErrorCode.TEMPORARY),
    ("500 without a body", Reply(500, JSON), Cause.SERVER, ErrorCode.TEMPORARY),
    ("503 code 6", Reply(503, JSON, ERROR % (b"6", b"TooManyRequests")), Cause.THROTTLED, ErrorCode.TEMPORARY),
    ("429 code 25", Reply(429, JSON, ERROR % (b"25", b"TooManyRequests")), Cause.THROTTLED, ErrorCode.TEMPORARY),
    ("429 without a body", Reply(429, JSON), Cause.THROTTLED, ErrorCode.TEMPORARY),
    ("429 with a list", Reply(429, JSON, b"[]"), Cause.THROTTLED, ErrorCode.TEMPORARY),
    ("429 in html", Reply(429, HTML, PAGE), Cause.THROTTLED, ErrorCode.TEMPORARY),
    ("401 without a body", Reply(401, JSON), Cause.REFUSED, ErrorCode.DENIED),
    ("403 with a list", Reply(403, JSON, b"[]"), Cause.REFUSED, ErrorCode.DENIED),
    ("403 in html", Reply(403, HTML, PAGE), Cause.REFUSED, ErrorCode.DENIED),
    ("a problem", Reply(403, PROBLEM, b'{"title": "No", "detail": "rights"}'), Cause.REFUSED, ErrorCode.DENIED),
    ("a problem that is a list", Reply(400, PROBLEM, b"[1]"), Cause.REFUSED, ErrorCode.FAILED),
    ("a quota", Reply(400, JSON, ERROR % (b"10042", b"TooManyResources")), Cause.REFUSED, ErrorCode.QUOTA),
    ("404 in html", Reply(404, HTML, PAGE), Cause.REFUSED, ErrorCode.NOT_FOUND),
    ("an error without errors", Reply(400, JSON, b'{"Errors": []}'), Cause.REFUSED, ErrorCode.FAILED),
    ("an error of other types", Reply(400, JSON, b'{"Errors": [7], "title": 8}'), Cause.REFUSED, ErrorCode.FAILED),
    ("a code that is none", Reply(400, JSON, '{"Errors": [{"Code": "²"}]}'.encode()), Cause.REFUSED, ErrorCode.FAILED),
    ("redirect", Reply(302, JSON, headers={"Location": "/elsewhere"}), Cause.REFUSED, ErrorCode.FAILED),
    ("redirect that keeps the POST", Reply(307, JSON, headers={"Location": "/"}), Cause.REFUSED, ErrorCode.FAILED),
    ("redirect to nowhere", Reply(301, HTML, PAGE), Cause.UNREADABLE, ErrorCode.TEMPORARY),
]  # fmt: skip


def api(account: Account, seconds: float = PATIENCE) -> Api:
    return Api(account, transport(seconds), NoPause())


@pytest.fixture(scope="module")
def server() -> Iterator[Hostile]:
    with hostile(Reply()) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Hostile) -> Api:
    return api(server.account)


def failure(client: Api, server: Hostile, *replies: Reply) -> ServiceError:
    """Of one read that is not sent again."""
    server.replies, server.requests = list(replies), []
    with pytest.raises(ServiceError) as caught:
        client.read("ReadImages", 0.0, {})
    return caught.value


@pytest.mark.parametrize(("reply", "cause", "code"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_every_answer_has_a_cause(client: Api, server: Hostile, reply: Reply, cause: Cause, code: ErrorCode) -> None:
    error = failure(client, server, reply)
    assert (error.cause, error.code) == (cause, code)
    assert len(server.requests) == 1
    assert "ReadImages in source (eu-west-2)" in error.message


@pytest.mark.parametrize("reply", [row[1] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_r1_a_write_is_sent_once_after_any_answer(client: Api, server: Hostile, reply: Reply) -> None:
    server.replies, server.requests = [reply], []
    with pytest.raises(ServiceError):
        client.write("CreateImage", 30.0, {"ImageName": "a name"})
    assert len(server.requests) == 1


def test_the_user_sees_the_services_own_message(client: Api, server: Hostile) -> None:
    error = failure(client, server, Reply(400, JSON, ERROR % (b"4045", b"InvalidParameterValue")))
    assert error.message.endswith("HTTP 400, code 4045, InvalidParameterValue: why [request r-1]")


def test_an_error_s_retry_after_is_kept(client: Api, server: Hostile) -> None:
    assert failure(client, server, Reply(503, HTML, PAGE, {"Retry-After": "17"})).retry_after == 17.0
    assert failure(client, server, Reply(503, HTML, PAGE, {"Retry-After": "\u00b2"})).retry_after is None


@pytest.mark.parametrize("date", ["", "now", "Wed, 99 Oct 99999 07:28:00 GMT", f"Wed, 21 Oct {10**20} 07:28:00 GMT"])
def test_an_invalid_date_header_is_survived(client: Api, server: Hostile, date: str) -> None:
    server.replies = [Reply(body=IMAGES, headers={"Date": date})]
    client.read("ReadImages", 0.0, {})


def test_a_refusal_shows_the_clock_difference_too(client: Api, server: Hostile) -> None:
    client.clock_ahead = None
    failure(client, server, Reply(401, JSON))
    assert client.clock_ahead is not None


def test_a_read_is_retried_until_it_succeeds_and_counted(client: Api, server: Hostile) -> None:
    server.replies = [Reply(200, HTML, PAGE), Reply(500), Reply(200, JSON, IMAGES[:9], missing=9), Reply(body=IMAGES)]
    client.count.reads = client.count.retries = client.count.writes = 0
    assert client.read_all("ReadImages", "Images", 30.0, {}, dict) == [{"ImageId": "ami-12345678"}]
    assert (client.count.reads, client.count.retries, client.count.writes) == (4, 3, 0)


def test_json_is_read_with_any_content_type(client: Api, server: Hostile) -> None:
    server.replies = [Reply(200, "text/plain", IMAGES)]
    assert client.read("ReadImages", 0.0, {}) == json.loads(IMAGES)


def test_a_silent_server_is_given_up_in_time() -> None:
    with hostile(Reply(silence=PATIENCE)) as server:
        assert failure(api(server.account, seconds=0.2), server, Reply(silence=PATIENCE)).cause is Cause.NO_ANSWER


def test_nothing_was_sent_to_a_server_that_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = api(account(f"http://127.0.0.1:{taken.getsockname()[1]}"))
        with pytest.raises(ServiceError) as caught:
            client.write("CreateImage", 0.0, {})
    assert caught.value.cause is Cause.UNREACHABLE


def test_nothing_was_sent_without_a_connection() -> None:
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # more than wait in its queue
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        client = api(account(f"http://127.0.0.1:{full.getsockname()[1]}"), seconds=0.2)
        with pytest.raises(ServiceError) as caught:
            client.write("CreateImage", 0.0, {})
    assert caught.value.cause is Cause.UNREACHABLE


def test_nothing_is_sent_to_an_untrusted_server(server: Hostile) -> None:
    server.requests = []
    with pytest.raises(ServiceError) as caught:
        api(account(server.url.replace("http:", "https:"))).write("CreateImage", 0.0, {})
    assert (caught.value.cause, caught.value.code) == (Cause.REFUSED, ErrorCode.FAILED)
    assert server.requests == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "nonsense"])
def test_an_invalid_endpoint_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ServiceError) as caught:
        api(account(url)).read("ReadImages", 0.0, {})
    assert caught.value.code is ErrorCode.CONFIGURATION


def test_a_missing_client_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    secured = replace(account("https://127.0.0.1:1"), client_cert=str(tmp_path / "none.pem"))
    with pytest.raises(ServiceError) as caught:
        api(secured).read("ReadImages", 0.0, {})
    assert caught.value.code is ErrorCode.CONFIGURATION
    assert "none.pem" in caught.value.message


def _page(token: object, *ids: str) -> Reply:
    return Reply(body=json.dumps({"Images": [{"ImageId": each} for each in ids], "NextPageToken": token}).encode())


def test_every_page_is_read(client: Api, server: Hostile) -> None:
    server.replies, server.requests = [_page("a", "1", "2"), _page("b"), _page(None, "3")], []
    images = client.read_all("ReadImages", "Images", 0.0, {"AccountIds": ["1"]}, dict)
    assert [image["ImageId"] for image in images] == ["1", "2", "3"]
    sent = [json.loads(body) for _, _, _, body in server.requests]
    assert [body.get("NextPageToken") for body in sent] == [None, "a", "b"]
    assert all(body["ResultsPerPage"] == PAGE_SIZE and body["Filters"] == {"AccountIds": ["1"]} for body in sent)


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([_page("a", "1"), _page("b", "2"), _page("a", "1")], id="pages that repeat"),
        pytest.param([_page("a", "1")], id="a page that names itself as the next"),
        pytest.param([_page(7, "1")], id="a token that is no text"),
        pytest.param([_page("a", "1"), Reply(500)], id="a page that can't be read"),
        pytest.param([_page("a", "1"), Reply(200, HTML, PAGE)], id="a page that is another page"),
        pytest.param([_page("a", "1"), Reply(body=b"{}")], id="a page without a list"),
        pytest.param([Reply(body=b'{"Images": {"ImageId": "1"}}')], id="an object in the place of the list"),
    ],
)
def test_a_missing_page_is_a_failure_never_a_shorter_list(client: Api, server: Hostile, replies: list[Reply]) -> None:
    server.replies = replies
    with pytest.raises(ServiceError) as caught:
        client.read_all("ReadImages", "Images", 0.0, {}, dict)
    assert caught.value.code is ErrorCode.TEMPORARY


NO_LIST = [
    b"{}",
    b'{"Images": null}',
    b'{"Images": [null]}',
    b'{"Images": [{"ImageId": "ami-12345678"}, null]}',
    b'{"Images": ["ami-12345678"]}',
    b'{"Images": [[]]}',
    b'{"Images": [{}]}',
    b'{"Images": [{"ImageId": null}]}',
    b'{"Images": [{"ImageId": 12345678}]}',
    b'{"Images": [], "NextPageToken": 7}',
]


@pytest.mark.parametrize("body", NO_LIST)
def test_a_list_with_an_unreadable_item_is_read_again(client: Api, server: Hostile, body: bytes) -> None:
    """Left out, such an item would count as absent, and be made a second time."""

    def image_id(raw: Mapping[str, Any]) -> str:
        return required(raw, "ImageId")

    server.replies = [Reply(body=body)]
    with pytest.raises(ServiceError) as caught:
        client.read_all("ReadImages", "Images", 0.0, {}, image_id)
    assert (caught.value.code, caught.value.cause) == (ErrorCode.TEMPORARY, Cause.UNREADABLE)
    assert "unreadable answer: " in caught.value.message
    server.replies = [Reply(body=body), Reply(body=body), Reply(body=IMAGES)]
    assert client.read_all("ReadImages", "Images", 30.0, {}, image_id) == ["ami-12345678"]


class _Endless(Hostile):
    """Gives a page with a new token to every request."""

    def __init__(self, *ids: str) -> None:
        super().__init__(Reply())
        self.ids = ids

    def next_reply(self) -> Reply:
        return _page(f"token-{len(self.requests)}", *self.ids)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (("1", "2"), "the list has 7 pages, and there is still a next one"),
        ((), "4 pages of the list in a row are empty, and there is still a next one"),
    ],
)
def test_r12_pages_with_endless_tokens_are_bounded(
    monkeypatch: pytest.MonkeyPatch, ids: Sequence[str], message: str
) -> None:
    monkeypatch.setattr(pages, "MAX_PAGES", 7)
    monkeypatch.setattr(pages, "MAX_EMPTY_PAGES", 3)
    with served(_Endless(*ids)) as endless, pytest.raises(ServiceError) as caught:
        api(endless.account).read_all("ReadImages", "Images", 30.0, {}, dict)
    assert caught.value.cause is Cause.UNREADABLE
    assert message in caught.value.message


def test_r12_pages_with_too_many_items_are_bounded(
    client: Api, server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_ITEMS", 2)
    server.replies = [_page("a", "1", "2"), _page("b", "3"), _page(None)]
    with pytest.raises(ServiceError, match="the list has more than 2 items"):
        client.read_all("ReadImages", "Images", 0.0, {}, dict)


def test_r12_an_account_of_100000_images_is_read() -> None:
    """Even on pages of the default size."""
    assert pages.MAX_PAGES * 100 >= 100_000
    assert pages.MAX_ITEMS >= pages.MAX_PAGES * PAGE_SIZE


STRAY = {
    "OSC_PROFILE": "nonexistent",
    "OSC_ACCESS_KEY": "STRAYKEY",
    "OSC_SECRET_KEY": "STRAYSECRET",
    "OSC_REGION": "stray-region-1",
    "OSC_ENDPOINT_API": "http://127.0.0.1:1",
    "OSC_PROTOCOL": "gopher",
    "OSC_X509_CLIENT_CERT": "/nonexistent.pem",
    "OSC_TLS_SKIP_VERIFY": "true",
    "OSC_LOGIN": "stray@example.com",
    "OSC_PASSWORD": "STRAYPASSWORD",
    "OSC_IAM_V2_SERVICES": "api",
}


@pytest.mark.parametrize("config", [None, "{ broken", "{}", '{"default": {"region_name": "stray-region-1"}}'])
def test_no_osc_variable_and_no_file_has_any_influence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str | None
) -> None:
    (tmp_path / "config.json").write_text(config or "")
    (tmp_path / ".netrc").write_text("default login stray password STRAYPASSWORD\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OSC_CONFIG_FILE", str(tmp_path / ("config.json" if config else "none.json")))
    for name, value in STRAY.items():
        monkeypatch.setenv(name, value)
    with hostile(Reply(body=IMAGES)) as server:
        api(server.account).read("ReadImages", 0.0, {})
        _, path, headers, body = server.requests[0]
    assert path == "/api/v1/ReadImages"
    assert "Credential=SOMEACCESSKEY/" in headers["Authorization"]
    assert "/eu-west-2/api/osc4_request" in headers["Authorization"]
    assert "stray" not in f"{path} {headers} {body!r}".lower()

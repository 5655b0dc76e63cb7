"""R12: one bound for a whole answer, and for its size, however it is spread out. Each server here goes on for ever."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from omicopy.cloud import s3_client
from omicopy.cloud.api import Api
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.http.network import Network
from omicopy.cloud.http.time_limit import TimeLimit
from omicopy.cloud.http.transport import ANSWER_LIMIT, ERROR_LIMIT, Transport
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.retry import RetryVerdict, retry_verdict
from omicopy.cloud.url_reader import MANIFEST_LIMIT, UrlReader
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import parse_presigned
from tests.integration.test_connections import USERS
from tests.support.authority import make_authority
from tests.support.hostile import HTML, JSON, XML, NoPause, Reply, account, hostile, transport
from tests.support.tool import LINUX, Tool
from tests.support.trickle import LONGEST, trickling

OK = b"HTTP/1.1 200 OK\r\n"
ENDLESS = {
    # what the answer begins with, and what comes again and again
    "nothing at all": (b"", b""),
    "a status line": (b"HTTP/1.1 200 ", b"O"),
    "a header": (OK + b"X-A: ", b"a"),
    "headers": (OK, b"X: a\r\n"),
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a chunk's size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n"),
    "a body with a length": (OK + b"Content-Length: 99999\r\n\r\n", b" "),
    "a body without a length": (OK + b"\r\n", b" "),
    "an error's body": (b"HTTP/1.1 503 Busy\r\nContent-Length: 9999\r\n\r\n", b" "),
}


def over_when(drips: Callable[[], object], ca_bundle: str | None = None, ends: bool = False) -> Transport:
    """Connections whose time is over once the answer drips; `ends`: the command's own time. So no machine is too slow
    to get as far as that."""

    def ticks() -> float:
        return time.monotonic() + (1e6 if drips() else 0.0)

    last = time.monotonic() + LONGEST
    return Transport(Network({}, ca_bundle), TimeLimit(1e9, last, ticks) if ends else TimeLimit(LONGEST, ticks=ticks))


@pytest.mark.parametrize(("first", "drip"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("user", [user for user in USERS if user != "ping"])
def test_r12_an_answer_that_never_ends_is_given_up(user: str, first: bytes, drip: bytes) -> None:
    """A read is tried again by those above; a write is in doubt. The connection is closed, not left behind."""
    with trickling(first, drip) as server:
        by = over_when(lambda: server.drips) if drip else transport(5.0)
        with pytest.raises(ServiceError) as caught:
            USERS[user](account(f"http://{server.host}"), by)
        if drip:
            assert server.left.wait(LONGEST)
        assert server.asked == 1
    assert (caught.value.cause, caught.value.code) == (Cause.NO_ANSWER, ErrorCode.TEMPORARY)
    assert retry_verdict(caught.value.cause, is_write=True) is RetryVerdict.IN_DOUBT


@pytest.mark.parametrize("user", USERS)
def test_r12_an_endless_handshake_or_tunnel_sent_nothing(user: str) -> None:
    record = b"\x16\x03\x03\x40\x00\x02"
    with trickling(record, b"\0") as server, pytest.raises(ServiceError) as caught:
        USERS[user](account(f"https://{server.host}"), transport(1.0))
    assert caught.value.cause is Cause.UNREACHABLE
    assert f"{server.host} can't be reached in time" in caught.value.message
    for first, drip in ((b"", b""), (b"HTTP/1.1 200 ", b"O"), (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n")):
        with trickling(first, drip) as server, pytest.raises(ServiceError) as caught:
            USERS[user](account("https://far.example"), transport(1.0, https_proxy=server.host))
        assert caught.value.cause is Cause.UNREACHABLE
        assert f"the proxy {server.host} can't be reached in time" in caught.value.message


def test_r12_the_bound_holds_inside_tls_too(tmp_path) -> None:
    """One byte a record, and nothing of it looks like silence to a socket."""
    authority = make_authority(tmp_path)
    listening = authority.context().wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    left, drips = threading.Event(), threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            try:
                connection.recv(65536)
                connection.sendall(OK + b"Content-Length: 99999\r\n\r\n")
                while not time.sleep(0.05):
                    connection.sendall(b" ")
                    drips.set()
            except OSError:
                left.set()

    threading.Thread(target=serve, daemon=True).start()
    by = over_when(drips.is_set, str(authority.bundle))
    with listening, pytest.raises(ServiceError) as caught:
        USERS["API read"](account(f"https://127.0.0.1:{listening.getsockname()[1]}"), by)
    assert caught.value.cause is Cause.NO_ANSWER
    assert left.wait(LONGEST)


def test_r12_a_reused_connection_has_the_whole_time_again() -> None:
    """The first answer leaves its socket with next to no time; that is not the second one's."""
    now = [0.0]

    def ticks() -> float:
        now[0] += 0.2  # every look at the clock costs some of it
        return now[0]

    with hostile(Reply(body=b'{"Images": []}', keeps=True)) as server:
        by = Transport(Network({}), TimeLimit(5.0, ticks=ticks))
        api = Api(server.account, by, NoPause())
        for _ in range(5):
            api.read("ReadImages", 0.0, {})


def test_r12_the_rest_of_the_deadline_bounds_an_answer() -> None:
    with trickling(OK + b"X-A: ", b"a") as server:
        with pytest.raises(ServiceError) as caught:
            USERS["API write"](account(f"http://{server.host}"), over_when(lambda: server.drips, ends=True))
        assert server.left.wait(LONGEST)
    assert caught.value.cause is Cause.NO_ANSWER


@pytest.mark.parametrize("user", USERS)
def test_r12_without_time_nothing_is_sent(user: str) -> None:
    with trickling(b"", b"") as server:
        by = Transport(Network({}), TimeLimit(60.0, ends=time.monotonic()))
        with pytest.raises(ServiceError) as caught:
            USERS[user](account(f"http://{server.host}"), by)
        assert server.asked == 0
    assert (caught.value.cause, caught.value.code) == (Cause.UNREACHABLE, ErrorCode.OUT_OF_TIME)


# ---- its size


HUGE: dict[str, Callable[[Account, Transport], object]] = {
    "API": lambda account, by: Api(account, by, NoPause()).read("ReadImages", 0.0, {}),
    "listing": lambda account, by: Storage(account, by, NoPause(), 0.0).sizes("omi-exports", ""),
    "CORS rules": lambda account, by: Storage(account, by, NoPause(), 0.0).cors_rules("omi-exports"),
}


@pytest.mark.parametrize("user", HUGE)
def test_r12_an_endless_answer_is_an_unreadable_one(user: str) -> None:
    limit = ANSWER_LIMIT if user == "API" else s3_client._ANSWER_LIMIT
    with trickling(OK + b"\r\n", b" " * 65536, pause=0.0) as server:
        with pytest.raises(ServiceError) as caught:
            HUGE[user](account(f"http://{server.host}"), transport(LONGEST))
        assert server.left.wait(LONGEST)
    assert (caught.value.cause, caught.value.code) == (Cause.UNREADABLE, ErrorCode.TEMPORARY)
    assert f"more than {limit} bytes" in caught.value.message


def test_r12_a_decompressed_answer_is_bounded_too() -> None:
    bomb = gzip.compress(b" " * (ANSWER_LIMIT + 1))
    reply = Reply(body=bomb, headers={"Content-Encoding": "gzip"})
    with hostile(reply) as server, pytest.raises(ServiceError) as caught:
        HUGE["API"](server.account, transport(LONGEST))
    assert f"more than {ANSWER_LIMIT} bytes" in caught.value.message


def test_an_answer_in_gzip_is_read() -> None:
    body = gzip.compress(b'{"Images": [{"ImageId": "ami-12345678"}]}')
    with hostile(Reply(body=body, headers={"Content-Encoding": "gzip"})) as server:
        assert Api(server.account, transport(), NoPause()).read("ReadImages", 0.0, {})["Images"]


@pytest.mark.parametrize(("user", "kind"), [("API", JSON), ("listing", XML), ("CORS rules", HTML)])
def test_r12_only_the_start_of_a_refusal_is_read(user: str, kind: str) -> None:
    """Its status says what it means."""
    with hostile(Reply(403, kind, b"x" * (64 * ERROR_LIMIT))) as server, pytest.raises(ServiceError) as caught:
        HUGE[user](server.account, transport(LONGEST))
    assert (caught.value.cause, caught.value.code) == (Cause.REFUSED, ErrorCode.DENIED)
    assert len(caught.value.message) < 1000


def test_r12_a_huge_object_is_read_up_to_a_manifests_size() -> None:
    with trickling(OK + b"Content-Length: 999999999999\r\n\r\n", b" " * 65536, pause=0.0) as server:
        url = f"http://{server.host}"
        assert (
            len(Storage(account(url), transport(LONGEST), NoPause(), 0.0).read(S3Object("b", "k")))
            == MANIFEST_LIMIT + 1
        )
        assert server.left.wait(LONGEST)
        assert (
            len(UrlReader(transport(LONGEST), NoPause(), 0.0).read(parse_presigned(f"{url}/b/k"))) == MANIFEST_LIMIT + 1
        )


# ---- as a user meets it


@pytest.mark.parametrize("name", ["a header", "100 Continue", "a chunk's size", "a body with a length"])
def test_r12_http_timeout_ends_a_command_whose_service_trickles(tool: Tool, name: str) -> None:
    with trickling(*ENDLESS[name]) as server:
        env = tool.profiles(source={"endpoints": {"api": f"http://{server.host}", "oos": f"http://{server.host}"}})
        given = ("--http-timeout", "3s", "--retry", "0s")
        assert "no answer in time" in tool.copy(LINUX, *given, code=5, **env).err
        assert (
            "no answer in time" in tool.run("cors", "s3://omi-exports", "--from", "source", *given, code=5, **env).err
        )
        assert "no answer in time" in tool.run("inspect", f"http://{server.host}/b/k", *given, code=5, **env).err
        assert server.left.wait(LONGEST)


def test_r12_the_bytes_received_are_bounded(monkeypatch) -> None:
    """http.client reads a chunk of -1 bytes to the end of the connection, into memory."""
    monkeypatch.setattr("omicopy.cloud.http.transport.WIRE_LIMIT", 1_000_000)
    chunk = OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"
    for user in ("API read", "probe"):
        with trickling(chunk, b"x" * 65536) as server, pytest.raises(ServiceError) as caught:
            USERS[user](account(f"http://{server.host}"), transport(LONGEST))
        assert caught.value.cause is Cause.UNREADABLE


def test_r12_a_page_with_too_many_items_is_refused() -> None:
    from omicopy.cloud import pages

    shown = range(pages.MAX_ITEMS + 1)
    with pytest.raises(ValueError, match="more than 1000000 items"):
        pages.all_pages(lambda _: (shown, ""), ValueError)

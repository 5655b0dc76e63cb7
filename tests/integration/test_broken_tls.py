"""A TLS connection that breaks may be there another time, whatever OpenSSL calls it; a certificate that nobody trusts
will be the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from omicopy.cloud.api import Api
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.cloud.object_storage import Storage
from omicopy.cloud.url_reader import UrlReader
from omicopy.errors import ErrorCode
from omicopy.model.urls.presigned_url import parse_presigned
from tests.support.children import PATIENCE
from tests.support.hostile import NoPause, account, transport


@pytest.fixture(scope="module")
def hanging_up() -> Iterator[str]:
    """Where TLS begins, and ends in the middle of its handshake."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(PATIENCE)


REQUESTS: dict[str, Callable[[str], object]] = {
    "a read of the API": lambda url: Api(account(url), transport(), NoPause()).read("ReadImages", 0.0, {}),
    "a write of the API": lambda url: Api(account(url), transport(), NoPause()).write("CreateImage", 0.0, {}),
    "object storage": lambda url: Storage(account(url), transport(), NoPause(), 0.0).sizes("omi-exports", ""),
    "a signed URL": lambda url: UrlReader(transport(), NoPause(), 0.0).read(parse_presigned(f"{url}/omi-exports/key")),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_r1_tls_that_breaks_before_sending_is_unreachable(hanging_up: str, request_: Callable[[str], object]) -> None:
    with pytest.raises(ServiceError) as caught:
        request_(hanging_up)
    assert (caught.value.cause, caught.value.code) == (Cause.UNREACHABLE, ErrorCode.TEMPORARY)
    assert "can't be reached (the connection broke during the TLS handshake)" in caught.value.message

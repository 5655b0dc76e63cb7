"""A proxy in front of a store. It answers as OUTSCALE's object storage where SeaweedFS would answer differently."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from xml.sax.saxutils import unescape

import httpx
from starlette.types import Receive, Scope, Send

from omicopy.sandbox.process.server import abort_connection, discard_body
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.s3_request import S3Request
from omicopy.sandbox.storage.s3_responses import S3Refusal, without_objects
from omicopy.sandbox.storage.s3_rules import NEEDS_MD5, refused, refused_body

Body = AsyncIterator[bytes] | bytes

# Headers of one connection; the proxy has two connections. No client signs them.
_CONNECTION_HEADERS = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade"}
# Headers that our own server adds.
_SERVER_HEADERS = {b"date", b"server", b"transfer-encoding"}
_ACCESS_DENIED = re.compile(rb"<Code>AccessDenied</Code><Message>Access Denied")
_NEXT_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)<")
_NO_ANSWER = S3Refusal(503, "ServiceUnavailable", "The store does not answer.")
_NO_BUCKET = S3Refusal(404, "NoSuchBucket", "The specified bucket does not exist")


class S3Proxy:
    """An ASGI app. It forwards `Host`, the raw path, the query and all headers unchanged, so signatures stay valid.

    It changes these answers of SeaweedFS:
    - "Access denied" for a bucket that does not exist becomes "no such bucket". A refused HEAD gives no reason: there
      a wrong signature for a missing bucket becomes that, too.
    - A write that fails because of its condition is done: Scality ignores conditions.
    - A list with a continuation token that was never given out is empty, as at Scality.
    """

    def __init__(self, region: str, store: ObjectStore) -> None:
        self._region = region
        self._store = store
        self._upstream: httpx.AsyncHTTPTransport | None = None
        self._tokens: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        request = S3Request.of(scope)
        if refusal := refused(request, self._region, datetime.now(UTC)):
            if not refusal.ends_connection:
                await discard_body(receive)
            await refusal.answer(request, send)
            return
        body: bytes | None = None
        if request.action in NEEDS_MD5 or request.is_conditional_write:
            body = await _read_body(receive)
            if request.action in NEEDS_MD5 and (refusal := refused_body(request, body)):
                await refusal.answer(request, send)
                return
        await self._forward(request, scope, receive, body, send)

    async def _forward(
        self, request: S3Request, scope: Scope, receive: Receive, body: bytes | None, send: Send
    ) -> None:
        """Lets the store answer. `body` is the request's body if it was read already."""
        if self._upstream is None:
            self._upstream = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=_NO_LIMITS)
        sent = _stream_body(receive) if body is None else body
        try:
            answer = await self._upstream.handle_async_request(_store_request(scope, sent, self._store.url))
        except httpx.TransportError:
            await _NO_ANSWER.answer(request, send)
            return
        try:
            if answer.status_code == HTTPStatus.FORBIDDEN and await self._is_for_a_missing_bucket(request, answer):
                await _NO_BUCKET.answer(request, send)
            elif answer.status_code == HTTPStatus.PRECONDITION_FAILED and body is not None:
                await self._put_without_condition(request, scope, body, send)
            elif request.action == "ListObjects" and answer.status_code == HTTPStatus.OK:
                await _send_on(answer, send, self._listing(request, await answer.aread()))
            else:
                await _send_on(answer, send)
        except httpx.TransportError:  # the store broke off its answer
            abort_connection(scope)
        finally:
            await answer.aclose()

    async def _put_without_condition(self, request: S3Request, scope: Scope, body: bytes, send: Send) -> None:
        """Writes the object. The store accepted the signature and refused only because of the condition."""
        path = scope["raw_path"].decode("ascii").lstrip("/")
        await asyncio.to_thread(self._store.put, request.access_key or "", path, body)
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'.encode()
        headers = [(b"etag", etag), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _listing(self, request: S3Request, body: bytes) -> bytes:
        self._tokens |= {unescape(token.decode()) for token in _NEXT_TOKEN.findall(body)}
        is_unknown = request.query.get("continuation-token", "") not in {"", *self._tokens}
        return without_objects(body) if is_unknown else body

    async def _is_for_a_missing_bucket(self, request: S3Request, answer: httpx.Response) -> bool:
        if not request.bucket or request.action in ("CreateBucket", "Preflight"):
            return False
        if request.method != "HEAD" and not _ACCESS_DENIED.search(await answer.aread()):
            return False
        return not await asyncio.to_thread(self._store.has_bucket, request.bucket)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._upstream is not None:
                await self._upstream.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=50)


def _store_request(scope: Scope, body: Body, url: str) -> httpx.Request:
    headers = [(name, value) for name, value in scope["headers"] if name not in _CONNECTION_HEADERS]
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
    return httpx.Request(
        scope["method"],
        url,
        headers=headers,
        content=body if has_body else None,
        extensions={"target": target},  # httpx would normalise a path that is part of its URL
    )


async def _stream_body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("the client closed the connection while it sent")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _read_body(receive: Receive) -> bytes:
    """Returns the body; if the client closed the connection, the part that arrived."""
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send_on(answer: httpx.Response, send: Send, content: bytes | None = None) -> None:
    """Sends the answer. `content`, if given, replaces its body."""
    drop = _CONNECTION_HEADERS | _SERVER_HEADERS | (set() if content is None else {b"content-length"})
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in drop]
    if content is None and answer.is_stream_consumed:
        content = answer.content
    elif content is not None:
        headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    if content is not None:
        await send({"type": "http.response.body", "body": content})
        return
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})

"""Stands before a store and answers as OUTSCALE's object storage where the store does not; all else passes through."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import unescape

import httpx

from omicopy.sandbox.error_responses import without_objects
from omicopy.sandbox.storage.object_store import ObjectStore
from omicopy.sandbox.storage.s3_refusal import S3Refusal, Send
from omicopy.sandbox.storage.s3_request import S3Request
from omicopy.sandbox.storage.s3_rules import NEEDS_MD5, refused, refused_body

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Body = AsyncIterator[bytes] | bytes

# These belong to one connection, and we have two. No client signs them.
_OF_ONE_CONNECTION = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade"}
# What our own server says for itself.
_SAID_BY_THE_SERVER = {b"date", b"server", b"transfer-encoding"}
_DENIED_BY_RIGHTS = re.compile(rb"<Code>AccessDenied</Code><Message>Access Denied")
_NEXT_TOKEN = re.compile(rb"<NextContinuationToken>([^<]+)<")
_NO_ANSWER = S3Refusal(503, "ServiceUnavailable", "The store does not answer.")
_NO_BUCKET = S3Refusal(404, "NoSuchBucket", "The specified bucket does not exist")


class S3Proxy:
    """An ASGI app. `Host`, the raw path, the query and all headers reach the store as they came: signatures stay valid.

    SeaweedFS answers "access denied" for a bucket that does not exist, as nobody has rights on it; S3 says that there
    is no such bucket, and so does the front. (A HEAD's refusal has no reason: there, a wrong signature for a missing
    bucket looks the same.) It honours the conditions of a write, which Scality ignores; and it takes any token for a
    place in a list, where Scality shows nothing for one that it never gave.
    """

    def __init__(self, region: str, store: ObjectStore) -> None:
        self._region = region
        self._store = store
        self._upstream: httpx.AsyncHTTPTransport | None = None
        self._tokens: set[str] = set()

    @staticmethod
    def action(scope: Scope) -> str:
        return S3Request.of(scope).action

    @staticmethod
    def access_key(scope: Scope) -> str | None:
        return S3Request.of(scope).access_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = S3Request.of(scope)
        if refusal := refused(request, self._region, datetime.now(UTC)):
            if not refusal.ends_connection:
                await _swallow(receive)
            await refusal.answer(request, send)
            return
        body: bytes | None = None
        if request.action in NEEDS_MD5 or request.is_conditional_write:
            body = await _whole(receive)
            if request.action in NEEDS_MD5 and (refusal := refused_body(request, body)):
                await refusal.answer(request, send)
                return
        await self._pass(request, scope, receive, body, send)

    async def _pass(self, request: S3Request, scope: Scope, receive: Receive, body: bytes | None, send: Send) -> None:
        """Lets the store answer; `body` is the request's, if it was read already."""
        if self._upstream is None:
            self._upstream = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=_NO_LIMITS)
        sent = _body(receive) if body is None else body
        try:
            answer = await self._upstream.handle_async_request(_forwarded(scope, sent, self._store.url))
        except httpx.TransportError:
            await _NO_ANSWER.answer(request, send)
            return
        try:
            if answer.status_code == HTTPStatus.FORBIDDEN and await self._is_for_a_missing_bucket(request, answer):
                await _NO_BUCKET.answer(request, send)
            elif answer.status_code == HTTPStatus.PRECONDITION_FAILED and body is not None:
                await self._write_all_the_same(request, scope, body, send)
            elif request.action == "ListObjects" and answer.status_code == HTTPStatus.OK:
                await _send_on(answer, send, self._listing(request, await answer.aread()))
            else:
                await _send_on(answer, send)
        except httpx.TransportError:  # the store ended half-way: so does the answer
            scope["extensions"]["omicopy.abort"]()
        finally:
            await answer.aclose()

    async def _write_all_the_same(self, request: S3Request, scope: Scope, body: bytes, send: Send) -> None:
        """The store knew the signature, and refuses for a condition alone: the object is put without any."""
        path = scope["raw_path"].decode("ascii").lstrip("/")
        await asyncio.to_thread(self._store.put, request.access_key or "", path, body)
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'.encode()
        headers = [(b"etag", etag), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _listing(self, request: S3Request, body: bytes) -> bytes:
        self._tokens |= {unescape(token.decode()) for token in _NEXT_TOKEN.findall(body)}
        is_garbage = request.query.get("continuation-token", "") not in {"", *self._tokens}
        return without_objects(body) if is_garbage else body

    async def _is_for_a_missing_bucket(self, request: S3Request, answer: httpx.Response) -> bool:
        if not request.bucket or request.action in ("CreateBucket", "Preflight"):
            return False
        if request.method != "HEAD" and not _DENIED_BY_RIGHTS.search(await answer.aread()):
            return False
        return not await asyncio.to_thread(self._store.has_bucket, request.bucket)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._upstream is not None:
                await self._upstream.aclose()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=50)


def _forwarded(scope: Scope, body: Body, url: str) -> httpx.Request:
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_ONE_CONNECTION]
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
    return httpx.Request(
        scope["method"],
        url,
        headers=headers,
        content=body if has_body else None,
        extensions={"target": target},  # httpx would tidy a path that is part of its URL
    )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx.ReadError("the client went away while it sent")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _whole(receive: Receive) -> bytes:
    """The body; of a client that went away while it sent, what came of it."""
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _swallow(receive: Receive) -> None:
    """Takes the body of a request that is refused: an answer before it leaves the next request on the same connection
    to be read as that body."""
    while (await receive()).get("more_body"):
        pass


async def _send_on(answer: httpx.Response, send: Send, content: bytes | None = None) -> None:
    """Sends the answer, with `content` in the place of its own where there is one."""
    drop = _OF_ONE_CONNECTION | _SAID_BY_THE_SERVER | (set() if content is None else {b"content-length"})
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

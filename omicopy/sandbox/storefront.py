"""Stands before a store and refuses what OUTSCALE's object storage refuses; all else passes through untouched."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

import httpx

from omicopy.sandbox.s3request import S3Request
from omicopy.sandbox.store import Store
from omicopy.sandbox.url_times import refused_times

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# These belong to one connection, and we have two. No client signs them.
_OF_ONE_CONNECTION = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade"}
# What our own server says for itself.
_SAID_BY_THE_SERVER = {b"date", b"server", b"transfer-encoding"}
_DENIED_BY_RIGHTS = re.compile(rb"<Code>AccessDenied</Code><Message>Access Denied")


class StoreFront:
    """An ASGI app. `Host`, the raw path, the query and all headers reach the store as they came: signatures stay valid.

    SeaweedFS answers "access denied" for a bucket that does not exist, as nobody has rights on it; S3 says that there
    is no such bucket, and so does the front. (A HEAD's refusal has no reason: there, a wrong signature for a missing
    bucket looks the same.)
    """

    def __init__(self, region: str, store: Store) -> None:
        self._region = region
        self._store = store
        self._upstream: httpx.AsyncHTTPTransport | None = None

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
        if refusal := self._refusal(request):
            await _swallow(receive)
            await refusal.answer(request, send)
            return
        await self._pass(request, scope, receive, send)

    def _refusal(self, request: S3Request) -> S3Error | None:
        if request.has_checksum:
            return S3Error(400, "BadRequest", "trailing checksum is not supported")
        if request.signed_region not in (None, self._region):
            said = f"the region '{request.signed_region}' is wrong; expecting '{self._region}'"
            if request.is_signed_in_query:
                start = "Error parsing the X-Amz-Credential parameter"
                return S3Error(400, "AuthorizationQueryParametersError", f"{start}; {said}")
            return S3Error(400, "AuthorizationHeaderMalformed", f"The authorization header is malformed; {said}")
        if times := refused_times(request, datetime.now(UTC)):
            return S3Error(times.status, times.code, times.message)
        if request.action in ("GetObject", "HeadObject") and request.key.endswith("/"):
            # SeaweedFS would show a folder of its own, which S3 has not
            return S3Error(404, "NoSuchKey", "The specified key does not exist.")
        if request.is_form_upload:
            return S3Error(501, "NotImplemented", "A form upload (pre-signed POST) is not implemented.")
        return None

    async def _pass(self, request: S3Request, scope: Scope, receive: Receive, send: Send) -> None:
        if self._upstream is None:
            self._upstream = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=_NO_LIMITS)
        try:
            answer = await self._upstream.handle_async_request(_forwarded(scope, receive, self._store.url))
        except httpx.TransportError:
            await S3Error(503, "ServiceUnavailable", "The store does not answer.").answer(request, send)
            return
        try:
            if answer.status_code == HTTPStatus.FORBIDDEN and await self._is_for_a_missing_bucket(request, answer):
                await S3Error(404, "NoSuchBucket", "The specified bucket does not exist").answer(request, send)
            else:
                await _send_on(answer, send)
        except httpx.TransportError:  # the store ended half-way: so does the answer
            scope["extensions"]["omicopy.abort"]()
        finally:
            await answer.aclose()

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


class S3Error:
    """A refusal of the front's own, in the words of S3."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self._status, self._code, self._message = status, code, message

    async def answer(self, request: S3Request, send: Send) -> None:
        request_id = secrets.token_hex(8).upper()
        resource = escape(f"/{request.bucket}" + (f"/{request.key}" if request.key else ""))
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self._code}</Code><Message>{escape(self._message)}</Message>"
            f"<Resource>{resource}</Resource><RequestId>{request_id}</RequestId></Error>"
        ).encode()
        headers = [
            (b"content-type", b"application/xml"),
            (b"content-length", str(len(body)).encode()),
            (b"x-amz-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=50)


def _forwarded(scope: Scope, receive: Receive, url: str) -> httpx.Request:
    headers = [(name, value) for name, value in scope["headers"] if name not in _OF_ONE_CONNECTION]
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
    return httpx.Request(
        scope["method"],
        url,
        headers=headers,
        content=_body(receive) if has_body else None,
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


async def _swallow(receive: Receive) -> None:
    """Takes the body of a request that is refused: an answer before it leaves the next request on the same connection
    to be read as that body."""
    while (await receive()).get("more_body"):
        pass


async def _send_on(answer: httpx.Response, send: Send) -> None:
    drop = _OF_ONE_CONNECTION | _SAID_BY_THE_SERVER
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in drop]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    if answer.is_stream_consumed:
        await send({"type": "http.response.body", "body": answer.content})
        return
    async for chunk in answer.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})

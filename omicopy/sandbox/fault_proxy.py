"""Stands in front of an endpoint: lets faults happen, and writes every request into the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omicopy.sandbox.api.app import DRY_RUN, LAG
from omicopy.sandbox.error_responses import error_response, with_null_items, with_unknown_states, without_objects
from omicopy.sandbox.model.faults import API_ONLY, Fault, FaultKind, Faults, RequestKind
from omicopy.sandbox.model.request_log import SERVICE_ITSELF, RecordedRequest, RecordedRequests

FLUSH_SECONDS = 0.05
CAPTURED = (FaultKind.LOST_ANSWER, FaultKind.HANG_AFTER, FaultKind.CUT_ANSWER, *API_ONLY)


@dataclass(frozen=True, slots=True)
class ProxiedEndpoint:
    """What is watched, and who is who."""

    service: str
    region: str
    describe: Callable[[Scope], tuple[str, str | None]]
    """The action and the access key that a request names."""
    profiles: Mapping[str, str]
    """Profiles by access key."""
    own_agent: str
    """The User-Agent of the service itself."""


@dataclass(slots=True)
class ProxiedRequest:
    """One request while it is being answered."""

    scope: Scope
    asked: RequestKind
    fault: Fault | None
    arrived: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    status: int = 0
    answer_bytes: int = 0
    length: int | None = None
    """Of the body that was promised: a client that has so much has its answer, and does not wait for more."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    recorded: bool = False


class FaultProxy:
    """An ASGI app around an ASGI app."""

    def __init__(self, app: ASGIApp, watch: ProxiedEndpoint, faults: Faults, request_log: RecordedRequests) -> None:
        self._app = app
        self._watch = watch
        self._faults = faults
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = self._asked(scope)
        exchange = ProxiedRequest(scope, asked, self._faults.take(asked))
        try:
            await self._answer(exchange, receive, send)
        finally:
            self._note(exchange)

    def _asked(self, scope: Scope) -> RequestKind:
        action, key = self._watch.describe(scope)
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        profile = self._watch.profiles.get(key or "")
        account = SERVICE_ITSELF if agent == self._watch.own_agent else profile
        return RequestKind(self._watch.service, self._watch.region, action, account)

    async def _answer(self, exchange: ProxiedRequest, receive: Receive, send: Send) -> None:
        fault = exchange.fault
        if fault is None:
            await self._app(exchange.scope, receive, self._counted(exchange, send))
        elif fault.kind is FaultKind.RESET_BEFORE:
            self._note(exchange)
            _abort(exchange.scope)
        elif fault.kind is FaultKind.HANG:
            self._note(exchange)
            await _until_gone(receive)
        elif fault.kind is FaultKind.LAG and self._watch.service == "api":
            exchange.scope[LAG] = fault.lag_seconds
            await self._app(exchange.scope, receive, self._counted(exchange, send))
        elif fault.kind in CAPTURED or (fault.kind is FaultKind.LAG and exchange.asked.action.startswith("List")):
            await self._app(exchange.scope, receive, _captured(exchange))
            await self._bend(exchange, fault, receive, send)
        else:
            await self._refuse(exchange, fault, receive, send)

    async def _bend(self, exchange: ProxiedRequest, fault: Fault, receive: Receive, send: Send) -> None:
        """The effect has happened, the answer is at hand; `fault` says what becomes of it."""
        body = bytes(exchange.body)
        if fault.kind is FaultKind.UNKNOWN_STATE:
            body = with_unknown_states(body, fault.state)
        elif fault.kind is FaultKind.NULL_ITEMS:
            body = with_null_items(body)
        elif fault.kind is FaultKind.LAG:
            body = without_objects(body)
        exchange.answer_bytes = len(body)
        self._note(exchange)
        if fault.kind is FaultKind.LOST_ANSWER:
            _abort(exchange.scope)
        elif fault.kind is FaultKind.HANG_AFTER:
            await _until_gone(receive)
        else:
            whole = fault.kind is not FaultKind.CUT_ANSWER
            await send(_start(exchange.status, _with_length(exchange.headers, len(body))))
            part = body if whole else body[: len(body) // 2]
            await send({"type": "http.response.body", "body": part, "more_body": not whole})
            if not whole:
                await asyncio.sleep(FLUSH_SECONDS)
                _abort(exchange.scope)

    async def _refuse(self, exchange: ProxiedRequest, fault: Fault, receive: Receive, send: Send) -> None:
        answer = error_response(fault, self._watch.service)
        if answer is None:
            raise ValueError(f"{fault.kind} can't strike {self._watch.service}")
        await _swallow(receive)
        send = self._counted(exchange, send)
        await send(_start(answer.status, answer.headers))
        body = b"" if exchange.scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _counted(self, exchange: ProxiedRequest, send: Send) -> Send:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.length = _length(exchange, message)
            elif message["type"] == "http.response.body":
                exchange.answer_bytes += len(message.get("body", b""))
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if is_last or exchange.answer_bytes == exchange.length:
                self._note(exchange)
            await send(message)

        return counted

    def _note(self, exchange: ProxiedRequest) -> None:
        if exchange.recorded:
            return
        exchange.recorded = True
        asked = exchange.asked
        self._request_log.add(
            RecordedRequest(
                service=asked.service,
                region=asked.region,
                action=asked.action,
                account=asked.account,
                time=exchange.arrived,
                status=exchange.status,
                answer_bytes=exchange.answer_bytes,
                seconds=round(time.monotonic() - exchange.began, 4),
                fault=exchange.fault.kind.value if exchange.fault else None,
                dry_run=bool(exchange.scope.get(DRY_RUN)),
                key=exchange.scope["path"].lstrip("/") if asked.service == "oos" else None,
            )
        )


def _length(exchange: ProxiedRequest, start: Message) -> int | None:
    if exchange.scope["method"] == "HEAD" or start["status"] in (204, 304):
        return 0
    promised = dict(start.get("headers", [])).get(b"content-length")
    return None if promised is None else int(promised)


def _captured(exchange: ProxiedRequest) -> Send:
    async def captured(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status, exchange.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            exchange.body += message.get("body", b"")
            exchange.answer_bytes = len(exchange.body)

    return captured


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    dropped = (b"content-length", b"transfer-encoding")
    return [(name, value) for name, value in headers if name.lower() not in dropped] + [
        (b"content-length", str(length).encode())
    ]


def _abort(scope: Scope) -> None:
    abort: Any = scope["extensions"]["omicopy.abort"]
    abort()


async def _swallow(receive: Receive) -> None:
    """Take the rest of the request, so that its client reads the answer instead of failing while it still sends."""
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()


async def _until_gone(receive: Receive) -> None:
    """Accept, and never answer: until the client gives up or the server is stopped."""
    while (await receive())["type"] != "http.disconnect":
        pass

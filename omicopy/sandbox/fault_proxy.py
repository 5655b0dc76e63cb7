"""An ASGI app in front of the API or object storage: applies faults and records every request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omicopy.sandbox.api.app import DRY_RUN, LAG
from omicopy.sandbox.error_responses import error_response, with_null_items, with_unknown_states
from omicopy.sandbox.model.faults import API_ONLY, Fault, FaultKind, Faults, RequestKind
from omicopy.sandbox.model.request_log import SERVICE_ITSELF, RecordedRequest, RecordedRequests
from omicopy.sandbox.process.server import abort_connection, discard_body
from omicopy.sandbox.storage.s3_responses import without_objects

FLUSH_SECONDS = 0.05  # for the kernel to take the first half of a cut answer, before the reset drops what is unsent
CAPTURED = (FaultKind.LOST_ANSWER, FaultKind.HANG_AFTER, FaultKind.CUT_ANSWER, *API_ONLY)
"""The faults that let the app answer first, and then change or keep back the answer."""


@dataclass(frozen=True, slots=True)
class ProxiedEndpoint:
    """What the proxy must know of the app behind it."""

    service: str
    region: str
    describe: Callable[[Scope], tuple[str, str | None]]
    """Returns the action and the access key that a request names."""
    profiles: Mapping[str, str]
    """The profiles by access key."""
    service_agent: str
    """The User-Agent of the requests that the service itself makes."""

    def kind_of(self, scope: Scope) -> RequestKind:
        """Returns what decides which fault applies to a request."""
        action, key = self.describe(scope)
        agent = dict(scope["headers"]).get(b"user-agent", b"").decode("latin-1")
        account = SERVICE_ITSELF if agent == self.service_agent else self.profiles.get(key or "")
        return RequestKind(self.service, self.region, action, account)


@dataclass(slots=True)
class ProxiedRequest:
    """One request while it is answered, and what is known of its answer."""

    scope: Scope
    kind: RequestKind
    fault: Fault | None
    arrived: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    status: int = 0
    answer_bytes: int = 0
    length: int | None = None
    """The announced length of the body: a client that has received it does not wait for more messages."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_recorded: bool = False

    async def capture(self, message: Message) -> None:
        """An ASGI `send` that keeps the answer instead of sending it."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            self.answer_bytes = len(self.body)


class FaultProxy:
    """An ASGI app that forwards requests to another ASGI app."""

    def __init__(self, app: ASGIApp, endpoint: ProxiedEndpoint, faults: Faults, request_log: RecordedRequests) -> None:
        self._app = app
        self._endpoint = endpoint
        self._faults = faults
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind = self._endpoint.kind_of(scope)
        request = ProxiedRequest(scope, kind, self._faults.take(kind))
        try:
            await self._answer(request, receive, send)
        finally:
            self._record(request)

    async def _answer(self, request: ProxiedRequest, receive: Receive, send: Send) -> None:
        fault = request.fault
        if fault is None:
            await self._app(request.scope, receive, self._recording(request, send))
        elif fault.kind is FaultKind.RESET_BEFORE:
            self._record(request)
            abort_connection(request.scope)
        elif fault.kind is FaultKind.HANG:
            self._record(request)
            await _wait_for_disconnect(receive)
        elif fault.kind is FaultKind.LAG and self._endpoint.service == "api":
            request.scope[LAG] = fault.lag_seconds  # the app itself shows the earlier state
            await self._app(request.scope, receive, self._recording(request, send))
        elif fault.kind in CAPTURED or (fault.kind is FaultKind.LAG and request.kind.action.startswith("List")):
            await self._app(request.scope, receive, request.capture)
            await self._send_altered(request, fault, receive, send)
        else:
            await self._send_error(request, fault, receive, send)

    async def _send_altered(self, request: ProxiedRequest, fault: Fault, receive: Receive, send: Send) -> None:
        """Changes, cuts or keeps back the captured answer. The request has had its effect."""
        body = _altered(bytes(request.body), fault)
        request.answer_bytes = len(body)
        self._record(request)
        if fault.kind is FaultKind.LOST_ANSWER:
            abort_connection(request.scope)
            return
        if fault.kind is FaultKind.HANG_AFTER:
            await _wait_for_disconnect(receive)
            return
        is_cut = fault.kind is FaultKind.CUT_ANSWER
        await send(_start(request.status, _with_length(request.headers, len(body))))
        part = body[: len(body) // 2] if is_cut else body
        await send({"type": "http.response.body", "body": part, "more_body": is_cut})
        if is_cut:
            await asyncio.sleep(FLUSH_SECONDS)
            abort_connection(request.scope)

    async def _send_error(self, request: ProxiedRequest, fault: Fault, receive: Receive, send: Send) -> None:
        answer = error_response(fault, self._endpoint.service)
        if answer is None:
            raise ValueError(f"{fault.kind} can't be applied to {self._endpoint.service}")
        await discard_body(receive)
        send = self._recording(request, send)
        await send(_start(answer.status, answer.headers))
        body = b"" if request.scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _recording(self, request: ProxiedRequest, send: Send) -> Send:
        """Returns a `send` that records the request before the last byte of its answer is sent."""

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                request.length = _announced_length(request, message)
            elif message["type"] == "http.response.body":
                request.answer_bytes += len(message.get("body", b""))
            is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if is_last or request.answer_bytes == request.length:
                self._record(request)
            await send(message)

        return recording

    def _record(self, request: ProxiedRequest) -> None:
        if request.is_recorded:
            return
        request.is_recorded = True
        kind = request.kind
        self._request_log.add(
            RecordedRequest(
                service=kind.service,
                region=kind.region,
                action=kind.action,
                account=kind.account,
                time=request.arrived,
                status=request.status,
                answer_bytes=request.answer_bytes,
                seconds=round(time.monotonic() - request.began, 4),
                fault=request.fault.kind.value if request.fault else None,
                dry_run=bool(request.scope.get(DRY_RUN)),
                key=request.scope["path"].lstrip("/") if kind.service == "oos" else None,
            )
        )


def _altered(body: bytes, fault: Fault) -> bytes:
    match fault.kind:
        case FaultKind.UNKNOWN_STATE:
            return with_unknown_states(body, fault.state)
        case FaultKind.NULL_ITEMS:
            return with_null_items(body)
        case FaultKind.LAG:
            return without_objects(body)
    return body


def _announced_length(request: ProxiedRequest, start: Message) -> int | None:
    if request.scope["method"] == "HEAD" or start["status"] in (204, 304):
        return 0
    length = dict(start.get("headers", [])).get(b"content-length")
    return None if length is None else int(length)


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _with_length(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    replaced = (b"content-length", b"transfer-encoding")
    kept = [(name, value) for name, value in headers if name.lower() not in replaced]
    return [*kept, (b"content-length", str(length).encode())]


async def _wait_for_disconnect(receive: Receive) -> None:
    """Returns when the client closes the connection or the server stops."""
    while (await receive())["type"] != "http.disconnect":
        pass

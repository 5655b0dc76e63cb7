"""The API of one Region, as an ASGI app: checks signature and request, runs the action, checks the answer."""

from __future__ import annotations

import json
import re
import traceback
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from omicopy.sandbox.api.actions import ACTIONS
from omicopy.sandbox.api.actions.call import ApiBackend, ApiCall
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind, error_body
from omicopy.sandbox.api.lockout import KeyLockout
from omicopy.sandbox.api.openapi import OpenApi
from omicopy.sandbox.api.signature import SignedRequest, named_access_key, verify
from omicopy.sandbox.model.settings import SandboxAccount

PATH = re.compile(r"/+api/(?:v1|latest)/(?P<action>[A-Za-z]+)")
LAG = "omicopy.lag"
DRY_RUN = "omicopy.dry_run"


def action_of(scope: Scope) -> str:
    """Returns the action that the path of a request names."""
    found = PATH.fullmatch(scope["path"])
    return found["action"] if found else scope["path"].rsplit("/", 1)[-1]


def headers_of(scope: Scope) -> dict[str, str]:
    """Returns the headers of a request by their names in lower case."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


class ApiApp:
    """Answers the calls of one Region. `mistakes`: its exceptions, and answers that the official file forbids."""

    def __init__(
        self,
        backend: ApiBackend,
        openapi: OpenApi,
        endpoints: Mapping[str, str],
        callers: Sequence[SandboxAccount],
    ) -> None:
        self.mistakes: list[str] = []
        self._backend = backend
        self._openapi = openapi
        self._endpoints = endpoints
        self._keys: dict[str, SandboxAccount] = {caller.access_key: caller for caller in callers}
        self._lockout = KeyLockout(backend.state.clock)

    def replace_backend(self, backend: ApiBackend) -> None:
        """Works on another state from now on, with no key locked."""
        self._backend = backend
        self._lockout = KeyLockout(backend.state.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        status, answer = await run_in_threadpool(self.answer, scope, body)
        response = Response(json.dumps(answer), status, media_type="application/json")
        await response(scope, receive, send)

    def answer(self, scope: Scope, body: bytes) -> tuple[int, dict[str, Any]]:
        """Returns the status and the body of the answer to one request."""
        request_id = str(uuid.uuid4())
        action = action_of(scope)
        try:
            status, answer = 200, self._run(scope, action, body) | {"ResponseContext": {"RequestId": request_id}}
        except ApiError as error:
            status, answer = error.refusal.status, error_body(error.refusal, error.details, request_id)
        except Exception:  # noqa: BLE001 - a test must learn of any error
            return self._own_error(traceback.format_exc(), request_id)
        mistake = self._openapi.answer_error(action, status, answer)
        if mistake is None:
            return status, answer
        return self._own_error(mistake, request_id)

    def _own_error(self, mistake: str, request_id: str) -> tuple[int, dict[str, Any]]:
        self.mistakes.append(mistake)
        return 500, error_body(ApiErrorKind.INTERNAL.value, "The sandbox made a mistake.", request_id)

    def _run(self, scope: Scope, action: str, body: bytes) -> dict[str, Any]:
        if PATH.fullmatch(scope["path"]) is None or not self._openapi.knows(action):
            raise ApiError(ApiErrorKind.NO_SUCH_CALL)
        if scope["method"] != "POST":
            raise ApiError(ApiErrorKind.NOT_POST)
        account = self._caller(scope, action, body)
        request = _parsed(body)
        self._openapi.check_request(action, request)
        if action not in ACTIONS:
            raise ApiError(ApiErrorKind.NO_RIGHT)
        if request.get("DryRun") is True:
            scope[DRY_RUN] = True
            return {}
        call = ApiCall(account, self._backend, self._endpoints, self._moment(scope, action))
        # A write takes the lock itself: CreateImage may read a manifest before, for which no read should wait.
        if not action.startswith("Read"):
            return ACTIONS[action](call, request)
        with call.region.lock:
            return ACTIONS[action](call, request)

    def _caller(self, scope: Scope, action: str, body: bytes) -> SandboxAccount:
        if not self._openapi.needs_signature(action):
            return next(iter(self._keys.values()))
        headers = headers_of(scope)
        named = self._keys.get(named_access_key(headers) or "")
        if named is not None and not self._backend.state.settings.check_signatures:
            return named
        path = scope.get("raw_path") or scope["path"].encode()
        query = scope["query_string"].decode("latin-1")
        request = SignedRequest(scope["method"], path.decode("latin-1"), query, headers, body)
        skew = self._backend.state.settings.clock_skew_seconds
        with self._lockout.attempt(named_access_key(headers) or ""):
            return verify(request, self._keys, self._backend.state.name, datetime.now(UTC), skew)

    def _moment(self, scope: Scope, action: str) -> float | None:
        lag: float = scope.get(LAG, self._backend.state.settings.lag_seconds)
        return self._backend.state.clock() - lag if lag and action.startswith("Read") else None


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        raise ApiError(ApiErrorKind.NOT_VALID, "The body is not JSON.") from None
    if not isinstance(request, dict):
        raise ApiError(ApiErrorKind.NOT_VALID, "The body is not a JSON object.")
    return request

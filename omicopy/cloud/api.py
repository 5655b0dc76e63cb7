"""The OUTSCALE API through osc-sdk-python, with our own credentials, timeouts, errors and counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import requests
from osc_sdk_python.call import Call
from osc_sdk_python.credentials import Endpoint, Profile
from requests.adapters import HTTPAdapter

from omicopy.cloud.errors import (
    Answer,
    Cause,
    ServiceError,
    parse_clock_ahead,
    parse_retry_after,
    refused,
    temporary,
    unreadable,
)
from omicopy.cloud.http.network import ClientCert
from omicopy.cloud.http.transport import Transport, translate_transport_errors
from omicopy.cloud.key_gate import KeyGate
from omicopy.cloud.pages import all_pages
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.request_log import logged
from omicopy.cloud.retry import Pace, read_with_retries, send_once
from omicopy.errors import ErrorCode
from omicopy.model import json_fields
from omicopy.model.result import CallCount
from omicopy.model.units import format_duration

T = TypeVar("T")
Raw = Mapping[str, Any]
"""JSON, as sent or received."""
WARN_AFTER = 30.0
"""Seconds. If a read may be retried for longer, the user is told why."""
PAGE = 1000
"""The service's largest page size; its default is 100."""
_NO_ADDRESS = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.exceptions.InvalidSchema)


class _Adapter(HTTPAdapter):
    """Sends the requests of the `requests` library through our transport.

    `requests` would else read proxies and certificates from the environment.
    """

    def __init__(self, transport: Transport, client_cert: ClientCert) -> None:
        super().__init__()
        self._transport = transport
        self._client_cert = client_cert

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        method, url, body = request.method or "", request.url or "", request.body
        cert = self._client_cert
        answer = self._transport.send(method, url, request.headers, body, client_cert=cert, decode=True)
        response = self.build_response(request, answer.raw())
        response.encoding = "utf-8"  # JSON is UTF-8; guessing the encoding of a large answer takes seconds
        return response


class _Call(Call):  # type: ignore[misc]
    """The SDK's caller without its own search for credentials, which mixes accounts (DOMAIN.md §6)."""

    def update_profile(self, **kwargs: Any) -> dict[str, Any]:
        self.profile = kwargs.pop("resolved")
        return kwargs


class Api:
    """One account's API. Reads are retried; a create is sent exactly once (R1). Raises only ServiceError."""

    def __init__(
        self,
        account: Account,
        transport: Transport,
        pace: Pace,
        tell: Callable[[str], None] = lambda _: None,
        gate: KeyGate | None = None,
    ) -> None:
        self.account = account
        self.pace = pace
        self._gate = gate or KeyGate()  # shared by all clients that use the same key
        self.count = CallCount()
        self._tell: Callable[[str], None] | None = tell
        self._call = _Call(max_retries=0, resolved=_sdk_profile(account))
        self._call.session.trust_env = False  # no .netrc, no proxies: only the transport decides
        self._call.session.max_redirects = 0
        self._call.session.hooks["response"] = [self._compare_clocks, _raise_for_status]
        self.clock_ahead: timedelta | None = None
        """How far this machine's clock is ahead of the service's, according to the last answer."""
        self.refused_filters: set[str] = set()
        """Filters of ReadImageExportTasks that this Region has refused. They aren't sent again."""
        for scheme in ("https://", "http://"):
            self._call.session.mount(scheme, _Adapter(transport, account.client_cert))

    def read(self, action: str, patience: float, parameters: Raw) -> Raw:
        """One answer; retried for `patience` seconds."""
        return self.read_parsed(action, patience, parameters, lambda answer: answer)

    def read_parsed(self, action: str, patience: float, parameters: Raw, parse: Callable[[Raw], T]) -> T:
        """The result of `parse` for one answer. If `parse` raises MalformedAnswer, the read is retried like any other
        failure."""

        def send() -> T:
            self.count.reads += 1
            try:
                return parse(self._send(action, parameters))
            except json_fields.MalformedAnswer as error:
                failure = unreadable(action, self._where, str(error))
            except ServiceError as error:
                failure = error
            self._warn_once(failure, patience)
            raise failure

        return read_with_retries(send, self.pace, patience, self._count_retry)

    def _warn_once(self, error: ServiceError, patience: float) -> None:
        """Says why a read takes long, so that the user doesn't wait without a message."""
        patience = min(patience, self.pace.time_limit.left)
        if self._tell and patience > WARN_AFTER and error.code is ErrorCode.TEMPORARY:
            self._tell(f"{error.message}; retrying for at most {format_duration(timedelta(seconds=round(patience)))}")
            self._tell = None

    def read_all(self, action: str, key: str, patience: float, filters: Raw, parse: Callable[[Raw], T]) -> list[T]:
        """The results of `parse` for all items of all pages.

        A missing page, a MalformedAnswer or endless pages fail the read. It never returns a shorter list.
        """
        asked = {"ResultsPerPage": PAGE, "Filters": dict(filters)}

        def parse_page(answer: Raw) -> tuple[list[T], str]:
            items = [parse(raw) for raw in json_fields.listed(answer, key)]
            return items, json_fields.optional(answer, "NextPageToken")

        def read_page(token: str) -> tuple[list[T], str]:
            more = {"NextPageToken": token} if token else {}
            return self.read_parsed(action, patience, asked | more, parse_page)

        return all_pages(read_page, lambda why: unreadable(action, self._where, why))

    def write(self, action: str, patience: float, parameters: Raw) -> Raw:
        """Sends once. Waits up to `patience` seconds first if the account is throttled."""
        self.pace.wait(patience)
        self.count.writes += 1
        return send_once(lambda: self._send(action, parameters), self.pace)

    def write_idempotent(self, action: str, patience: float, parameters: Raw) -> Raw:
        """A write that may be repeated (a tag, a deletion): retried like a read. Never for a create."""

        def send() -> Raw:
            self.count.writes += 1
            return self._send(action, parameters)

        return read_with_retries(send, self.pace, patience, self._count_retry)

    def _count_retry(self) -> None:
        self.count.retries += 1

    def _compare_clocks(self, response: requests.Response, *_: object, **__: object) -> None:
        self.clock_ahead = parse_clock_ahead(response.headers) or self.clock_ahead

    @property
    def _where(self) -> str:
        return f"{self.account.profile} ({self.account.region})"

    def _send(self, action: str, parameters: Raw) -> Raw:
        self.pace.require_time(action, self._where)
        with (
            self._gate.admit(self.pace.time_limit.seconds),
            logged(action, self.account.region, self.account.profile) as log,
        ):
            answer = self._call_sdk(action, parameters)
            log.request_id = json_fields.text(json_fields.mapping(answer, "ResponseContext"), "RequestId")
            return answer

    def _call_sdk(self, action: str, parameters: Raw) -> Raw:
        with translate_transport_errors(action, self._where):
            try:
                answer = self._call.api(action, **parameters)
            except requests.HTTPError as error:
                raise _error_from_status(action, self._where, error.response) from None
            except _NO_ADDRESS:
                raise _unusable_endpoint(action, self._where, self.account.api_endpoint) from None
            except requests.TooManyRedirects:
                message = "the endpoint answers with a redirect, which is not followed"
                raise ServiceError(ErrorCode.FAILED, Cause.REFUSED, action, self._where, message) from None
        # The SDK may return JSON of any type.
        if not isinstance(answer, Mapping):
            raise unreadable(action, self._where)
        return answer


def _raise_for_status(response: requests.Response, *_: object, **__: object) -> None:
    """Raises HTTPError for an error status before the SDK reads the body.

    The SDK parses an error's JSON first, and fails on any format but its own.
    """
    if response.status_code >= 400:
        response.content  # noqa: B018  read whole, before anybody asks for it
        raise requests.HTTPError(response=response)


def _sdk_profile(account: Account) -> Any:
    return Profile(
        access_key=account.access_key,
        secret_key=account.secret_key,
        region=account.region,
        protocol="https",
        endpoints=Endpoint(api=account.api_endpoint, oos=account.oos_endpoint),
    )


def _error_from_status(action: str, where: str, response: requests.Response) -> ServiceError:
    """The failure that an HTTP status and the service's error body mean (DOMAIN.md §5)."""
    answer = _parse_answer(response)
    if answer.status == 429 or (answer.status == 503 and answer.code == "6"):
        return temporary(Cause.THROTTLED, action, where, str(answer), answer)
    if answer.status >= 500:
        return temporary(Cause.SERVER, action, where, str(answer), answer)
    return refused(action, where, answer)


def _parse_answer(response: requests.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, Mapping) else {}
    error = next(json_fields.mappings(body, "Errors"), body)
    return Answer(
        status=response.status_code,
        code=json_fields.text(error, "Code") or str(json_fields.integer(error, "Code") or ""),
        kind=json_fields.text(error, "Type") or json_fields.text(error, "title") or "",
        details=json_fields.text(error, "Details") or json_fields.text(error, "detail") or "",
        request_id=json_fields.text(json_fields.mapping(body, "ResponseContext"), "RequestId") or "",
        retry_after=parse_retry_after(response.headers),
    )


def _unusable_endpoint(action: str, where: str, endpoint: str) -> ServiceError:
    message = f"the API endpoint {endpoint!r} is not an http(s) address"
    hint = "Correct the profile's endpoint."
    return ServiceError(ErrorCode.CONFIGURATION, Cause.REFUSED, action, where, message, hint=hint)

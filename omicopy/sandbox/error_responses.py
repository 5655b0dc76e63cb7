"""The answers of faults: errors in the name of the API or of object storage, and damaged answers of the API."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from omicopy.sandbox.api.errors import ApiErrorKind, error_body
from omicopy.sandbox.model.faults import Fault, FaultKind

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
PROBLEM = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
API_ERRORS = {
    FaultKind.THROTTLE_PLATFORM: ApiErrorKind.PLATFORM_THROTTLE,
    FaultKind.THROTTLE_ACCOUNT: ApiErrorKind.ACCOUNT_THROTTLE,
    FaultKind.THROTTLE_CALL: ApiErrorKind.CALL_THROTTLE,
    FaultKind.ERROR_500: ApiErrorKind.INTERNAL,
    FaultKind.DENIED: ApiErrorKind.NO_RIGHT,
    FaultKind.NOT_FOUND: ApiErrorKind.NO_SUCH_RESOURCE,
}
SLOW_DOWN = (503, "SlowDown", "Please reduce your request rate.")
NO_SUCH_KEY = (404, "NoSuchKey", "The specified key does not exist.")
S3_ERRORS = {
    FaultKind.THROTTLE_PLATFORM: SLOW_DOWN,
    FaultKind.THROTTLE_ACCOUNT: SLOW_DOWN,
    FaultKind.THROTTLE_CALL: SLOW_DOWN,
    FaultKind.ERROR_500: (500, "InternalError", "We encountered an internal error."),
    FaultKind.ERROR_503: (503, "ServiceUnavailable", "Please try again."),
    FaultKind.DENIED: (403, "AccessDenied", "Access Denied."),
    FaultKind.NOT_FOUND: NO_SUCH_KEY,
    FaultKind.LAG: NO_SUCH_KEY,
}


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """A complete HTTP answer."""

    status: int
    content_type: str
    body: bytes
    retry_after: float | None

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers, in the form that ASGI needs."""
        headers = [(b"content-type", self.content_type.encode()), (b"content-length", str(len(self.body)).encode())]
        if self.retry_after is not None:
            headers.append((b"retry-after", f"{self.retry_after:g}".encode()))
        return headers


def error_response(fault: Fault, service: str) -> ErrorResponse | None:
    """Returns the error that the fault answers in place of the service; None if the fault works in another way."""
    if fault.kind is FaultKind.ERROR_502:
        return ErrorResponse(502, "text/html", HTML, fault.retry_after)
    if service == "oos" and fault.kind in S3_ERRORS:
        status, code, message = S3_ERRORS[fault.kind]
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return ErrorResponse(status, "application/xml", body.encode(), fault.retry_after)
    if fault.kind is FaultKind.ERROR_503:
        return ErrorResponse(503, "application/problem+json", json.dumps(PROBLEM).encode(), fault.retry_after)
    if fault.kind in API_ERRORS:
        refusal = API_ERRORS[fault.kind].value
        body = json.dumps(error_body(refusal, refusal.details, str(uuid.uuid4())))
        return ErrorResponse(refusal.status, "application/json", body.encode(), fault.retry_after)
    return None


def with_null_items(body: bytes) -> bytes:
    """Returns an answer of the API with every item of every list null. An empty list gets one null."""
    answer = json.loads(body)
    return json.dumps(
        {name: [None] * (len(value) or 1) if isinstance(value, list) else value for name, value in answer.items()}
    ).encode()


def with_unknown_states(body: bytes, state: str) -> bytes:
    """Returns an answer of the API in which the state of every image and export task is `state`."""
    answer = json.loads(body)
    resources = [*answer.get("Images", []), *answer.get("ImageExportTasks", [])]
    resources += [answer[name] for name in ("Image", "ImageExportTask") if name in answer]
    for resource in resources:
        resource["State"] = state
    return json.dumps(answer).encode()

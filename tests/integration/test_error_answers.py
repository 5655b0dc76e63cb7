"""Error answers of every shape that is known or likely, and what each is taken for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pytest

from omicopy.cloud.api import Api
from omicopy.cloud.errors import ServiceError
from omicopy.cloud.object_storage import Storage
from omicopy.deletion.images import delete_image
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object
from tests.support.hostile import HTML, JSON, PAGE, XML, NoPause, Reply, hostile, transport

PROBLEM = "application/problem+json"
LIMIT = "The limit has exceeded: 10.Limit for Image Exports has been reached."
QUOTA, FAILED, DENIED, NOT_FOUND = ErrorCode.QUOTA, ErrorCode.FAILED, ErrorCode.DENIED, ErrorCode.NOT_FOUND


def errors(**message: Any) -> bytes:
    return json.dumps({"ResponseContext": {"RequestId": "r"}, "Errors": [message]}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "body", "code"),
    [
        (400, JSON, errors(Details=LIMIT), QUOTA),
        (400, JSON, errors(Details="The limit has exceeded: 1.Limit for Image Exports has already reached."), QUOTA),
        (400, JSON, errors(Code="PendingImageLimitExceeded", Details="no more"), QUOTA),
        (400, JSON, errors(Code="", Type="PendingImageLimitExceeded"), QUOTA),
        (400, JSON, errors(Code="10008", Type="TooManyResources (QuotaExceded)"), QUOTA),
        (409, JSON, errors(Details=LIMIT), QUOTA),
        (400, JSON, errors(Code="RequestLimitExceeded", Details="slow down"), FAILED),
        (400, JSON, errors(Details="Rate limit exceeded"), FAILED),
        (400, JSON, errors(Code="8017", Type="OperationNotSupported"), ErrorCode.NOT_EXPORTABLE),
        (401, JSON, errors(Code="5", Type="AccessDenied"), DENIED),
        (400, JSON, errors(Code=5023), NOT_FOUND),
        (400, JSON, errors(Details="The ImageId 'ami-00000001' doesn't exist."), NOT_FOUND),
        (400, JSON, errors(Details="The ImageName is already used."), ErrorCode.NAME_CONFLICT),
        (400, JSON, errors(Details="Something else."), FAILED),
        (400, JSON, b'{"Details": "Something else."}', FAILED),
        (400, JSON, b'{"Errors": "many"}', FAILED),
        (400, JSON, b'{"Errors": [null, 1]}', FAILED),
        (400, JSON, b"[]", FAILED),
        (403, PROBLEM, b'{"title": "Forbidden", "status": 403, "detail": "no"}', DENIED),
        (404, PROBLEM, b'{"title": "Not Found", "status": "404"}', NOT_FOUND),
        (400, PROBLEM, b'{"title": "Bad Request", "detail": "bad"}', FAILED),
        (400, HTML, PAGE, FAILED),
        (403, HTML, PAGE, DENIED),
        (502, HTML, PAGE, ErrorCode.TEMPORARY),
        (429, HTML, PAGE, ErrorCode.TEMPORARY),
        (503, JSON, errors(Details="busy"), ErrorCode.TEMPORARY),
    ],
)
def test_an_error_is_classified_by_code_status_and_text(status: int, kind: str, body: bytes, code: ErrorCode) -> None:
    with hostile(Reply(status, kind, body)) as server:
        api = Api(server.account, transport(), NoPause())
        with pytest.raises(ServiceError) as caught:
            api.write("CreateImage", 0.0, {"ImageName": "a"})
    assert caught.value.code is code
    assert caught.value.is_name_conflict is (code is ErrorCode.NAME_CONFLICT)
    assert f"HTTP {status}" in caught.value.message


@pytest.mark.parametrize(
    ("reply", "is_gone"),
    [
        (Reply(400, JSON, errors(Code="5023", Type="InvalidResource")), True),
        (Reply(400, JSON, errors(Details="The ImageId 'ami-00000001' doesn't exist.")), True),
        (Reply(404, HTML, PAGE), False),
        (Reply(404, PROBLEM, b'{"title": "Not Found", "status": 404}'), False),
    ],
)
def test_a_404_of_the_service_itself_means_deleted(reply: Reply, is_gone: bool) -> None:
    """The same answer by a proxy does not."""
    with hostile(reply) as server:
        api = Api(server.account, transport(), NoPause())

        def send(action: str, parameters: Mapping[str, Any]) -> object:
            return api.write_idempotent(action, 0.0, parameters)

        with nullcontext() if is_gone else pytest.raises(ServiceError):
            delete_image(send, "ami-00000001")


@pytest.mark.parametrize("kind", ["NoSuchKey", None])
def test_a_404_of_the_store_itself_means_deleted(kind: str | None) -> None:
    """The same answer by a proxy does not."""
    reply = Reply(404, XML, f"<Error><Code>{kind}</Code></Error>".encode()) if kind else Reply(404, HTML, PAGE)
    with hostile(reply) as server, nullcontext() if kind else pytest.raises(ServiceError):
        Storage(server.account, transport(), NoPause(), 0.0).delete(S3Object("omi-exports", "x"))

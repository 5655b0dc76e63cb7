"""Creates one account's boto3 client: without the user's AWS settings, adapted to OOS, using our transport."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, HTTPClientError

from omicopy.cloud.http.network import ClientCert
from omicopy.cloud.http.transport import Transport
from omicopy.cloud.http.transport_error import TransportError
from omicopy.cloud.profiles.profile import Account
from omicopy.errors import ErrorCode, OmicopyError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSRequest
    from mypy_boto3_s3 import S3Client

_NO_AWS_SETTINGS: dict[str, Any] = {
    name: (None, None, default, conversion)
    for name, (_, _, default, conversion) in botocore.session.Session.SESSION_VARIABLES.items()
} | {"config_file": (None, None, os.devnull, None), "credentials_file": (None, None, os.devnull, None)}
"""Keeps the user's AWS files and AWS_* variables away from a client that has complete credentials."""
_ANSWER_LIMIT = 8 * 1024 * 1024
"""Bytes of an XML answer. A page of 1,000 keys of 915 bytes, each letter escaped, has 7 MB; parsing more takes
seconds."""


class NoResponse(HTTPClientError):
    """A TransportError on its way through botocore, which logs a traceback for every exception that isn't its own."""

    def __init__(self, reason: TransportError) -> None:
        super().__init__(error=reason)
        self.reason = reason


class _Session:
    """Sends botocore's requests through our transport, so that botocore doesn't choose proxies, certificates and
    timeouts."""

    def __init__(self, transport: Transport, client_cert: ClientCert, object_limit: int) -> None:
        self._transport = transport
        self._client_cert = client_cert
        self._object_limit = object_limit

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        # Only botocore's own connections wait for "100 Continue", and some proxies refuse the header.
        headers = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
        limit = self._object_limit if request.stream_output else None
        body = cast("bytes | None", request.body)  # this client never sends a stream
        try:
            limits: Any = {"limit": limit, "longest": _ANSWER_LIMIT, "client_cert": self._client_cert}
            answer = self._transport.send(request.method, request.url, headers, body, **limits)
        except TransportError as error:
            raise NoResponse(error) from None
        return AWSResponse(request.url, answer.status, cast("Any", answer.headers), answer.raw())

    def close(self) -> None:
        """Does nothing: others share the transport's connections."""


def make_s3_client(account: Account, transport: Transport, object_limit: int) -> S3Client:
    """The client. Of an object, the first `object_limit` bytes are read.

    Raises DENIED if there is no key, and CONFIGURATION for an unusable endpoint.
    """
    key = account.require_storage_key()
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
        request_checksum_calculation="when_required",  # OOS refuses the checksums of newer clients (DOMAIN.md §4)
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 1},
        proxies={},  # ignore the environment's
    )
    session = boto3.Session(
        aws_access_key_id=key.access_key,
        aws_secret_access_key=key.secret_key,
        region_name=account.region,
        botocore_session=botocore.session.Session(session_vars=_NO_AWS_SETTINGS),
    )
    try:
        client = session.client("s3", endpoint_url=account.oos_endpoint, config=config, verify=True)
    except (ValueError, BotoCoreError):
        message = f"The storage endpoint {account.oos_endpoint!r} of {account.profile} can't be used"
        raise OmicopyError(ErrorCode.CONFIGURATION, message, "Correct the profile's endpoint.") from None
    # botocore has no option for an endpoint's HTTP session; this is where it keeps it.
    client._endpoint.http_session = _Session(transport, account.client_cert, object_limit)  # type: ignore[attr-defined]
    client.meta.events.register("before-call.s3", _disable_redirects)
    client.meta.events.register("before-sign.s3.PutBucketCors", _add_content_md5)
    return client


def _add_content_md5(request: AWSRequest, **_: object) -> None:
    """S3 requires a checksum here. OOS refuses those that boto3 sends now, so send Content-MD5 as older versions
    did."""
    sums = [name for name in request.headers if name.lower().startswith(("x-amz-checksum-", "x-amz-sdk-checksum"))]
    for name in sums:
        del request.headers[name]
    body = request.data if isinstance(request.data, bytes) else str(request.data).encode()
    request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _disable_redirects(context: dict[str, Any], **_: object) -> None:
    """Another Region's endpoint belongs to another account. botocore would find it and send everything again."""
    context["s3_redirect"]["redirected"] = True

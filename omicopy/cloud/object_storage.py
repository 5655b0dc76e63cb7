"""Object storage (OOS) through boto3 with one account's own credentials: objects and CORS rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from omicopy.cloud.errors import Answer, Cause, ServiceError, parse_retry_after, refused, temporary, unreadable
from omicopy.cloud.http.transport import Transport, translate_transport_errors
from omicopy.cloud.key_gate import KeyGate
from omicopy.cloud.pages import all_pages
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.request_log import logged
from omicopy.cloud.retry import Pace, read_with_retries, send_once
from omicopy.cloud.s3_client import NoResponse, make_s3_client
from omicopy.cloud.url_reader import MANIFEST_LIMIT
from omicopy.errors import ErrorCode
from omicopy.model.s3_location import S3Object

T = TypeVar("T")
_NO_KEY = "NoSuchKey"
_NOT_FOUND = {"NoSuchBucket", _NO_KEY, "404"}


class Storage:
    """One account's buckets. Raises only ServiceError.

    Reads are retried for `patience` seconds, and deletions too, because repeating them is harmless. A put is sent once.
    """

    def __init__(
        self, account: Account, transport: Transport, pace: Pace, patience: float, gate: KeyGate | None = None
    ) -> None:
        """`gate` is shared by all clients that use the same key.

        Raises CONFIGURATION for an endpoint that botocore can't use, and DENIED if the account has no key.
        """
        self.account = account
        self._gate = gate or KeyGate()
        self._pace = pace
        self._patience = patience
        self._client = make_s3_client(account, transport, MANIFEST_LIMIT + 1)

    @property
    def key_refusal(self) -> ServiceError | None:
        """The store's answer that it doesn't know the key, if it said so. Nothing more is sent with the key."""
        refusal = self._gate.refusal
        is_unknown = refusal is not None and refusal.answer is not None and refusal.answer.kind == "InvalidAccessKeyId"
        return refusal if is_unknown else None

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        """Key and size in bytes of every object under a prefix, from all pages."""

        def read_page(token: str) -> tuple[list[tuple[str, int]], str]:
            return self._read_retried("ListObjects", bucket, lambda: self._page(bucket, prefix, token))

        return dict(all_pages(read_page, lambda why: unreadable("ListObjects", self._where(bucket), why)))

    def read(self, location: S3Object) -> bytes:
        """One whole object, or one byte more than a manifest may have."""
        return self._read_retried("GetObject", location.bucket, lambda: self._read(location))

    def read_start(self, location: S3Object, length: int) -> bytes:
        """The first `length` bytes of a non-empty object, or all if it is shorter."""
        asked: Any = {"Bucket": location.bucket, "Key": location.key, "Range": f"bytes=0-{length - 1}"}
        send = lambda: self._client.get_object(**asked)["Body"].read(length)  # noqa: E731
        return self._read_retried("GetObject", location.bucket, send)

    def put(self, location: S3Object, body: bytes) -> None:
        """Writes a JSON object. The caller has checked that the key is free."""
        target: Any = {"Bucket": location.bucket, "Key": location.key, "ContentType": "application/json"}
        self._write("PutObject", location.bucket, lambda: self._client.put_object(**target, Body=body))

    def delete(self, location: S3Object) -> None:
        """Deletes one object. A missing object is no error."""
        send = partial(self._client.delete_object, Bucket=location.bucket, Key=location.key)
        try:
            self._read_retried("DeleteObject", location.bucket, send)
        except ServiceError as error:
            if error.answer is None or error.answer.kind != _NO_KEY:  # a 404 without a code may come from a proxy
                raise

    def cors_rules(self, bucket: str) -> list[dict[str, Any]]:
        """The bucket's CORS rules in S3's format (`AllowedOrigins`, `AllowedMethods`, …). Empty if there are none."""
        return self._read_retried("GetBucketCors", bucket, lambda: self._cors_rules(bucket))

    def put_cors_rules(self, bucket: str, options: Sequence[dict[str, Any]]) -> None:
        """Replaces all CORS rules of the bucket."""
        configuration: Any = {"CORSRules": list(options)}
        send = partial(self._client.put_bucket_cors, Bucket=bucket, CORSConfiguration=configuration)
        self._write("PutBucketCors", bucket, send)

    def _page(self, bucket: str, prefix: str, token: str) -> tuple[list[tuple[str, int]], str]:
        """Keys and sizes of one page, and the token of the next page.

        An answer that isn't a listing, or an entry without key or size, is an error: a shorter list would mean
        "absent".
        """
        more: Any = {"ContinuationToken": token} if token else {}
        answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **more)
        following = answer["NextContinuationToken"] if answer["IsTruncated"] else ""
        shown = [(item["Key"], item["Size"]) for item in answer.get("Contents", [])]
        if not all(key for key, _ in shown) or (answer["IsTruncated"] and not following):
            raise ValueError("an object has no key, or the pages end before the list does")
        return shown, following

    def _read(self, location: S3Object) -> bytes:
        """Reads at most one byte more than MANIFEST_LIMIT: anyone with write access can make the object as large as
        they like."""
        body = self._client.get_object(Bucket=location.bucket, Key=location.key)["Body"]
        content = body.read(MANIFEST_LIMIT + 1)
        if len(content) <= MANIFEST_LIMIT:
            content += body.read(1)  # reading the end makes boto3 check the announced length
        return content

    def _cors_rules(self, bucket: str) -> list[dict[str, Any]]:
        try:
            return [dict(rule) for rule in self._client.get_bucket_cors(Bucket=bucket)["CORSRules"]]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchCORSConfiguration":
                return []
            raise

    def _read_retried(self, action: str, bucket: str, call: Callable[[], T]) -> T:
        return read_with_retries(lambda: self._send(action, bucket, call), self._pace, self._patience, lambda: None)

    def _write(self, action: str, bucket: str, call: Callable[[], object]) -> None:
        self._pace.wait(self._patience)
        send_once(lambda: self._send(action, bucket, call), self._pace)

    def _send(self, action: str, bucket: str, call: Callable[[], T]) -> T:
        self._pace.require_time(action, self._where(bucket))
        log = logged(action, self.account.region, self.account.profile)
        with self._gate.admit(self._pace.time_limit.seconds), log:
            return _translated(action, self._where(bucket), call)

    def _where(self, bucket: str) -> str:
        key = f", with the key of {self.account.storage}" if self.account.storage else ""
        return f"s3://{bucket} of {self.account.profile} ({self.account.region}){key}"


def _translated(action: str, where: str, call: Callable[[], T]) -> T:
    """Calls boto3 and turns every exception into a ServiceError."""
    with translate_transport_errors(action, where):
        try:
            return call()
        except ClientError as error:
            raise _error_from_answer(action, where, error) from None
        except ParamValidationError as error:
            raise ServiceError(ErrorCode.USAGE, Cause.REFUSED, action, where, str(error)) from None
        except NoResponse as error:
            raise error.reason from None
        except BotoCoreError as error:
            raise ValueError(str(error)) from None


def _error_from_answer(action: str, where: str, error: ClientError) -> ServiceError:
    """The failure that S3's status and error code mean."""
    metadata = error.response.get("ResponseMetadata", {})
    body = error.response.get("Error", {})
    code = str(body.get("Code", ""))
    answer = Answer(
        status=int(metadata.get("HTTPStatusCode", 0)),
        kind=code,
        details=str(body.get("Message", "")),
        request_id=str(metadata.get("RequestId", "")),
        retry_after=parse_retry_after({"Retry-After": metadata.get("HTTPHeaders", {}).get("retry-after", "")}),
    )
    if answer.status == 429 or code in ("SlowDown", "RequestLimitExceeded"):
        return temporary(Cause.THROTTLED, action, where, str(answer), answer)
    if answer.status >= 500:
        return temporary(Cause.SERVER, action, where, str(answer), answer)
    if code in _NOT_FOUND:
        hint = "Name a bucket that exists in this Region, or create it." if code == "NoSuchBucket" else ""
        return ServiceError(ErrorCode.NOT_FOUND, Cause.REFUSED, action, where, str(answer), answer, hint)
    return refused(action, where, answer)

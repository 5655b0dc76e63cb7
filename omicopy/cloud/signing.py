"""Pre-signed URLs, made offline: SigV4, path-style, for one object and one method."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from omicopy.cloud.profile import Account
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.duration import say_duration
from omicopy.model.presigned import MAX_EXPIRY


def check_expiry(expires: timedelta) -> timedelta:
    """The duration itself when a store takes it: whole seconds, from 1 to 604,800 (DOMAIN.md §4); raises USAGE."""
    if timedelta(seconds=1) <= expires <= MAX_EXPIRY:
        return expires
    raise OmicopyError(
        ErrorCode.USAGE,
        f"A pre-signed URL can't live for {say_duration(expires)} ({int(expires.total_seconds())} s)",
        "Give --expires between 1s and 7d (604800 s), the longest that SigV4 allows.",
    )


def presign(account: Account, bucket: str, key: str, expires: timedelta = MAX_EXPIRY) -> str:
    """A URL that lets anybody GET `s3://bucket/key` for `expires`. Sends nothing; raises USAGE for a bad duration."""
    seconds = int(check_expiry(expires).total_seconds())
    url = f"{account.oos_endpoint}/{quote(bucket, safe='')}/{quote(key, safe='/~')}"
    request = AWSRequest(method="GET", url=url)
    credentials = Credentials(account.access_key, account.secret_key)
    S3SigV4QueryAuth(credentials, "s3", account.region, expires=seconds).add_auth(request)
    return str(request.url)

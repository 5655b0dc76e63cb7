"""Creates pre-signed URLs offline: SigV4, path-style, for one object and one method."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from omicopy.cloud.profiles.profile import Account
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import MAX_EXPIRY, PresignedUrl, parse_presigned
from omicopy.model.urls.validity import check_expiry

_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?: *; *[\w.-]+=[\w.+-]+)*", re.ASCII)
_NEVER_SIGNED = "application/x-www-form-urlencoded"
"""botocore leaves this type out of the signature, so an upload could send any type."""


def check_content_type(content_type: str) -> str:
    """Returns the type if an upload can be bound to it; raises USAGE."""
    if _CONTENT_TYPE.fullmatch(content_type) and not content_type.lower().startswith(_NEVER_SIGNED):
        return content_type
    hint = "Use for example text/plain, or leave it out."
    raise OmicopyError(ErrorCode.USAGE, f"{content_type!r} can't be used as content type", hint)


def presign(
    account: Account,
    location: S3Object,
    expires: timedelta = MAX_EXPIRY,
    method: Literal["GET", "PUT"] = "GET",
    content_type: str | None = None,
) -> PresignedUrl:
    """A URL to GET (or PUT) `s3://bucket/key`, valid for `expires`. An upload must send `content_type` if it is given.

    Sends nothing. Raises USAGE for an invalid duration, and DENIED if the account has no key for its object storage.
    """
    signer = account.require_storage_key()
    seconds = int(check_expiry(expires).total_seconds())
    url = f"{account.oos_endpoint}/{quote(location.bucket, safe='')}/{quote(location.key, safe='/~')}"
    request = AWSRequest(method=method, url=url, headers={"Content-Type": content_type} if content_type else {})
    credentials = Credentials(signer.access_key, signer.secret_key)
    S3SigV4QueryAuth(credentials, "s3", account.region, expires=seconds).add_auth(request)
    return parse_presigned(str(request.url))

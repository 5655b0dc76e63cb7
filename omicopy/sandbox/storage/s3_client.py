"""The S3 calls that the sandbox makes itself. The AWS profiles and variables of the user have no effect on them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from omicopy.sandbox.model.settings import SandboxAccount

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class S3Client:
    """Requests to the store at `url` with the key of `account`."""

    def __init__(self, url: str, account: SandboxAccount, timeout: float = 30) -> None:
        self._url = url
        self._region = account.region
        self._credentials = Credentials(account.access_key, account.secret_key)
        self._http = urllib3.PoolManager(retries=False, timeout=timeout)

    def __enter__(self) -> S3Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.clear()

    def exists(self, bucket: str) -> bool:
        return _is_success(self._send("HEAD", bucket))

    def create(self, bucket: str) -> bool:
        """Creates a bucket. Returns false if the store refuses, true also if the bucket exists."""
        answer = self._send("PUT", bucket)
        return _is_success(answer) or answer.status == HTTPStatus.CONFLICT

    def is_ready(self, bucket: str) -> bool:
        """Creates a bucket and writes an object to it. Returns false if that fails, as at first in a new bucket."""
        try:
            return (
                self.create(bucket)
                and _is_success(self._send("PUT", f"{bucket}/.probe", content=b"?"))
                and _is_success(self._send("DELETE", f"{bucket}/.probe"))
            )
        except urllib3.exceptions.HTTPError:
            return False

    def put(self, path: str, content: bytes) -> None:
        self._send_checked("PUT", path, content=content)

    def empty(self, bucket: str) -> None:
        """Deletes all objects, unfinished uploads and CORS rules of a bucket."""
        while keys := [key for key, _ in self._list(bucket, "list-type=2", "Contents", "Key")]:
            self._delete_objects(bucket, keys)
        for key, upload in self._list(bucket, "uploads=", "Upload", "UploadId"):
            self._send_checked("DELETE", f"{bucket}/{quote(key)}", urlencode({"uploadId": upload}))
        self._send_checked("DELETE", bucket, "cors=")

    def delete_bucket(self, bucket: str) -> None:
        """Deletes a bucket with its contents, if it exists."""
        if self.exists(bucket):
            self.empty(bucket)
            self._send_checked("DELETE", bucket)

    def _list(self, bucket: str, query: str, element: str, field: str) -> Iterator[tuple[str, str]]:
        answer = self._send_checked("GET", bucket, query)
        for entry in ElementTree.fromstring(answer.data).iter(_NAMESPACE + element):  # noqa: S314 (our own process)
            yield entry.findtext(_NAMESPACE + "Key", ""), entry.findtext(_NAMESPACE + field, "")

    def _delete_objects(self, bucket: str, keys: list[str]) -> None:
        entries = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{entries}</Delete>".encode()
        self._send_checked("POST", bucket, "delete=", body)

    def _send_checked(self, method: str, path: str, query: str = "", content: bytes = b"") -> urllib3.BaseHTTPResponse:
        answer = self._send(method, path, query, content)
        if not _is_success(answer):
            raise RuntimeError(f"the store answered {answer.status} to {method} {path}: {answer.data.decode()}")
        return answer

    def _send(self, method: str, path: str, query: str = "", content: bytes = b"") -> urllib3.BaseHTTPResponse:
        url = f"{self._url}/{path}" + (f"?{query}" if query else "")
        headers = {"Content-MD5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()}
        request = AWSRequest(method, url, headers, content)
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(request)
        return self._http.request(method, url, headers=dict(request.headers.items()), body=content)


def _is_success(answer: urllib3.BaseHTTPResponse) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES

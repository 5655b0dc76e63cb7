"""The few S3 calls that the sandbox makes itself, whatever AWS profile or variables its user has."""

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
    """What `account` can see and do at the store at `url`."""

    def __init__(self, url: str, account: SandboxAccount, timeout: float = 30) -> None:
        self._url = url
        self._region = account.region
        self._credentials = Credentials(account.access_key, account.secret_key)
        self._http = urllib3.PoolManager(retries=False, timeout=timeout)

    def close(self) -> None:
        self._http.clear()

    def exists(self, bucket: str) -> bool:
        return _done(self._send("HEAD", bucket))

    def make(self, bucket: str) -> bool:
        """False when the store refuses; true also when the bucket is there already."""
        answer = self._send("PUT", bucket)
        return _done(answer) or answer.status == HTTPStatus.CONFLICT

    def is_ready(self, bucket: str) -> bool:
        """Makes it, and an object in it: a bucket's first bytes find no volume to go to, for a moment."""
        try:
            return (
                self.make(bucket)
                and _done(self._send("PUT", f"{bucket}/.probe", content=b"?"))
                and _done(self._send("DELETE", f"{bucket}/.probe"))
            )
        except urllib3.exceptions.HTTPError:
            return False

    def put(self, path: str, content: bytes) -> None:
        self._must("PUT", path, content=content)

    def empty(self, bucket: str) -> None:
        """No object, no unfinished upload, no CORS rule."""
        while keys := [key for key, _ in self._list(bucket, "list-type=2", "Contents", "Key")]:
            self._delete(bucket, keys)
        for key, upload in self._list(bucket, "uploads=", "Upload", "UploadId"):
            self._must("DELETE", f"{bucket}/{quote(key)}", urlencode({"uploadId": upload}))
        self._must("DELETE", bucket, "cors=")

    def drop(self, bucket: str) -> None:
        """Deletes it, with all that it holds; that it is not there is fine."""
        if self.exists(bucket):
            self.empty(bucket)
            self._must("DELETE", bucket)

    def _list(self, bucket: str, query: str, element: str, field: str) -> Iterator[tuple[str, str]]:
        answer = self._must("GET", bucket, query)
        for entry in ElementTree.fromstring(answer.data).iter(_NAMESPACE + element):  # noqa: S314 (our own process)
            yield entry.findtext(_NAMESPACE + "Key", ""), entry.findtext(_NAMESPACE + field, "")

    def _delete(self, bucket: str, keys: list[str]) -> None:
        entries = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{entries}</Delete>".encode()
        self._must("POST", bucket, "delete=", body)

    def _must(self, method: str, path: str, query: str = "", content: bytes = b"") -> urllib3.BaseHTTPResponse:
        answer = self._send(method, path, query, content)
        if not _done(answer):
            raise RuntimeError(f"the store answered {answer.status} to {method} {path}: {answer.data.decode()}")
        return answer

    def _send(self, method: str, path: str, query: str = "", content: bytes = b"") -> urllib3.BaseHTTPResponse:
        url = f"{self._url}/{path}" + (f"?{query}" if query else "")
        headers = {"Content-MD5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()}
        request = AWSRequest(method, url, headers, content)
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(request)
        return self._http.request(method, url, headers=dict(request.headers.items()), body=content)


def _done(answer: urllib3.BaseHTTPResponse) -> bool:
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES

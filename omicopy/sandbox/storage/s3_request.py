"""Reads an S3 request without verifying it: action, bucket, key, access key, Region, checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

# A parameter of the query string names the subresource. Both versions of ListObjects count as one action.
_OF_BUCKET = {
    "acl": "BucketAcl",
    "cors": "BucketCors",
    "lifecycle": "BucketLifecycle",
    "location": "BucketLocation",
    "policy": "BucketPolicy",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
}
_OF_OBJECT = {"acl": "ObjectAcl", "retention": "ObjectRetention", "tagging": "ObjectTagging"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
_PLAIN = {
    ("GET", "service"): "ListBuckets",
    ("GET", "bucket"): "ListObjects",
    ("HEAD", "bucket"): "HeadBucket",
    ("PUT", "bucket"): "CreateBucket",
    ("DELETE", "bucket"): "DeleteBucket",
    ("POST", "bucket"): "PostObject",
    ("GET", "object"): "GetObject",
    ("HEAD", "object"): "HeadObject",
    ("PUT", "object"): "PutObject",
    ("DELETE", "object"): "DeleteObject",
}
_OF_UPLOADS = {
    ("GET", "uploads", "bucket"): "ListMultipartUploads",
    ("POST", "delete", "bucket"): "DeleteObjects",
    ("POST", "uploads", "object"): "CreateMultipartUpload",
    ("POST", "uploadId", "object"): "CompleteMultipartUpload",
    ("PUT", "uploadId", "object"): "UploadPart",
    ("GET", "uploadId", "object"): "ListParts",
    ("DELETE", "uploadId", "object"): "AbortMultipartUpload",
}
_TRAILING = "-TRAILER"  # x-amz-content-sha256 ends so when checksums come after the body


@dataclass(frozen=True, slots=True)
class S3Request:
    """A path-style S3 request. Header names are in lower case."""

    method: str
    bucket: str
    key: str
    headers: dict[str, str]
    query: dict[str, str]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> S3Request:
        bucket, _, key = scope["raw_path"].decode("ascii").lstrip("/").partition("/")
        return cls(
            method=scope["method"],
            bucket=unquote(bucket),
            key=unquote(key),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        )

    @property
    def action(self) -> str:
        """S3's name of the action. "Preflight": a browser asks for CORS; "Unknown": S3 has no such action."""
        if self.method == "OPTIONS":
            return "Preflight"
        level = "object" if self.key else "bucket" if self.bucket else "service"
        for (method, parameter, of), name in _OF_UPLOADS.items():
            if (method, of) == (self.method, level) and parameter in self.query:
                return name
        subresources = _OF_OBJECT if level == "object" else _OF_BUCKET
        for parameter, name in subresources.items():
            if parameter in self.query and self.method in _VERBS:
                return _VERBS[self.method] + name
        if self.method == "PUT" and "x-amz-copy-source" in self.headers:
            return "CopyObject"
        return _PLAIN.get((self.method, level), "Unknown")

    @property
    def access_key(self) -> str | None:
        """The access key that the request names, in any of the four ways. It is not verified."""
        if credential := self._credential():
            return credential.split("/")[0]
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        return rest.split(":")[0] if scheme == "AWS" else self.query.get("AWSAccessKeyId")

    @property
    def signed_region(self) -> str | None:
        """The Region in the scope of the signature; None for SigV2."""
        parts = (self._credential() or "").split("/")
        return parts[2] if len(parts) == 5 else None

    @property
    def is_signed_in_query(self) -> bool:
        return "X-Amz-Credential" in self.query

    @property
    def is_form_upload(self) -> bool:
        return self.action == "PostObject"

    @property
    def length(self) -> int | None:
        """The announced length of the body."""
        length = self.headers.get("content-length", "")
        return int(length) if length.isdecimal() else None

    @property
    def is_conditional_write(self) -> bool:
        return self.action == "PutObject" and not {"if-match", "if-none-match"}.isdisjoint(self.headers)

    @property
    def signed_at(self) -> str | None:
        """The date of a request that is signed in its header, as text."""
        if not self.headers.get("authorization", "").startswith("AWS"):
            return None
        return self.headers.get("x-amz-date") or self.headers.get("date")

    @property
    def unsigned_headers(self) -> list[str]:
        """The headers that a SigV4 signature must cover but does not. A SigV2 signature always covers them."""
        signed = self._signed_headers()
        if signed is None:
            return []
        covered = signed.lower().split(";")
        return [name for name in self.headers if name.startswith("x-amz-") and name not in covered]

    @property
    def has_checksum(self) -> bool:
        """True if the request has or asks for a checksum of the kind that SDKs add since 2025 (header or trailer)."""
        names = [*self.headers, *(name.lower() for name in self.query)]
        trailers = self.headers.get("trailer", "").lower()
        return (
            any(name.startswith("x-amz-checksum-") for name in names)
            or "x-amz-sdk-checksum-algorithm" in names
            or "x-amz-trailer" in names
            or "x-amz-checksum-" in trailers
            or self.headers.get("x-amz-content-sha256", "").endswith(_TRAILING)
        )

    def _credential(self) -> str | None:
        """Returns `KEY/date/Region/s3/aws4_request`, or None."""
        return self.query.get("X-Amz-Credential") or self._in_authorization("Credential")

    def _signed_headers(self) -> str | None:
        return self.query.get("X-Amz-SignedHeaders") or self._in_authorization("SignedHeaders")

    def _in_authorization(self, wanted: str) -> str | None:
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        if scheme == "AWS4-HMAC-SHA256":
            for part in rest.split(","):
                name, _, value = part.strip().partition("=")
                if name == wanted:
                    return value
        return None

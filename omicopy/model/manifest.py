"""Export manifests (version 1): parsed and checked as untrusted input, and rewritten with new URLs.

DOMAIN.md §3 describes the keys. `manifest_schema.py` reads the JSON.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl

if TYPE_CHECKING:
    from omicopy.model.manifest_schema import SnapshotFields

MAX_MANIFEST_BYTES = 1024 * 1024
"""Who fetches a manifest need not read more than one byte beyond."""
MANIFEST_URL = "manifest URL"
"""What `Expiry` calls the manifest's own URL. The embedded URLs are named by JSON path."""
NamedExpiry = tuple[str, datetime | None]
"""A name and when it expires. None: unknown, and so never valid."""


def url_path(index: int) -> str:
    """The JSON path of a snapshot's URL, for messages."""
    return f"Image.Snapshots[{index}].PreSignedUrl"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the first of several URLs expires."""

    at: datetime | None
    """None if the expiry of any URL is unknown."""
    first: str
    """The URL that expires first among those known; if none is known, the first in the list."""
    unknown: tuple[str, ...] = ()
    earliest_known: datetime | None = None
    """After this time at least one URL has expired, whatever the unknown ones do."""


@dataclass(frozen=True, slots=True)
class ManifestSnapshot:
    """One volume of the image. All texts are printable; missing or empty ones are None."""

    url: PresignedUrl
    size_bytes: int
    """Of the volume."""
    compressed_bytes: int | None = None
    """Of the object in the bucket."""
    device: str | None = None
    filename: str | None = None
    """As written: a whole key or only a file name. Use `key` for the object."""
    volume_type: str | None = None
    iops: int | None = None
    delete_on_termination: bool | None = None

    @property
    def key(self) -> str | None:
        """The object's key, from the URL's path, percent-decoded."""
        return self.url.key


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that passed all format checks. `own_manifest` decides if it may be signed or handed out."""

    name: str | None
    description: str | None
    architecture: str | None
    product_types: tuple[str, ...]
    snapshots: tuple[ManifestSnapshot, ...]
    document: Mapping[str, Any] = field(repr=False, hash=False)
    """The whole JSON with live URLs and unknown keys, for rewriting. Never changed."""

    def expiry(self) -> Expiry:
        """When the first of the embedded URLs expires."""
        return earliest_of(self.ends())

    def ends(self) -> list[NamedExpiry]:
        """The JSON path and expiry of every embedded URL."""
        return [(url_path(index), snapshot.url.expires_at) for index, snapshot in enumerate(self.snapshots)]

    def earliest_expiry(self) -> datetime | None:
        """`expiry().at`: None if that of any snapshot is unknown."""
        return self.expiry().at

    def is_at(self, endpoint: str) -> bool:
        """True if every embedded URL points to the store at `endpoint`."""
        return all(snapshot.url.is_at(endpoint) for snapshot in self.snapshots)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the manifest with object keys in place of URLs. Re-signing doesn't change it.

        It identifies the exported image. It covers neither bucket nor host: two manifests with the same fingerprint may
        point to different objects. See `digest`.
        """
        return _sha256(self._with_urls([snapshot.key for snapshot in self.snapshots]))

    def digest(self) -> str:
        """SHA-256 (hex) of the manifest with its URLs: equal only for the identical manifest."""
        return _sha256(self.document)

    def with_urls(self, urls: Sequence[str]) -> bytes:
        """The JSON with new URLs, one per snapshot in order (else ValueError). Nothing else changes.

        White space is left out if the result would otherwise exceed the size limit of a manifest.
        """
        document = self._with_urls(urls)
        spacious = json.dumps(document, indent=2).encode() + b"\n"
        return spacious if len(spacious) <= MAX_MANIFEST_BYTES else json.dumps(document, separators=(",", ":")).encode()

    def problem_outside(self, bucket: str, *prefixes: str) -> str | None:
        """R4: a text with the JSON path of the first URL that points outside all of the `prefixes` in `bucket`, else
        None.

        All URLs must have the same host. Slashes around a prefix don't matter; an empty prefix is the whole bucket.
        """
        return self._problem_outside(bucket, [_folder(prefix) for prefix in prefixes])

    def problem_outside_folder(self, location: S3Object, allowed: Sequence[str] = ()) -> str | None:
        """R4: like `problem_outside`, for the folder of `manifest_key` and the prefixes in `allowed`."""
        folder = location.folder.path
        if not {".", ".."}.isdisjoint(location.key.split("/")):
            return f'The manifest\'s own path contains "." or "..": "{location.key}".'
        problem = self._problem_outside(location.bucket, [folder, *(_folder(prefix) for prefix in allowed)])
        if problem or folder:
            return problem
        for index, snapshot in enumerate(self.snapshots):
            key = snapshot.key or ""
            if "/" in key and not any(key.startswith(_folder(prefix)) for prefix in allowed):
                return f'{url_path(index)} is outside the export: "{key}" is in a folder, but the manifest is not.'
        return None

    def _problem_outside(self, bucket: str, folders: Sequence[str]) -> str | None:
        """`folders` are exact: each ends with a slash, or is empty for the whole bucket."""
        host = self.snapshots[0].url.host
        for index, snapshot in enumerate(self.snapshots):
            problems = [_outside(snapshot.url, host, bucket, folder) for folder in folders]
            if all(problems):
                return f"{url_path(index)} {problems[0]}."
        return None

    def _with_urls(self, urls: Iterable[str | None]) -> dict[str, Any]:
        document = copy.deepcopy(dict(self.document))
        for entry, url in zip(document["Image"]["Snapshots"], urls, strict=True):
            entry["PreSignedUrl"] = url
        return document


def effective_expiry(manifest_url: datetime | None, manifest: Manifest) -> Expiry:
    """When a manifest's URL or any URL inside it expires first (DOMAIN.md §3). `manifest_url` None: unknown."""
    return earliest_of([(MANIFEST_URL, manifest_url), *manifest.ends()])


def earliest_of(several: Sequence[NamedExpiry]) -> Expiry:
    """The first expiry of several URLs that are all needed."""
    known = [(moment, what) for what, moment in several if moment is not None]
    unknown = tuple(what for what, moment in several if moment is None)
    if not known:
        return Expiry(at=None, first=unknown[0], unknown=unknown)
    earliest, first = min(known, key=lambda pair: pair[0])
    return Expiry(at=None if unknown else earliest, first=first, unknown=unknown, earliest_known=earliest)


def parse_manifest(raw: bytes, where: str = "The manifest") -> Manifest:
    """Parses untrusted bytes as a manifest. `where` names them in messages.

    Whole numbers may be written as text ("10737418240"). Raises OmicopyError(DAMAGED) with the JSON path, never with a
    value. `Manifest.problem_outside` checks where the URLs point.
    """
    from omicopy.model.manifest_schema import read_manifest  # pydantic, which no help and no plain URL needs

    entry, document = read_manifest(raw, where)
    image = entry.image
    return Manifest(
        name=image.name or None,
        description=_one_line(image.description or "") or None,
        architecture=image.architecture or None,
        product_types=tuple(image.product_types or ()),
        snapshots=tuple(_snapshot(snapshot) for snapshot in image.snapshots),
        document=document,
    )


def _snapshot(entry: SnapshotFields) -> ManifestSnapshot:
    return ManifestSnapshot(
        url=entry.url,
        size_bytes=entry.size,
        compressed_bytes=entry.compressed_size,
        device=entry.device or None,
        filename=entry.filename or None,
        volume_type=entry.volume_type or None,
        iops=entry.iops,
        delete_on_termination=entry.delete_on_termination,
    )


def _one_line(text: str) -> str:
    """Free text made safe for a terminal: a description may contain line breaks or control characters."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _sha256(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _folder(prefix: str) -> str:
    tidy = prefix.strip("/")
    return f"{tidy}/" if tidy else ""


def _outside(url: PresignedUrl, host: str, bucket: str, folder: str) -> str | None:
    if url.host != host:
        return f'has another host, "{url.host}" instead of "{host}"'
    if url.bucket != bucket:
        return f'is in another bucket, "{url.bucket or ""}" instead of "{bucket}"'
    if url.key is None:
        return "has no object key"
    if not url.key.startswith(folder):
        return f'is outside the export: "{url.key}" is not under "{folder}"'
    if not {"", ".", ".."}.isdisjoint(url.key.removeprefix(folder).split("/")):
        return f'contains an empty part, "." or "..": "{url.key}"'
    return None

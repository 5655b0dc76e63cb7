"""The manifest (version 1) of an export: parsed and checked as a stranger's input, and rewritten with new URLs.

What its keys mean is in DOMAIN.md §3. How the JSON is read is in `manifest_file.py`.
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
"""What `Expiry` calls the URL of the manifest itself, beside the JSON paths of the URLs inside."""

NamedExpiry = tuple[str, datetime | None]
"""What ends, and when. None: nobody knows, so that it is never valid."""


def url_path(index: int) -> str:
    """The JSON path of a snapshot's URL, for messages."""
    return f"Image.Snapshots[{index}].PreSignedUrl"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When the first of several URLs ends."""

    at: datetime | None
    """None as soon as one of them is unknown."""
    first: str
    """The one that ends first of those known; of none is known, the first of all."""
    unknown: tuple[str, ...] = ()
    earliest_known: datetime | None = None
    """Past this moment something has ended for certain, whatever the unknown ones do."""


@dataclass(frozen=True, slots=True)
class ManifestSnapshot:
    """One volume of the image. All texts are printable; what the manifest leaves out or empty is None."""

    url: PresignedUrl
    size_bytes: int
    """Of the volume."""
    compressed_bytes: int | None = None
    """Of the object in the bucket."""
    device: str | None = None
    filename: str | None = None
    """As written: a whole key or a bare file name. For the object, trust `key`."""
    volume_type: str | None = None
    iops: int | None = None
    delete_on_termination: bool | None = None

    @property
    def key(self) -> str | None:
        """The object's key, from the URL's path, percent-decoded."""
        return self.url.key


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that passed every check of form. Whether it may be signed or handed out, `own_manifest` tells."""

    name: str | None
    description: str | None
    architecture: str | None
    product_types: tuple[str, ...]
    snapshots: tuple[ManifestSnapshot, ...]
    document: Mapping[str, Any] = field(repr=False, hash=False)
    """The whole JSON with its live URLs and unknown keys, for rewriting. Not to be changed."""

    def expiry(self) -> Expiry:
        """When the first of the embedded URLs ends."""
        return earliest_of(self.ends())

    def ends(self) -> list[NamedExpiry]:
        """Every embedded URL by its JSON path, and when it ends."""
        return [(url_path(index), snapshot.url.expires_at) for index, snapshot in enumerate(self.snapshots)]

    def earliest_expiry(self) -> datetime | None:
        """`expiry().at`: None when that of any snapshot is unknown."""
        return self.expiry().at

    def is_at(self, endpoint: str) -> bool:
        """Whether every embedded URL leads to the store at `endpoint`."""
        return all(snapshot.url.is_at(endpoint) for snapshot in self.snapshots)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the manifest with keys in place of its URLs, so that re-signing changes nothing.

        It tells which image an export is of. It knows neither bucket nor host: two manifests of one fingerprint may
        lead to different objects. See `digest`.
        """
        return _sha256(self._with_urls([snapshot.key for snapshot in self.snapshots]))

    def digest(self) -> str:
        """SHA-256 (hex) of the manifest with its URLs: whether it is the very same as one that was checked."""
        return _sha256(self.document)

    def with_urls(self, urls: Sequence[str]) -> bytes:
        """The JSON again with one new URL a snapshot (else ValueError), in order. Nothing else changes; what would be
        too large for a manifest is written without white space."""
        document = self._with_urls(urls)
        spacious = json.dumps(document, indent=2).encode() + b"\n"
        return spacious if len(spacious) <= MAX_MANIFEST_BYTES else json.dumps(document, separators=(",", ":")).encode()

    def problem_outside(self, bucket: str, *prefixes: str) -> str | None:
        """R4: the first entry that points outside all of the `prefixes` in `bucket`, as text with its JSON path, or
        None.

        All entries must share one host, whichever. Slashes around a prefix don't count; an empty one is the whole
        bucket.
        """
        return self._problem_outside(bucket, [_folder(prefix) for prefix in prefixes])

    def problem_outside_folder(self, location: S3Object, allowed: Sequence[str] = ()) -> str | None:
        """R4: as `problem_outside`, for what lies in or below the folder of the manifest, or under one of `allowed`.

        A manifest in no folder may only name what is in none either: else it could make us sign the whole bucket.
        """
        folder = location.folder.path
        if not {".", ".."}.isdisjoint(location.key.split("/")):
            return f'The manifest itself lies under no plain path: "{location.key}".'
        problem = self._problem_outside(location.bucket, [folder, *(_folder(prefix) for prefix in allowed)])
        if problem or folder:
            return problem
        for index, snapshot in enumerate(self.snapshots):
            key = snapshot.key or ""
            if "/" in key and not any(key.startswith(_folder(prefix)) for prefix in allowed):
                return f'{url_path(index)} is outside the export: "{key}" is in a folder, the manifest in none.'
        return None

    def _problem_outside(self, bucket: str, folders: Sequence[str]) -> str | None:
        """`folders` are exact: each ends with a slash, or is empty and stands for the whole bucket."""
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
    """When a manifest's URL or any URL inside ends first (DOMAIN.md §3). `manifest_url` None: unknown."""
    return earliest_of([(MANIFEST_URL, manifest_url), *manifest.ends()])


def earliest_of(several: Sequence[NamedExpiry]) -> Expiry:
    """What ends first of a chain that breaks with its weakest part."""
    known = [(moment, what) for what, moment in several if moment is not None]
    unknown = tuple(what for what, moment in several if moment is None)
    if not known:
        return Expiry(at=None, first=unknown[0], unknown=unknown)
    earliest, first = min(known, key=lambda pair: pair[0])
    return Expiry(at=None if unknown else earliest, first=first, unknown=unknown, earliest_known=earliest)


def parse_manifest(raw: bytes, where: str = "The manifest") -> Manifest:
    """Read untrusted bytes as a manifest. `where` names them in the message.

    Whole numbers may be written as text ("10737418240"). Raises OmicopyError(DAMAGED) that names the JSON path and
    never shows a value. Where the URLs point to is not checked here: see `Manifest.problem_outside`.
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
    """Free text, made safe for a terminal: a description may hold line breaks, and worse."""
    return "".join(character if character.isprintable() else " " for character in text).strip()


def _sha256(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _folder(prefix: str) -> str:
    tidy = prefix.strip("/")
    return f"{tidy}/" if tidy else ""


def _outside(url: PresignedUrl, host: str, bucket: str, folder: str) -> str | None:
    if url.host != host:
        return f'is at another host, "{url.host}" instead of "{host}"'
    if url.bucket != bucket:
        return f'is in another bucket, "{url.bucket or ""}" instead of "{bucket}"'
    if url.key is None:
        return "names no object"
    if not url.key.startswith(folder):
        return f'is outside the export: "{url.key}" is not under "{folder}"'
    if not {"", ".", ".."}.isdisjoint(url.key.removeprefix(folder).split("/")):
        return f'is no plain path: "{url.key}"'
    return None

"""Decides which manifests in an account's own bucket may be signed or handed out (R4)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NewType

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.manifest import Manifest, parse_manifest, url_path
from omicopy.model.s3_location import S3Object

TrustedManifest = NewType("TrustedManifest", Manifest)
"""A manifest that points only into its own export. Only `trust` makes one."""
_NAME = re.compile(r"(?:.+\.)?manifest(?:\.json)?", re.IGNORECASE | re.DOTALL)
_RESIGNED = re.compile(r".+\.resigned-.+\.json", re.IGNORECASE | re.DOTALL)
_EXPORT_FOLDER = re.compile(r"(?:^|/)ami-[0-9a-z]{8,}/+$")


def trust(manifest: Manifest, location: S3Object, allowed: Sequence[str] = (), hint: str = "") -> TrustedManifest:
    """Returns the manifest at `location` as trusted. Raises DAMAGED if a URL leads outside its folder and the prefixes
    `allowed`.

    Otherwise a user who can write one object beside an export could make omicopy sign any object that its account can
    read, or hand out another disk. The host of the URLs is not checked here: see `Manifest.is_at`.
    """
    outside = manifest.problem_outside_folder(location, allowed)
    if outside:
        raise OmicopyError(ErrorCode.DAMAGED, f"{location} points outside its export: {outside}", hint)
    return TrustedManifest(manifest)


def problem_of_own(manifest: Manifest, location: S3Object, endpoint: str) -> str | None:
    """Returns why a manifest can't be an export of the account with the store `endpoint`, with its JSON path; or
    None."""
    outside = manifest.problem_outside_folder(location)
    if outside or manifest.is_at(endpoint):
        return outside
    index, url = next((i, s.url) for i, s in enumerate(manifest.snapshots) if not s.url.is_at(endpoint))
    return f"{url_path(index)} points to {url.scheme}://{url.host}, not to {endpoint}."


def read_trusted_manifest(raw: bytes, location: S3Object, hint: str = "Do not import it.") -> TrustedManifest:
    """Parses `raw` and trusts it. Raises DAMAGED as `trust`, and if it is no manifest."""
    return trust(parse_manifest(raw, str(location)), location, hint=hint)


def is_manifest_key(key: str) -> bool:
    """True if exports, `resign` or `manifest build` use such a key. Unreadable content is then damage."""
    name = key.rpartition("/")[2]
    is_json = name.lower().endswith(".json")
    return bool(_NAME.fullmatch(name) or _RESIGNED.fullmatch(name)) or (is_json and _is_in_export(key))


def may_be_manifest_key(key: str) -> bool:
    """True if the key may be a manifest's: one of those, or any JSON file."""
    return key.endswith(".json") or is_manifest_key(key)


def has_to_be_manifest(key: str, raw: bytes) -> bool:
    """True if the content of an object looks like a manifest, or its key is a manifest's.

    Outside of export folders the key alone is no proof: other JSON files may have such a name.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        # Cut or broken JSON: its first bytes and field names still show that it was a manifest.
        begins = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        return is_manifest_key(key) or (begins == b"{" and b'"Image"' in raw and b'"Snapshots"' in raw)
    # In an export's folder, such a key is proof enough: then other content is damage, not another file.
    if is_manifest_key(key) and _is_in_export(key):
        return True
    image = document.get("Image") if isinstance(document, dict) else None
    return isinstance(image, dict) and "Snapshots" in image


def _is_in_export(key: str) -> bool:
    return _EXPORT_FOLDER.search(key[: key.rfind("/") + 1]) is not None

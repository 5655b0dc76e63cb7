"""A manifest in an account's own bucket: the one place where it becomes one that may be signed or handed out (R4)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NewType

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.manifest import Manifest, parse_manifest, url_path
from omicopy.model.s3_location import S3Object

TrustedManifest = NewType("TrustedManifest", Manifest)
"""A manifest that points to nothing but its own export. Only `trust` makes one."""
_NAME = re.compile(r"(?:.+\.)?manifest(?:\.json)?", re.IGNORECASE | re.DOTALL)
_SIGNED_ANEW = re.compile(r".+\.resigned-.+\.json", re.IGNORECASE | re.DOTALL)
_EXPORT_FOLDER = re.compile(r"(?:^|/)ami-[0-9a-z]{8,}/+$")


def trust(manifest: Manifest, location: S3Object, allowed: Sequence[str] = (), hint: str = "") -> TrustedManifest:
    """The manifest that lies at `location`, found to point nowhere else than in or below its own folder, or
    under one of the prefixes `allowed`. Raises DAMAGED.

    Whoever may put one object beside an export could else have us sign whatever we can read, or hand out a disk of
    theirs. To which store its URLs lead is for the account to compare: see `Manifest.is_at`.
    """
    outside = manifest.problem_outside_folder(location, allowed)
    if outside:
        raise OmicopyError(ErrorCode.DAMAGED, f"{location} points outside its export: {outside}", hint)
    return TrustedManifest(manifest)


def problem_of_own(manifest: Manifest, location: S3Object, endpoint: str) -> str | None:
    """What is not as in an export of the account whose store is at `endpoint`, as text with its JSON path, or None."""
    outside = manifest.problem_outside_folder(location)
    if outside or manifest.is_at(endpoint):
        return outside
    index, url = next((i, s.url) for i, s in enumerate(manifest.snapshots) if not s.url.is_at(endpoint))
    return f"{url_path(index)} points to {url.scheme}://{url.host}, not to {endpoint}."


def read_trusted_manifest(raw: bytes, location: S3Object, hint: str = "Do not import it.") -> TrustedManifest:
    """As `trust`, of what was read. Raises DAMAGED for what is no manifest, too."""
    return trust(parse_manifest(raw, str(location)), location, hint=hint)


def is_manifest_key(key: str) -> bool:
    """True if exports, `resign` and `manifest build` name their manifests like this: unreadable content is then
    damage."""
    name = key.rpartition("/")[2]
    is_json = name.lower().endswith(".json")
    return bool(_NAME.fullmatch(name) or _SIGNED_ANEW.fullmatch(name)) or (is_json and _is_in_export(key))


def may_be_manifest_key(key: str) -> bool:
    """True if the name may be a manifest's: one of those, or any JSON file."""
    return key.endswith(".json") or is_manifest_key(key)


def has_to_be_manifest(key: str, raw: bytes) -> bool:
    """Whether an object wants to be a manifest, by its content, or has to be one, by its key.

    Outside an export's folder JSON of another kind may be called so, too.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        begins = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        return is_manifest_key(key) or (begins == b"{" and b'"Image"' in raw and b'"Snapshots"' in raw)
    if is_manifest_key(key) and _is_in_export(key):
        return True
    image = document.get("Image") if isinstance(document, dict) else None
    return isinstance(image, dict) and "Snapshots" in image


def _is_in_export(key: str) -> bool:
    return _EXPORT_FOLDER.search(key[: key.rfind("/") + 1]) is not None

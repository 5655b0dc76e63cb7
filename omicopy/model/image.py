"""OUTSCALE machine images (OMIs): parsing, name rules, and the marker of a copy."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model import json_fields
from omicopy.model.boot import BOOT_MODES, TPM_MANDATORY, Boot
from omicopy.model.text import check_text

DESCRIPTION_LIMIT = 255
"""Our limit for the characters of a description; the service's own is not documented."""
NAME_FIELDS = ("name", "date", "region", "image_id")
_FIELDS = " ".join(f"{{{name}}}" for name in NAME_FIELDS)
_ID = re.compile(r"ami-[0-9a-z]{8,}")
_NAME = re.compile(r"[A-Za-z0-9_ ()/.\-]{3,128}")
_MARKER = re.compile(r"\[omicopy [^\[\]]*\]")


@dataclass(frozen=True, slots=True)
class Volume:
    """One block device of an image. The size is in GiB, as in the API."""

    device: str
    snapshot_id: str | None
    size_gib: int | None
    volume_type: str | None
    iops: int | None
    delete_on_vm_deletion: bool | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image as `ReadImages` returns it.

    `FileLocation` is left out on purpose: it contains a live signed URL (R8).
    """

    image_id: str
    name: str
    account_id: str
    state: str
    state_reason: str
    description: str
    created_at: datetime | None
    architecture: str
    product_codes: tuple[str, ...]
    volumes: tuple[Volume, ...]
    tags: Mapping[str, str]
    shared_with: tuple[str, ...] = ()
    """Accounts that may launch the image, besides its owner."""
    boot: Boot = field(default_factory=Boot)

    @property
    def is_available(self) -> bool:
        return self.state == "available"

    @property
    def is_failed(self) -> bool:
        return self.state == "failed"


def parse_image(raw: Mapping[str, Any]) -> Image:
    """Parses one image of an API answer.

    Raises MalformedAnswer if the image's or the owner's ID is missing: it might be the image that we look for. Unknown
    states and fields are accepted (R6).
    """
    comment = json_fields.mapping(raw, "StateComment")
    reason = [json_fields.text(comment, key) for key in ("StateCode", "StateMessage")]
    return Image(
        image_id=json_fields.required(raw, "ImageId"),
        name=json_fields.optional(raw, "ImageName"),
        account_id=json_fields.required(raw, "AccountId"),
        state=json_fields.text(raw, "State") or "",
        state_reason=": ".join(part for part in reason if part),
        description=json_fields.optional(raw, "Description"),
        created_at=json_fields.timestamp(raw, "CreationDate"),
        architecture=json_fields.text(raw, "Architecture") or "",
        product_codes=json_fields.ids(raw, "ProductCodes"),
        volumes=tuple(_volume(item) for item in json_fields.listed_if_any(raw, "BlockDeviceMappings")),
        tags=json_fields.tags(raw),
        shared_with=json_fields.ids(json_fields.mapping(raw, "PermissionsToLaunch"), "AccountIds"),
        boot=Boot(frozenset(json_fields.texts(raw, BOOT_MODES)) or None, json_fields.boolean(raw, TPM_MANDATORY)),
    )


def _volume(raw: Mapping[str, Any]) -> Volume:
    bsu = json_fields.mapping(raw, "Bsu")
    return Volume(
        device=json_fields.text(raw, "DeviceName") or "",
        snapshot_id=json_fields.optional(bsu, "SnapshotId") or None,
        size_gib=json_fields.integer(bsu, "VolumeSize"),
        volume_type=json_fields.text(bsu, "VolumeType"),
        iops=json_fields.integer(bsu, "Iops"),
        delete_on_vm_deletion=json_fields.boolean(bsu, "DeleteOnVmDeletion"),
    )


def is_image_id(text: str) -> bool:
    """True if the text has the form of an image ID."""
    return _ID.fullmatch(text) is not None


def is_image_name(name: str) -> bool:
    """True if the service accepts the name (DOMAIN.md §2)."""
    return _NAME.fullmatch(name) is not None


def check_image_name(name: str) -> str:
    """Returns the name if the service accepts it; raises USAGE."""
    if is_image_name(name):
        return name
    hint = "An image name has 3 to 128 letters, digits, '_', ' ', '(', ')', '/', '.' or '-'. Set one with --name."
    raise OmicopyError(ErrorCode.USAGE, f"Invalid image name {name!r}", hint)


def check_name_template(template: str) -> str:
    """Returns the template if it contains only known fields; raises USAGE."""
    try:
        fields = list(string.Formatter().parse(check_text(template)))
    except ValueError as error:
        hint = f"Write fields as {_FIELDS}. A name can't contain braces."
        raise OmicopyError(ErrorCode.USAGE, f"Invalid name template {template!r}: {error}", hint) from None
    for _, name, spec, conversion in fields:
        if name is not None and (name not in NAME_FIELDS or spec or conversion):
            raise OmicopyError(ErrorCode.USAGE, f"{{{name}}} is not a field of a name template", f"Use {_FIELDS}.")
    return template


def render_name(template: str, source: Image, region: str) -> str:
    """The name in the target account.

    `{date}` is the source's creation date, so that one image always gets the same name.
    """
    if "{date}" in check_name_template(template) and source.created_at is None:
        message = f"{source.image_id} has no creation date, so {{date}} in --name can't be filled in"
        raise OmicopyError(ErrorCode.USAGE, message)
    date = source.created_at.strftime("%Y-%m-%d") if source.created_at else ""
    return check_image_name(template.format(name=source.name, date=date, region=region, image_id=source.image_id))


def renamed(name: str, name_suffix: str) -> str:
    """The name of a copy whose own name is taken: `NAME-<source image ID>`, cut to the service's 128 characters."""
    return f"{name[: 127 - len(name_suffix)]}-{name_suffix}"


def source_marker(region: str, image_id: str) -> str:
    """The marker of a copy of an image."""
    return f"[omicopy {region} {image_id}]"


def manifest_marker(fingerprint: str) -> str:
    """The marker of an image imported from a manifest."""
    return f"[omicopy manifest {fingerprint[:12]}]"


def with_marker(description: str, marker: str) -> str:
    """The description of a copy: the user's text without older markers, cut to fit, then the marker."""
    own_text = " ".join(_MARKER.sub(" ", description).split(" ")).strip()
    own_text = re.sub(r" {2,}", " ", own_text)[: DESCRIPTION_LIMIT - len(marker) - 1].rstrip()
    return f"{own_text} {marker}".strip()


def last_marker(description: str) -> str | None:
    found = _MARKER.findall(description)
    return found[-1] if found else None

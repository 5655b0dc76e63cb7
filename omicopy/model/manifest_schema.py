"""Reads a manifest's JSON and checks its format. Messages name a JSON path, never a value."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.manifest import MAX_MANIFEST_BYTES
from omicopy.model.urls.presigned_url import PresignedUrl, parse_presigned, redact

_MAX_DEPTH = 32
_MAX_TEXT = 1024
"""Longest name, device and so on, in characters; a description may have four times as many."""
_MAX_SNAPSHOTS = 256
_MAX_NUMBER = 2**63 - 1
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")
_HINT = (
    "Check that this is the complete manifest of an export: a small JSON file next to its snapshots. If it was written "
    "by hand, correct it; else ask its owner for a new one."
)
_WORDS = {
    "missing": "is missing",
    "string_type": "is not text",
    "int_type": "is not a whole number",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "bool_type": "is neither true nor false",
    "list_type": "is not a list",
    "too_short": "is empty",
    "too_long": f"has more than {_MAX_SNAPSHOTS} entries",
    "string_too_long": "is too long",
    "model_type": "is not a JSON object",
    "literal_error": "is not 1, the only known version",
}


def read_manifest(raw: bytes, where: str) -> tuple[ManifestFields, dict[str, Any]]:
    """The checked entries and the whole JSON. Raises OmicopyError(DAMAGED)."""
    document = _read_json(raw, where)
    try:
        entry = ManifestFields.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise _damaged(where, _error_text(found[0])) from None
    _check_devices(entry.image.snapshots, where)
    return entry, document


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("unprintable", "contains control characters")
    return text


def _whole_number(value: object) -> object:
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else value


def _version(value: object) -> object:
    return None if isinstance(value, bool | float) else _whole_number(value)


def _url(value: object) -> PresignedUrl:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "is not text")
    try:
        return parse_presigned(value)
    except OmicopyError as error:
        raise PydanticCustomError("url", "{reason}", {"reason": error.message.rstrip(".")}) from None


_Text = Annotated[str, Field(strict=True, max_length=_MAX_TEXT), AfterValidator(_printable)]
_Count = Annotated[int, BeforeValidator(_whole_number), Field(strict=True, ge=0, le=_MAX_NUMBER)]


class _ManifestModel(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class SnapshotFields(_ManifestModel):
    url: Annotated[PresignedUrl, PlainValidator(_url)] = Field(alias="PreSignedUrl")
    size: Annotated[_Count, Field(ge=1)] = Field(alias="Size")
    compressed_size: _Count | None = Field(None, alias="CompressedSize")
    device: _Text | None = Field(None, alias="Device")
    filename: _Text | None = Field(None, alias="Filename")
    volume_type: _Text | None = Field(None, alias="VolumeType")
    iops: _Count | None = Field(None, alias="Iops")
    delete_on_termination: Annotated[bool, Field(strict=True)] | None = Field(None, alias="DeleteOnTermination")


class ImageFields(_ManifestModel):
    name: _Text | None = Field(None, alias="Name")
    description: Annotated[str, Field(strict=True, max_length=4 * _MAX_TEXT)] | None = Field(None, alias="Description")
    architecture: _Text | None = Field(None, alias="Architecture")
    product_types: Annotated[list[_Text], Field(fail_fast=True, max_length=_MAX_SNAPSHOTS)] | None = Field(
        None, alias="ProductTypes"
    )
    snapshots: list[SnapshotFields] = Field(alias="Snapshots", min_length=1, max_length=_MAX_SNAPSHOTS, fail_fast=True)


class ManifestFields(_ManifestModel):
    version: Annotated[Literal[1], BeforeValidator(_version)] = Field(alias="Version")
    image: ImageFields = Field(alias="Image")


def _check_devices(snapshots: list[SnapshotFields], where: str) -> None:
    seen: dict[str, int] = {}
    for index, snapshot in enumerate(snapshots):
        if snapshot.device:
            first = seen.setdefault(snapshot.device, index)
            if first != index:
                raise _damaged(where, f"Image.Snapshots[{index}].Device: is the same as in Image.Snapshots[{first}]")


def _read_json(raw: bytes, where: str) -> dict[str, Any]:
    """The JSON as Python values that can be written again.

    JSON that two readers may understand differently (a key twice, infinite numbers) is refused.
    """

    def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise _damaged(where, "a JSON object contains a key twice")
        return dict(pairs)

    def finite(text: str) -> float:
        if not math.isfinite(number := float(text)):
            raise _damaged(where, "a number is out of range")
        return number

    if len(raw) > MAX_MANIFEST_BYTES:
        raise _damaged(where, f"{len(raw)} bytes are too many for a manifest (at most {MAX_MANIFEST_BYTES})")
    try:
        document = json.loads(
            raw.decode("utf-8-sig"), object_pairs_hook=unique_keys, parse_float=finite, parse_constant=finite
        )
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
        cut = ", it is cut off" if is_cut else ""
        raise _damaged(where, f"line {error.lineno}, column {error.colno}: not JSON{cut}") from None
    except UnicodeDecodeError as error:
        packed = " (it looks like a gzip file)" if raw.startswith(b"\x1f\x8b") else ""
        raise _damaged(where, f"byte {error.start + 1}: not valid UTF-8{packed}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; thousands of levels
        raise _damaged(where, "not JSON that can be parsed") from None
    if not isinstance(document, dict):
        raise _damaged(where, "the whole is not a JSON object")
    if _is_deep(document):
        raise _damaged(where, f"it has more than {_MAX_DEPTH} nested levels")
    return document


def _is_deep(document: dict[str, Any]) -> bool:
    level: list[Any] = [document]
    for _ in range(_MAX_DEPTH):
        level = [child for value in level for child in _children(value)]
    return bool(level)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _error_text(error: ErrorDetails) -> str:
    """`Image.Snapshots[1].Size: is missing`. Only our own words: it never contains a value of the input."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"]).removeprefix(".")
    own_words = error["msg"] if error["type"] in ("url", "unprintable") else "can't be read"
    return f"{path}: {_WORDS.get(error['type'], own_words)}"


def _damaged(where: str, what: str) -> OmicopyError:
    return OmicopyError(ErrorCode.DAMAGED, f"{redact(where)} is damaged. {what}.", _HINT)

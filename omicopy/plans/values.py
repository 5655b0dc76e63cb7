"""The value types of a plan: how each is parsed from text, and its JSON Schema."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from omicopy.errors import OmicopyError
from omicopy.model.choices import BootMode
from omicopy.model.image import check_name_template, is_image_id
from omicopy.model.image_settings import check_account_id, check_tag
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description, check_text
from omicopy.model.units import AGE, SPAN
from omicopy.model.urls.validity import check_validity

T = TypeVar("T")
_LONGEST_REGEX = 200
_JOB_NAME = r"[A-Za-z0-9._-]{1,100}"
_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"


def invalid(what: str, hint: str = "") -> PydanticCustomError:
    """The error for an invalid value, with a hint."""
    return PydanticCustomError("invalid", "{what}", {"what": what, "hint": hint})


def _from_text(read: Callable[[str], T]) -> PlainValidator:
    """A validator that calls `read` with the text; OmicopyError becomes pydantic's error."""

    def validate(value: object) -> T:
        if not isinstance(value, str):
            raise invalid("must be a single value")
        try:
            return read(value)
        except OmicopyError as error:
            raise invalid(error.message, error.hint) from None

    return PlainValidator(validate)


def _text(text: str) -> str:
    if not text.strip() or "\n" in text:
        raise invalid("must be one line of text")
    return check_text(text)


def _job_name(text: str) -> str:
    if not re.fullmatch(_JOB_NAME, text):
        raise invalid("is not a job name", "Use 1 to 100 letters, digits, '.', '_' or '-'.")
    return text


def _image_id(text: str) -> str:
    if not is_image_id(text):
        raise invalid(f"{text!r} is not an image ID", "An image ID looks like ami-12345678.")
    return text


def _regex(text: str) -> str:
    if len(text) > _LONGEST_REGEX:
        raise invalid(f"is longer than {_LONGEST_REGEX} characters")
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"is not a regular expression: {error}") from None
    return text


def _template(text: str) -> str:
    return check_name_template(_text(text))


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise invalid("must be a whole number of at least 1")
    return int(text)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise invalid("is neither true nor false")
    return text.lower() == "true"


def _version(text: str) -> int:
    if text != "1":
        raise invalid("is not 1, the only known version")
    return 1


def own_tags(tags: dict[str, str]) -> dict[str, str]:
    """Returns the tags if the user may set them."""
    try:
        return dict(check_tag(key, value) for key, value in tags.items())
    except OmicopyError as error:
        raise invalid(error.message, error.hint) from None


def _schema(kind: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


_DURATION = WithJsonSchema({"type": ["string", "number"], "examples": ["90", "15m", "12h", "7d", "1h30m"]})
_AGE = WithJsonSchema(
    {"type": "string", "pattern": rf"^(([0-9]+(\.[0-9]+)?[dh])+|.*{_VARIABLE}.*)$", "examples": ["12h", "30d", "180d"]}
)
_NUMBER = WithJsonSchema(
    {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": f"^([0-9]+|{_VARIABLE})$"}]}
)
Text = Annotated[str, _from_text(_text), _schema("string", minLength=1)]
Line = Annotated[str, _from_text(check_description), _schema("string")]
JobName = Annotated[str, _from_text(_job_name), _schema("string", pattern=f"^({_JOB_NAME}|.*{_VARIABLE}.*)$")]
ImageId = Annotated[str, _from_text(_image_id), _schema("string", pattern=f"^(ami-[0-9a-z]{{8,}}|{_VARIABLE})$")]
Regex = Annotated[str, _from_text(_regex), _schema("string", minLength=1, maxLength=_LONGEST_REGEX, format="regex")]
Bucket = Annotated[str, _from_text(check_bucket), _schema("string", minLength=3)]
Prefix = Annotated[str, _from_text(check_prefix), _schema("string")]
Template = Annotated[str, _from_text(_template), _schema("string", minLength=1)]
AccountId = Annotated[
    str,
    _from_text(check_account_id),
    _schema("string", pattern=f"^([0-9]{{12}}|{_VARIABLE})$", examples=["333333333333"]),
]
TagValue = Annotated[str, _from_text(str), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Tags = dict[str, TagValue]
Span = Annotated[timedelta, _from_text(SPAN.read), _DURATION]
Age = Annotated[timedelta, _from_text(AGE.read), _AGE]
Validity = Annotated[timedelta, _from_text(check_validity), _DURATION]
Count = Annotated[int, _from_text(_count), _NUMBER]
Flag = Annotated[bool, _from_text(_flag), _schema("boolean")]
BootModes = Annotated[list[BootMode], Field(min_length=1)]
Version = Annotated[int, _from_text(_version), WithJsonSchema({"const": 1})]

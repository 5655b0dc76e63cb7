"""Reads JSON of the service without trusting it (R6).

A field that only informs is None if it is missing or has another type. Fields that decide whether something exists (the
items of a list, their IDs) are read strictly and raise MalformedAnswer: a list must never look shorter than it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any


class MalformedAnswer(ValueError):
    """The answer is not the list that was asked for, or an item can't be identified. The message says which."""


def required(raw: Mapping[str, Any], key: str) -> str:
    """A text that must be present and not empty, such as an ID. Raises MalformedAnswer."""
    value = text(raw, key)
    if not value:
        raise MalformedAnswer(f"an item has no {key}")
    return value


def optional(raw: Mapping[str, Any], key: str) -> str:
    """A text, empty if missing or null. Raises MalformedAnswer for another type."""
    value = raw.get(key)
    if value is not None and not isinstance(value, str):
        raise MalformedAnswer(f"{key} is no text")
    return value or ""


def listed(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list that must be present. Raises MalformedAnswer."""
    value = raw.get(key)
    if not isinstance(value, list):
        raise MalformedAnswer(f"it holds no list of {key}")
    if not all(isinstance(item, dict) for item in value):
        raise MalformedAnswer(f"an item of {key} is no object")
    return value


def listed_if_any(raw: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list; none if it is missing or null. Raises MalformedAnswer."""
    return [] if raw.get(key) is None else listed(raw, key)


def ids(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The texts of a list; none if it is missing or null. Raises MalformedAnswer."""
    value = raw.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise MalformedAnswer(f"{key} is no list of texts")
    return tuple(value)


def text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def integer(raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def boolean(raw: Mapping[str, Any], key: str) -> bool | None:
    value = raw.get(key)
    return value if isinstance(value, bool) else None


def mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def mappings(raw: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; other items are skipped."""
    value = raw.get(key)
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def timestamp(raw: Mapping[str, Any], key: str) -> datetime | None:
    return parse_timestamp(text(raw, key))


def parse_timestamp(message: str | None) -> datetime | None:
    """The time in UTC; None if it can't be parsed.

    The official API file contains both `2010-10-01T12:34:56.789Z` and `…+0000`.
    """
    try:
        value = datetime.fromisoformat(message or "")
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def tags(raw: Mapping[str, Any]) -> dict[str, str]:
    """A resource's `Tags` as a dict. Raises MalformedAnswer.

    Read strictly: a tag that is skipped might be the one that forbids a deletion.
    """
    return {required(tag, "Key"): optional(tag, "Value") for tag in listed_if_any(raw, "Tags")}

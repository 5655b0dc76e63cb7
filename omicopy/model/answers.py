"""Reading the service's JSON without trusting it: a field missing or of another type is `None`, never a crash (R6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any


def text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def integer(raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def mappings(raw: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; whatever else stands in it is passed over."""
    value = raw.get(key)
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def texts(raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def moment(raw: Mapping[str, Any], key: str) -> datetime | None:
    return parse_moment(text(raw, key))


def parse_moment(said: str | None) -> datetime | None:
    """An aware UTC time; `2010-10-01T12:34:56.789Z` and `…+0000` both occur in the official file."""
    try:
        value = datetime.fromisoformat(said or "")
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def tags(raw: Mapping[str, Any]) -> dict[str, str]:
    """A resource's `Tags` as a dict."""
    return {text(tag, "Key") or "": text(tag, "Value") or "" for tag in mappings(raw, "Tags")}

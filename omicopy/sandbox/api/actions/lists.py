"""What all reads share: filters that are never ignored, order, and pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from omicopy.sandbox.api.actions.call import Request
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.behaviours import ListOrder

T = TypeVar("T")
Filter = Callable[[T, Any], bool]
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


def one_of(value: Callable[[T], object]) -> Filter[T]:
    """A filter whose list must hold the thing's value."""
    return lambda thing, wanted: value(thing) in wanted


def any_of(values: Callable[[T], Iterable[object]]) -> Filter[T]:
    """A filter whose list must hold at least one of the thing's values."""
    return lambda thing, wanted: any(value in wanted for value in values(thing))


def like_one_of(value: Callable[[T], str]) -> Filter[T]:
    """A filter whose list may use the wildcards `*` and `?`."""
    return lambda thing, wanted: any(_like(value(thing), pattern) for pattern in wanted)


def exactly(value: Callable[[T], object]) -> Filter[T]:
    """A filter that is one value, not a list."""
    return lambda thing, wanted: value(thing) == wanted


def tag_filters(tags: Callable[[T], Iterable[tuple[str, str]]]) -> dict[str, Filter[T]]:
    """The three filters on tags that most reads have."""
    return {
        "Tags": any_of(lambda thing: [f"{key}={value}" for key, value in tags(thing)]),
        "TagKeys": any_of(lambda thing: [key for key, _ in tags(thing)]),
        "TagValues": any_of(lambda thing: [value for _, value in tags(thing)]),
    }


def select(things: Iterable[T], request: Request, filters: Mapping[str, Filter[T]]) -> list[T]:
    """The things that pass every filter of the request; a filter that isn't known here is refused, never ignored."""
    asked = request.get("Filters", {})
    unknown = [name for name in asked if name not in filters]
    if unknown:
        raise ApiError(ApiErrorKind.BAD_FILTER, f"The sandbox has no filter {', '.join(unknown)} here.")
    return [thing for thing in things if all(filters[name](thing, wanted) for name, wanted in asked.items())]


def arrange(things: Sequence[T], order: ListOrder, key: Callable[[T], str]) -> list[T]:
    """Things that come oldest first, in the variant's order."""
    if order is ListOrder.NEWEST_FIRST:
        return list(reversed(things))
    if order is ListOrder.SHUFFLED:
        return sorted(things, key=lambda thing: hashlib.sha256(key(thing).encode()).digest())
    return list(things)


def page(things: Sequence[T], request: Request) -> tuple[list[T], dict[str, str]]:
    """One page, and the token for the next one where there is one. Tokens are opaque and refer to a place in the list.

    A default of 100 is documented, 1 to 1,000 is in the official file; how the service refuses a size outside of it
    is a guess.
    """
    size = request.get("ResultsPerPage", DEFAULT_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise ApiError(ApiErrorKind.BAD_VALUE, "ResultsPerPage must be between 1 and 1000.")
    first = _place(request["NextPageToken"]) if "NextPageToken" in request else 0
    rest = {"NextPageToken": _token(first + size)} if first + size < len(things) else {}
    return list(things[first : first + size]), rest


def _token(place: int) -> str:
    return base64.b64encode(json.dumps({"from": place}).encode()).decode()


def _place(token: str) -> int:
    try:
        place = json.loads(base64.b64decode(token, validate=True))["from"]
        if not isinstance(place, int) or place < 0:
            raise ApiError(ApiErrorKind.BAD_TOKEN)
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise ApiError(ApiErrorKind.BAD_TOKEN) from None
    return place


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))

"""What all reads share: filters, order, and pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from omicopy.sandbox.api.actions.call import ApiCall, Request
from omicopy.sandbox.api.errors import ApiError, ApiErrorKind
from omicopy.sandbox.model.behaviours import ListOrder

T = TypeVar("T")
Filter = Callable[[T, Any], bool]
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


def one_of(value: Callable[[T], object]) -> Filter[T]:
    """Returns a filter that is a list; it must contain the item's value."""
    return lambda item, wanted: value(item) in wanted


def any_of(values: Callable[[T], Iterable[object]]) -> Filter[T]:
    """Returns a filter that is a list; it must contain one of the item's values."""
    return lambda item, wanted: any(value in wanted for value in values(item))


def like_one_of(value: Callable[[T], str]) -> Filter[T]:
    """Returns a filter that is a list of patterns with the wildcards `*` and `?`."""
    return lambda item, wanted: any(_like(value(item), pattern) for pattern in wanted)


def exactly(value: Callable[[T], object]) -> Filter[T]:
    """Returns a filter that is one value, not a list."""
    return lambda item, wanted: value(item) == wanted


def tag_filters(tags: Callable[[T], Iterable[tuple[str, str]]]) -> dict[str, Filter[T]]:
    """Returns the three filters on tags that most reads have."""
    return {
        "Tags": any_of(lambda item: [f"{key}={value}" for key, value in tags(item)]),
        "TagKeys": any_of(lambda item: [key for key, _ in tags(item)]),
        "TagValues": any_of(lambda item: [value for _, value in tags(item)]),
    }


def select(items: Iterable[T], request: Request, filters: Mapping[str, Filter[T]]) -> list[T]:
    """Returns the items that pass every filter of the request. Raises ApiError for a filter not in `filters`."""
    asked = request.get("Filters", {})
    unknown = [name for name in asked if name not in filters]
    if unknown:
        raise ApiError(ApiErrorKind.BAD_FILTER, f"The sandbox has no filter {', '.join(unknown)} here.")
    return [item for item in items if all(filters[name](item, wanted) for name, wanted in asked.items())]


def arrange(items: Sequence[T], order: ListOrder, key: Callable[[T], str]) -> list[T]:
    """Returns items, given oldest first, in another order."""
    if order is ListOrder.NEWEST_FIRST:
        return list(reversed(items))
    if order is ListOrder.SHUFFLED:
        return sorted(items, key=lambda item: hashlib.sha256(key(item).encode()).digest())
    return list(items)


def read_page(
    call: ApiCall, request: Request, items: Iterable[T], filters: Mapping[str, Filter[T]], key: Callable[[T], str]
) -> tuple[list[T], dict[str, str]]:
    """Returns one page of the items that pass the filters, and the token of the next page. Raises ApiError."""
    return page(arrange(select(items, request, filters), call.settings.behaviour.order, key), request)


def page(items: Sequence[T], request: Request) -> tuple[list[T], dict[str, str]]:
    """Returns one page, and the token of the next page, if any. Raises ApiError for a wrong size or token.

    The default of 100 is documented, the range of 1 to 1,000 is in the official file. The error for another size is a
    guess.
    """
    size = request.get("ResultsPerPage", DEFAULT_PAGE)
    if not 1 <= size <= LARGEST_PAGE:
        raise ApiError(ApiErrorKind.BAD_VALUE, "ResultsPerPage must be between 1 and 1000.")
    first = _position(request["NextPageToken"]) if "NextPageToken" in request else 0
    rest = {"NextPageToken": _token(first + size)} if first + size < len(items) else {}
    return list(items[first : first + size]), rest


def _token(position: int) -> str:
    return base64.b64encode(json.dumps({"from": position}).encode()).decode()


def _position(token: str) -> int:
    try:
        position = json.loads(base64.b64decode(token, validate=True))["from"]
        if not isinstance(position, int) or position < 0:
            raise ApiError(ApiErrorKind.BAD_TOKEN)
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise ApiError(ApiErrorKind.BAD_TOKEN) from None
    return position


def _like(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))

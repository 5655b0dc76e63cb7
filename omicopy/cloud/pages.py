"""Reads all pages of a list, within limits (R12), for every service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
MAX_PAGES = 1000
"""An account with 100,000 images has 100 pages of 1,000, or 1,000 pages of the default size 100."""
MAX_ITEMS = 1_000_000
"""What that many pages hold. A service that sends more items per page than requested is not trusted."""
MAX_EMPTY_PAGES = 20
"""Empty pages in a row. A page may be empty if a filter removes all of its items."""


def all_pages(read_page: Callable[[str], tuple[Sequence[T], str]], unreadable: Callable[[str], Exception]) -> list[T]:
    """The items of all pages.

    `read_page` takes a page's token (empty for the first) and returns its items and the next token (empty for none).
    Raises what it raises. If the pages repeat or don't end, raises what `unreadable` makes of the reason.
    """
    items: list[T] = []
    tokens: set[str] = set()
    token, empty = "", 0
    while True:
        shown, token = read_page(token)
        items += shown
        empty = 0 if shown else empty + 1
        if len(items) > MAX_ITEMS:
            raise unreadable(f"the list has more than {MAX_ITEMS} items")
        if not token:
            return items
        if token in tokens:
            raise unreadable("the pages of the list repeat")
        tokens.add(token)
        if empty > MAX_EMPTY_PAGES:
            raise unreadable(f"{empty} pages of the list in a row are empty, and there is still a next one")
        if len(tokens) >= MAX_PAGES:
            raise unreadable(f"the list has {len(tokens)} pages, and there is still a next one")

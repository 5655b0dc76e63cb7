"""Every page of one list, and one bound for them, whichever service gives them (R12)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
MAX_PAGES = 1000
"""An account with 100,000 images has 100 pages of 1,000, or 1,000 of the service's default of 100."""
MAX_ITEMS = 1_000_000
"""As many as that many pages hold. Who gives more on each than was asked for is not believed any longer."""
MAX_EMPTY_PAGES = 20
"""Pages in a row without an item. One may be empty, where a filter takes away what was on it."""


def all_pages(read_page: Callable[[str], tuple[Sequence[T], str]], unreadable: Callable[[str], Exception]) -> list[T]:
    """The items of every page. `read_page` takes a page's token, empty for the first, and gives its items and the token
    of the next one, empty for none. Raises what it raises, and what `unreadable` makes of the reason when the pages go
    in a circle or on without an end."""
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
            raise unreadable("the pages of the list go in a circle")
        tokens.add(token)
        if empty > MAX_EMPTY_PAGES:
            raise unreadable(f"{empty} pages of the list in a row are empty, and there is still a next one")
        if len(tokens) >= MAX_PAGES:
            raise unreadable(f"the list has {len(tokens)} pages, and there is still a next one")

"""Python's search for garbage, kept from going through a whole fleet again and again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def gc_frozen() -> Iterator[None]:
    """Lets Python's search for garbage pass over the fleet that is in flight. Without it a tick of two thousand copies
    takes a sixth more CPU time, and a write a third. Whoever does the same for reasons of his own is left alone."""
    is_ours = gc.get_freeze_count() == 0
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()

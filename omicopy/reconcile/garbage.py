"""Keeps Python's garbage collector from scanning a large run again and again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def gc_frozen() -> Iterator[None]:
    """Hides existing objects from the garbage collector.

    Without it, a tick of two thousand copies takes a sixth more CPU time, and a write a third. If a caller has frozen
    objects already, nothing is changed.
    """
    is_ours = gc.get_freeze_count() == 0
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()

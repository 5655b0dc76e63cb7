"""Locks of several runs in one folder."""

from __future__ import annotations

from pathlib import Path

from omicopy.model.events import Event, WarningMessage
from omicopy.state import locks as module
from omicopy.state.locks import Locks

ENTRY = {"kind": "image", "account": "1", "name": "a"}
OTHER = {**ENTRY, "name": "b"}


def end_all_locks() -> None:
    for owner in {lock.owner for lock in module._held.values()}:
        owner.end()


def new(folder: Path) -> Locks:
    return Locks(folder, [].append)


def warned(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, WarningMessage)]

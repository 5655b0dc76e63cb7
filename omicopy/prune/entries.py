"""What `prune` knows before it decides, and its result for each copy, export and snapshot. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from omicopy.errors import OmicopyError
from omicopy.model.export import ExportKey
from omicopy.model.image import Image
from omicopy.model.request import AccountRef
from omicopy.model.result import describe_error, rfc3339


@dataclass(frozen=True, slots=True)
class StillNeeded:
    """What must be kept whatever the rules say, by (account, Region, source image)."""

    selected: Collection[tuple[str, str, str]] = ()
    """What a plan still asks to be copied: the next run would only copy it again."""
    exports: Collection[tuple[str, str, ExportKey]] = ()
    """Exports that a copy of the plan is still to be made from."""


@dataclass(frozen=True, slots=True)
class PruneFacts:
    """What was read, and when."""

    images: Mapping[AccountRef, Sequence[Image]]
    """Those of each target account that could be read."""
    sources: Mapping[str, Image]
    """The source account's own, by their IDs. One that a copy was made from may be gone."""
    wanted: StillNeeded
    now: datetime


class Kind(StrEnum):
    IMAGE = "image"
    EXPORT = "export"
    SNAPSHOT = "snapshot"


class Action(StrEnum):
    """What happens, or happened, to a resource."""

    KEEP = "keep"
    DELETE = "delete"
    DELETED = "deleted"
    GONE = "gone"
    """It was to be deleted, and nothing of it was there any more."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy or export of ours, or a snapshot of a copy that was deleted."""

    kind: Kind
    account: AccountRef
    """The account that it is in."""
    id: str
    name: str
    source_image_id: str
    """Empty for a snapshot, as its name is."""
    created: datetime | None
    """When the source image was."""
    action: Action
    why: str
    resource: Image | ExportKey | None = None
    """None for a snapshot."""
    is_begun: bool = False
    """Of an export: whether a clean-up of it has begun before. What is left of it, only the bucket knows."""
    error: OmicopyError | None = None

    @property
    def where(self) -> str:
        """An export's folder, the profile of all else."""
        if isinstance(self.resource, ExportKey):
            return str(self.resource.folder)
        return self.account.profile


def describe_entry(entry: Entry) -> dict[str, Any]:
    """One entry of `pruned`."""
    return {
        "kind": entry.kind.value,
        "action": entry.action.value,
        "id": entry.id,
        "name": entry.name or None,
        "account": entry.account.to_json(),
        "location": entry.where if entry.kind is Kind.EXPORT else None,
        "source_image_id": entry.source_image_id or None,
        "source_created_at": rfc3339(entry.created),
        "reason": entry.why,
        "error": describe_error(entry.error) if entry.error else None,
    }


@dataclass(slots=True)
class PruneReport:
    """What is there of ours, and what is to become of it or has become of it."""

    entries: list[Entry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """Why an account or a job was left out."""
    accounts: list[AccountRef] = field(default_factory=list)
    """The accounts that are known, each under every profile of it."""
    notes: list[str] = field(default_factory=list)
    """What could not be looked for, and keeps nothing else from being done."""

    @property
    def exit_code(self) -> int:
        """0 when all is well; 3 when something failed and something else did not; else the failures' own code, or 1."""
        failed = [entry for entry in self.entries if entry.action is Action.FAILED]
        codes = {error.exit_code for error in (*self.errors, *(entry.error for entry in failed if entry.error))}
        if not codes:
            return 1 if failed else 0
        if any(entry.action in (Action.DELETED, Action.DELETE) for entry in self.entries):
            return 3
        return codes.pop() if len(codes) == 1 else 1

"""The facts that `prune` decides on, and its result for each copy, export and snapshot. Pure."""

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
    """What must be kept regardless of the retention rules."""

    selected: Collection[tuple[str, str, str]] = ()
    """Account, Region and source image of each copy that a plan asks for: the next run would only copy it again."""
    exports: Collection[tuple[str, str, ExportKey]] = ()
    """Account, Region and key of each export that a missing copy of the plan needs."""


@dataclass(frozen=True, slots=True)
class PruneFacts:
    """The cloud's state, and the time of the decision."""

    images: Mapping[AccountRef, Sequence[Image]]
    """The images of each target account that could be read."""
    sources: Mapping[str, Image]
    """The source account's own images by ID. The source of an old copy may be missing."""
    wanted: StillNeeded
    now: datetime


class Kind(StrEnum):
    IMAGE = "image"
    EXPORT = "export"
    SNAPSHOT = "snapshot"


class Action(StrEnum):
    """The action of prune on a resource, planned or done."""

    KEEP = "keep"
    DELETE = "delete"
    DELETED = "deleted"
    GONE = "gone"
    """It should be deleted, but all of it was deleted before."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One of our copies or exports, or a snapshot of a deleted copy."""

    kind: Kind
    account: AccountRef
    """The account that owns it."""
    id: str
    name: str
    source_image_id: str
    """Empty for a snapshot, like its name."""
    created: datetime | None
    """The source image's creation time."""
    action: Action
    why: str
    resource: Image | ExportKey | None = None
    """None for a snapshot."""
    is_begun: bool = False
    """True for an export whose deletion has begun. Only the bucket shows which objects are left."""
    error: OmicopyError | None = None

    @property
    def where(self) -> str:
        """The folder of an export; the profile of an image or a snapshot."""
        if isinstance(self.resource, ExportKey):
            return str(self.resource.folder)
        return self.account.profile


def describe_entry(entry: Entry) -> dict[str, Any]:
    """Returns the JSON of one entry of `pruned`."""
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
    """Our copies, exports and snapshots, each with the planned action or its outcome."""

    entries: list[Entry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """Why an account or a job was left out."""
    accounts: list[AccountRef] = field(default_factory=list)
    """The known accounts, one entry per profile."""
    notes: list[str] = field(default_factory=list)
    """Warnings about reads that failed but were not needed."""

    @property
    def exit_code(self) -> int:
        """0 without failures; 3 if only a part failed; else the code that all failures share, or 1."""
        failed = [entry for entry in self.entries if entry.action is Action.FAILED]
        codes = {error.exit_code for error in (*self.errors, *(entry.error for entry in failed if entry.error))}
        if not codes:
            return 1 if failed else 0
        if any(entry.action in (Action.DELETED, Action.DELETE) for entry in self.entries):
            return 3
        return codes.pop() if len(codes) == 1 else 1

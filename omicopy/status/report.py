"""What `status` returns: what is there of an account, or how the copies of a plan stand. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from omicopy.errors import OmicopyError, shared_exit_code
from omicopy.model.request import RejectedCopy
from omicopy.status.entries import CopyEntry, ExportEntry, ImageEntry


@dataclass(slots=True)
class StatusReport:
    """The exports of a source account and the copies that the targets have."""

    exports: list[ExportEntry] = field(default_factory=list)
    images: list[ImageEntry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """What could not be read, and what was named and is nowhere."""
    left_out: int = 0
    """Complete exports whose bucket was not read, because there were too many."""

    @property
    def exit_code(self) -> int:
        return shared_exit_code(self.errors)


@dataclass(slots=True)
class PlanStatus:
    """How each copy of a plan stands."""

    copies: list[CopyEntry] = field(default_factory=list)
    rejected: list[RejectedCopy] = field(default_factory=list)
    """What could not be asked for."""
    unread: list[OmicopyError] = field(default_factory=list)
    """Of accounts that could not be read. Their copies stand as unknown."""
    notes: list[str] = field(default_factory=list)
    """Entries of the plan that find nothing at present."""

    @property
    def errors(self) -> list[OmicopyError]:
        return [*(one.error for one in self.rejected), *self.unread]

    @property
    def exit_code(self) -> int:
        """The code that the errors share, else 1; what is only a best effort does not count."""
        return shared_exit_code([*(one.error for one in self.rejected if not one.best_effort), *self.unread])

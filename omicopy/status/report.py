"""The results of `status`: of accounts, or of a plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from omicopy.errors import OmicopyError, shared_exit_code
from omicopy.model.request import RejectedCopy
from omicopy.status.entries import CopyEntry, ExportEntry, ImageEntry


@dataclass(slots=True)
class StatusReport:
    """The exports of a source account and the copies in the targets."""

    exports: list[ExportEntry] = field(default_factory=list)
    images: list[ImageEntry] = field(default_factory=list)
    errors: list[OmicopyError] = field(default_factory=list)
    """Why accounts or buckets could not be read, and names that were not found."""
    left_out: int = 0
    """How many complete exports were not read, because there were too many."""

    @property
    def exit_code(self) -> int:
        return shared_exit_code(self.errors)


@dataclass(slots=True)
class PlanStatus:
    """The state of each copy of a plan."""

    copies: list[CopyEntry] = field(default_factory=list)
    rejected: list[RejectedCopy] = field(default_factory=list)
    """Copies that the plan asks for and that can't be made."""
    unread: list[OmicopyError] = field(default_factory=list)
    """Why accounts could not be read. The state of their copies is unknown."""
    notes: list[str] = field(default_factory=list)
    """Entries of the plan that match nothing at present."""

    @property
    def errors(self) -> list[OmicopyError]:
        return [*(one.error for one in self.rejected), *self.unread]

    @property
    def exit_code(self) -> int:
        """The code that the errors share, else 1. Errors of best-effort targets don't count."""
        return shared_exit_code([*(one.error for one in self.rejected if not one.best_effort), *self.unread])

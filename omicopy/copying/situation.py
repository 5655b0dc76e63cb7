"""Everything a decision may look at, in one value."""

from __future__ import annotations

from dataclasses import dataclass

from omicopy.copying.facts import ExportMemory, ImageMemory, Moment, Observed
from omicopy.model.request import Budgets, CopyRequest


@dataclass(frozen=True, slots=True)
class Situation:
    """One copy at one moment. `now` is when the look began, so that what was read is never older than it."""

    request: CopyRequest
    seen: Observed
    image: ImageMemory
    export: ExportMemory
    budgets: Budgets
    now: Moment

    def within_grace(self, *moments: float | None) -> bool:
        """Whether something that happened at one of `moments` (ticks) may still not be visible to a read."""
        for since in moments:
            if since is not None and self.now.ticks - since < self.budgets.grace.total_seconds():
                return True
        return False

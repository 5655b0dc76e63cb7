"""What this run knows of the quota that keeps one export or one import from being created."""

from __future__ import annotations

from dataclasses import dataclass

from omicopy.errors import OmicopyError


@dataclass(slots=True)
class QuotaMemory:
    quota_refusal: OmicopyError | None = None
    quota_refused_at: float = 0.0
    quota_refused_alone: int = 0
    """How often in a row it was refused while nothing else of the account was in flight."""

    def refuse(self, error: OmicopyError, is_alone: bool, ticks: float) -> None:
        self.quota_refusal, self.quota_refused_at = error, ticks
        self.quota_refused_alone = self.quota_refused_alone + 1 if is_alone else 0

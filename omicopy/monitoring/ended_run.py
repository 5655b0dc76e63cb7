"""A run as a monitor sees it: how it ended, and how its copies did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from omicopy.model.request import Source
from omicopy.model.result import CallCount, CopyResult, Status


@dataclass(frozen=True, slots=True)
class EndedRun:
    """It has no results when it failed before its first copy."""

    ended_at: datetime
    seconds: float
    exit_code: int
    results: Sequence[CopyResult] = ()
    calls: Mapping[str, CallCount] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """True if it ended with exit code 0 and every copy is there. A dry run, or one that did not wait, is none."""
        return self.exit_code == 0 and is_there(self.results)

    def jobs(self) -> dict[str, list[CopyResult]]:
        """The results of each job of a plan, by its name."""
        jobs: dict[str, list[CopyResult]] = {}
        for result in self.results:
            if result.request.job is not None:
                jobs.setdefault(readable(result.request.job), []).append(result)
        return dict(sorted(jobs.items()))

    def exports_left(self) -> int:
        """How many exports it was to delete and had to leave, in whole or in part."""
        left = {
            (source.account.account_id, source.account.region, source.export)
            for result in self.results
            if result.cleanup and not result.cleanup.is_done and isinstance(source := result.request.source, Source)
        }
        return len(left)


def is_there(results: Iterable[CopyResult]) -> bool:
    """True if all copies are there, except those of `best_effort` that failed."""
    return all(result.is_done or (result.error is not None and result.request.best_effort) for result in results)


def count_by_status(results: Iterable[CopyResult]) -> dict[str, int]:
    """Counts the copies of every status, those of no copy too."""
    counts = Counter(result.status for result in results)
    return {status.value: counts[status] for status in Status}


def readable(name: str) -> str:
    """The name, with escapes for what has no UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()

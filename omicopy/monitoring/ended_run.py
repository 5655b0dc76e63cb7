"""The result of a run, as monitoring reports it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from omicopy.model.request import Source
from omicopy.model.result import CallCount, CopyResult, Status


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended. It has no results if it failed before its first copy."""

    ended_at: datetime
    seconds: float
    exit_code: int
    results: Sequence[CopyResult] = ()
    calls: Mapping[str, CallCount] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        """True if it ended with exit code 0 and every copy exists. False for a dry run or with --no-wait."""
        return self.exit_code == 0 and is_there(self.results)

    def jobs(self) -> dict[str, list[CopyResult]]:
        """Returns the results of each job of a plan, by its name."""
        jobs: dict[str, list[CopyResult]] = {}
        for result in self.results:
            if result.request.job is not None:
                jobs.setdefault(readable(result.request.job), []).append(result)
        return dict(sorted(jobs.items()))

    def exports_left(self) -> int:
        """Returns how many exports it should have deleted, but left in whole or in part."""
        left = {
            (source.account.account_id, source.account.region, source.export)
            for result in self.results
            if result.cleanup and not result.cleanup.is_done and isinstance(source := result.request.source, Source)
        }
        return len(left)


def is_there(results: Iterable[CopyResult]) -> bool:
    """True if all copies exist, except failed ones with `best_effort`."""
    return all(result.is_done or (result.error is not None and result.request.best_effort) for result in results)


def count_by_status(results: Iterable[CopyResult]) -> dict[str, int]:
    """Returns the number of copies by status; statuses without a copy have 0."""
    counts = Counter(result.status for result in results)
    return {status.value: counts[status] for status in Status}


def readable(name: str) -> str:
    """Returns the name, with escapes for characters that UTF-8 can't encode."""
    return name.encode("utf-8", "backslashreplace").decode()

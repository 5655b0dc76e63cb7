"""The results of a run, as JSON (schema "omicopy/1") and in words. Times are RFC 3339 in UTC with a Z."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from omicopy.errors import Interrupted, OmicopyError
from omicopy.model.manifest import Manifest
from omicopy.model.request import AccountRef, CopyRequest, RejectedCopy, Source
from omicopy.model.units import format_duration

SCHEMA = "omicopy/1"


class Status(StrEnum):
    """The result of a copy, or its state if the run ends first."""

    COPIED = "copied"
    PRESENT = "present"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNFINISHED = "unfinished"
    """Started, but out of time; or interrupted while the service was doing nothing for it."""
    RUNNING = "running"
    """The service continues with it: the run doesn't wait, or was interrupted."""
    PLANNED = "planned"
    NOT_BEGUN = "not-begun"
    """The run ended before the first write for it."""


_BAD = (Status.FAILED, Status.UNFINISHED, Status.NOT_BEGUN)
_DONE = (Status.COPIED, Status.PRESENT, Status.SKIPPED)


@dataclass(frozen=True, slots=True)
class CleanupSummary:
    """The clean-up of a copy's exported objects: how many were deleted, and why others were kept."""

    deleted: int = 0
    left: str | None = None
    error: OmicopyError | None = None

    @property
    def is_done(self) -> bool:
        return self.left is None and self.error is None


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The result of one copy, export or import."""

    request: CopyRequest | RejectedCopy
    status: Status
    changed: bool
    seconds: float
    image_id: str | None = None
    image_name: str | None = None
    export_task_id: str | None = None
    manifest: str | None = None
    expires_at: datetime | None = None
    error: OmicopyError | None = None
    cleanup: CleanupSummary | None = None
    """None if no clean-up was requested, or if something else still needs the export."""

    @property
    def is_good(self) -> bool:
        return self.status not in _BAD

    @property
    def is_done(self) -> bool:
        """True if nothing is left to do."""
        return self.status in _DONE

    @property
    def is_retryable(self) -> bool:
        """True if running the same command again may succeed."""
        return self.error.is_retryable if self.error else self.status in (Status.UNFINISHED, Status.NOT_BEGUN)


class CopyResults(list[CopyResult]):
    """One result a copy, and `api_calls`: how many requests were sent, by profile."""

    def __init__(self, results: Iterable[CopyResult] = (), api_calls: Mapping[str, CallCount] | None = None) -> None:
        super().__init__(results)
        self.api_calls = api_calls or {}


def rfc3339(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def format_timestamp(moment: datetime | None, now: datetime) -> str:
    """`2026-01-08T12:00:00Z (in 6d23h)`, `… (3d2h ago)`, or `an unknown time`."""
    if moment is None:
        return "an unknown time"
    left = moment - now
    how_long = f"in {format_duration(left)}" if left > timedelta(0) else f"{format_duration(-left)} ago"
    return f"{rfc3339(moment)} ({how_long})"


def describe_snapshots(manifest: Manifest) -> list[dict[str, Any]]:
    """The volumes of a manifest, and until when each can be read."""
    return [
        {
            "device": snapshot.device,
            "size_bytes": snapshot.size_bytes,
            "compressed_bytes": snapshot.compressed_bytes,
            "expires_at": rfc3339(snapshot.url.expires_at),
        }
        for snapshot in manifest.snapshots
    ]


def describe_error(error: OmicopyError) -> dict[str, Any]:
    """The JSON of an error."""
    return {
        "code": error.code.word,
        "exit_code": error.exit_code,
        "message": error.message,
        "hint": error.hint,
        "retryable": error.is_retryable,
    }


def describe_interruption(interruption: Interrupted) -> dict[str, Any]:
    """The `error` object next to the copies when the run was interrupted."""
    return {
        "code": "interrupted",
        "exit_code": interruption.exit_code,
        "message": "Interrupted",
        "hint": "The same command continues the work.",
        "retryable": True,
    }


def copies_of(interruption: Interrupted) -> list[CopyResult]:
    """How each copy stood when the run was interrupted."""
    return [result for result in interruption.results if isinstance(result, CopyResult)]


def format_progress(results: Sequence[CopyResult]) -> str:
    """`3 of 5 copies are done`, for people."""
    done, total = sum(result.is_done for result in results), len(results)
    is_copy = any(result.request.target for result in results)
    one, several = ("copy", "copies") if is_copy else ("export", "exports")
    return f"{done} of {total} {one if total == 1 else several} {'is' if 1 in (done, total) else 'are'} done"


def describe_result(result: CopyResult) -> dict[str, Any]:
    """One entry of `copies`. A side that the command doesn't have is null. Only entries of a plan have a job."""
    target = result.request.target
    described = None
    if target:
        name = result.image_name or target.name or None
        described = {**_account_json(target.account), "image_id": result.image_id, "image_name": name}
    return {
        **({"job": result.request.job} if result.request.job else {}),
        "source": _describe_source(result.request),
        "target": described,
        "status": result.status.value,
        "changed": result.changed,
        "export_task_id": result.export_task_id,
        "manifest": result.manifest,
        "expires_at": rfc3339(result.expires_at),
        "seconds": round(result.seconds, 1),
        "error": describe_error(result.error) if result.error else None,
        **({"cleanup": _describe_cleanup(result.cleanup)} if result.cleanup else {}),
    }


def _describe_cleanup(cleanup: CleanupSummary) -> dict[str, Any]:
    error = describe_error(cleanup.error) if cleanup.error else None
    return {"deleted_objects": cleanup.deleted, "left": cleanup.left, "error": error}


def _describe_source(request: CopyRequest | RejectedCopy) -> dict[str, Any] | None:
    if isinstance(request, RejectedCopy):
        return {**_account_json(request.source), "image_id": request.image.image_id if request.image else None}
    if isinstance(request.source, Source):
        return {**_account_json(request.source.account), "image_id": request.source.image.image_id}
    return None


def _account_json(account: AccountRef) -> dict[str, str | None]:
    """`account_id` is null if the account could not be identified."""
    return account.to_json() | {"account_id": account.account_id or None}


def describe_run(
    results: Sequence[CopyResult], calls: Mapping[str, CallCount], interruption: Interrupted | None = None
) -> dict[str, Any]:
    """The JSON object that `copy`, `export`, `import` and `run` print with `-o json`."""
    return {
        "schema": SCHEMA,
        "copies": [describe_result(result) for result in results],
        "api_calls": {profile: asdict(count) for profile, count in sorted(calls.items())},
        **({"error": describe_interruption(interruption)} if interruption else {}),
    }


def exit_code(results: Sequence[CopyResult]) -> int:
    """The exit code for these results. Failures of best-effort copies don't count.

    - 0 if nothing failed.
    - All failed: the code that they share, else 1.
    - Some failed: 3 if any failure is retryable; else the code that they share; else 4.
    """
    counted = [result for result in results if result.is_good or not result.request.best_effort]
    failures = [result for result in counted if not result.is_good]
    codes = {result.error.exit_code if result.error else 1 for result in failures}
    if not codes:
        return 0
    is_partial = len(failures) < len(counted)
    if is_partial and any(result.is_retryable for result in failures):
        return 3
    if len(codes) == 1:
        return codes.pop()
    return 4 if is_partial else 1


@dataclass(slots=True)
class CallCount:
    """Requests sent. `retries` are reads that repeat an earlier one; they count as reads, too."""

    reads: int = 0
    writes: int = 0
    retries: int = 0

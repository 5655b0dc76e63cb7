"""Rules without a storage key: the tasks alone show what is exported, and nothing can be signed. Pure.

A complete export is never a reason to start another one, even if it is unusable: only a key can do more.
"""

from __future__ import annotations

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import FoundExport
from omicopy.model.result import rfc3339
from omicopy.model.units import format_duration
from omicopy.reconcile.decide.decisions import Decision, Fail, Retry
from omicopy.reconcile.state import DecisionInput

_ANOTHER_PLACE = "Or export under another --prefix."
_ANOTHER_EXPORT = "Or export once more with --re-export."


def unusable(s: DecisionInput, stored: FoundExport) -> Decision | None:
    """What to do about a complete export whose URL is unusable or expires too early. None if it is usable."""
    if not stored.is_from_task:
        return None
    if stored.flaw:
        if s.export.is_sent and s.within_grace(s.export.unusable_since):  # a moment ago it ran
            return Retry(f"{stored.location}: {stored.flaw}")
        return Fail(_only_with_key(s, f"{stored.location} is exported, but can't be imported:  {stored.flaw}"))
    expiry = stored.expiry.at
    if expiry is not None and expiry - s.now.wall >= s.request.min_validity:
        return None
    ends = rfc3339(expiry) or "an unknown time"
    asked = format_duration(s.request.min_validity)
    message = f"{stored.location} can't be imported: {stored.expiry.first} expires at {ends}, but {asked} are required"
    return Fail(_only_with_key(s, message))


def damaged(s: DecisionInput, stored: FoundExport) -> Decision | None:
    """Fails for a damaged export unless --re-export is given. None if it may be replaced, or if a key reads the
    bucket."""
    if not stored.is_from_task or s.request.re_export:
        return None
    hint = "If its objects were deleted, export once more with --re-export."
    return Fail(OmicopyError(ErrorCode.DAMAGED, f"{stored.location}: {stored.damage[0]}", hint))


def task_not_listed(s: DecisionInput) -> Decision | None:
    """Fails if a task was listed and no longer is: it may have aged out and be complete. None otherwise."""
    if s.seen.no_key is None or s.seen.is_cleaned_up or (s.request.re_export and not s.export.started):
        return None
    task_id = s.export.task_id or min(s.export.known, default=None)
    if task_id is None:
        return None
    return Fail(
        _only_with_key(s, f"{task_id} is not listed any more, and only the bucket shows whether it is complete")
    )


def _only_with_key(s: DecisionInput, found: str, way_out: str = _ANOTHER_PLACE) -> OmicopyError:
    why, hint = (f". {s.seen.no_key.message}", s.seen.no_key.hint) if s.seen.no_key else ("", "")
    return OmicopyError(ErrorCode.DENIED, found + why, f"{hint} {way_out}".strip())

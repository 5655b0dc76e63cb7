"""The rules where no key reads the source's bucket: the tasks alone tell what is exported, and nothing can be signed.

An export that is complete is never a reason for another one, however little use it is: only a key can tell or do more.
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
    """What to do about a complete export whose URL does not serve, or not for long enough. None: it serves."""
    if not stored.is_from_task:
        return None
    if stored.flaw:
        if s.export.is_sent and s.within_grace(s.export.unusable_since):  # a moment ago it ran
            return Retry(f"{stored.location}: {stored.flaw}")
        return Fail(_only_with_key(s, f"{stored.location} is exported and can't be imported from: {stored.flaw}"))
    expiry = stored.expiry.at
    if expiry is not None and expiry - s.now.wall >= s.request.min_validity:
        return None
    ends = rfc3339(expiry) or "an unknown time"
    asked = format_duration(s.request.min_validity)
    message = (
        f"{stored.location} can't be imported from: {stored.expiry.first} ends at {ends}, and {asked} are asked for"
    )
    return Fail(_only_with_key(s, message))


def damaged(s: DecisionInput, stored: FoundExport) -> Decision | None:
    """A damaged export is made anew only where that was asked for. None: it may be, or a key shows the bucket."""
    if not stored.is_from_task or s.request.re_export:
        return None
    hint = "If its objects were deleted, export once more with --re-export."
    return Fail(OmicopyError(ErrorCode.DAMAGED, f"{stored.location}: {stored.damage[0]}", hint))


def task_not_listed(s: DecisionInput) -> Decision | None:
    """The end where an export was listed and is not any more: tasks may age out, and it may well be complete. None: no
    task of it was ever seen, or a key shows the bucket."""
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

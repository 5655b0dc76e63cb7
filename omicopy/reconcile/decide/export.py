"""Rules for the source side: use, wait for, re-sign or start an export. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportTask, FoundExport, Phase
from omicopy.model.lookup import Absent, Present, Refused, Unasked, Unknown
from omicopy.model.request import Source
from omicopy.model.result import Status
from omicopy.reconcile.decide.decisions import (
    CancelExport,
    Decision,
    Done,
    Fail,
    Fetch,
    Import,
    Resign,
    Retry,
    Stage,
    StartExport,
    Wait,
)
from omicopy.reconcile.decide.export_failures import (
    export_failed,
    no_bucket,
    still_damaged,
    still_expired,
    task_vanished,
)
from omicopy.reconcile.decide.slot import wait_for_slot
from omicopy.reconcile.decide.without_key import damaged, task_not_listed, unusable
from omicopy.reconcile.state import DecisionInput

_MAY_BE_STARTED = "an export may have been started that isn't visible yet"


def decide_export(s: DecisionInput, name: str | None) -> Decision:
    """The next step towards an export. When it is usable: its import as `name`, or Done if there is no target."""
    if isinstance(s.seen.tasks, Unasked):
        return Fetch.TASKS
    if isinstance(s.seen.tasks, Unknown):
        return Retry("the export tasks can't be read", s.seen.tasks.error)
    source = _source_of(s)
    tasks = [task for task in s.seen.tasks.value if task.key == source.export]
    complete = [task for task in tasks if task.phase is Phase.COMPLETE]
    running = [task for task in tasks if task.is_running]
    if running and not complete:
        return _follow(s, running)
    stored = s.seen.stored
    if isinstance(stored, Unasked):
        return Fetch.BUCKET
    if isinstance(stored, Unknown):
        return Retry("the bucket can't be read", stored.error)
    if isinstance(stored, Present):
        if not stored.value.damage:
            if running and name is not None and unusable(s, stored.value):
                return _follow(s, running)  # it will have a usable URL
            return (
                _cancel_duplicate(s, running, str(stored.value.location))
                or _other_format(source, stored.value.format, str(stored.value.location))
                or _use_export(s, stored.value, name)
            )
        return _follow(s, running) if running else _replace_damaged(s, stored.value, tasks)
    if running:
        return _follow(s, running)
    if isinstance(stored, Refused) and not (stored.is_no_bucket and s.request.create_bucket):
        return Fail(no_bucket(source, bool(s.request.job)) if stored.is_no_bucket and not complete else stored.error)
    failed = _failed_in_this_run(s, tasks)
    if failed and not _may_still_show(s, complete):
        return Fail(export_failed(failed[-1]))
    if complete:
        return _no_manifest(s, complete[0])
    return _start(s)


def still_exporting(s: DecisionInput) -> Decision | None:
    """The wait for a running export of a copy that was absent; None if anything else is to be done.

    The target isn't read meanwhile.
    """
    if not s.export.is_running or not s.image.is_known_absent:
        return None
    if isinstance(s.seen.tasks, Unasked):
        return Fetch.TASKS
    if isinstance(s.seen.tasks, Unknown):
        return Retry("the export tasks can't be read", s.seen.tasks.error)
    step = decide_export(s, name=None)
    return step if isinstance(step, Wait) else None


def _source_of(s: DecisionInput) -> Source:
    if not isinstance(s.request.source, Source):
        raise TypeError("a manifest that was handed over needs no export")
    return s.request.source


def _follow(s: DecisionInput, running: Sequence[ExportTask]) -> Decision:
    """Waits for the task with the smallest ID. Every machine picks the same, so all use one export."""
    task = min(running, key=lambda task: task.task_id)
    others = [other for other in running if other is not task]
    return (
        _cancel_duplicate(s, others, task.task_id)
        or _other_format(_source_of(s), task.format, f"{task.task_id}, which is {task.state},")
        or Wait(Stage.EXPORTING, task.task_id, task.state, task.progress)
    )


def _other_format(source: Source, found: str | None, what: str) -> Fail | None:
    """Fails if the place has an export in another format: it holds one manifest, so a second export would replace
    it."""
    if source.format is None or found in (None, source.format):
        return None
    place = source.export.folder
    return Fail(
        OmicopyError(
            ErrorCode.NOT_FOUND,
            f"There is no export in {source.format} at {place}: {what} is one in {found}",
            f"Export to another prefix, or ask for no format: one in {found} serves a copy as well.",
        )
    )


def _cancel_duplicate(s: DecisionInput, running: Sequence[ExportTask], followed: str) -> CancelExport | None:
    """Cancels our own task among the duplicates, if that was not tried yet."""
    for task in running:
        if task.task_id == s.export.task_id and task.task_id not in s.export.cancelled:
            return CancelExport(task, followed)
    return None


def _use_export(s: DecisionInput, stored: FoundExport, name: str | None) -> Decision:
    """Uses a complete export at once, even if another export to the same place is running.

    That one may replace the manifest, but an import reads it only once, both are of the same image, and the disks of
    both stay.
    """
    if name is None:
        return Done(Status.COPIED if s.export.changed else Status.PRESENT)
    step = unusable(s, stored)
    if step is not None:
        return step
    expiry = stored.expiry.at
    if stored.dead_urls or expiry is None or expiry - s.now.wall < s.request.min_validity:
        return _resign(s, stored)
    return Import(name, stored)


def _resign(s: DecisionInput, stored: FoundExport) -> Decision:
    """Re-signs once per run; the new manifest may not be visible yet."""
    if s.export.resigned_key is None:
        return Resign(stored)
    if s.export.resigned_key != stored.location.key and s.within_grace(s.export.resigned_at):
        return Retry(f"{stored.location} was re-signed, which isn't visible yet")
    return Fail(still_expired(stored))


def _replace_damaged(s: DecisionInput, stored: FoundExport, tasks: Sequence[ExportTask]) -> Decision:
    """Starts a new export in place of a damaged one, once per run; the bucket may show it late."""
    failed, end = _failed_in_this_run(s, tasks), damaged(s, stored)
    if failed:
        return Fail(export_failed(failed[-1]))
    if end is not None:
        return end
    if not s.export.started:
        if s.within_grace(s.export.unusable_since):
            return Retry(f"{stored.location} names objects that aren't visible yet")
        return _start(s)
    if s.within_grace(s.export.doubt_since):
        return Retry(_MAY_BE_STARTED)
    if s.export.doubt_since is not None:
        return Fail(task_vanished(s.export.task_id))
    if s.within_grace(s.export.unusable_since):
        return Retry(f"{stored.location} was exported again, which isn't visible yet")
    return Fail(still_damaged(stored))


def _may_still_show(s: DecisionInput, complete: Sequence[ExportTask]) -> bool:
    """True if the manifest of a completed task may still appear; not if our task was to replace it."""
    return any(not s.export.is_sent or task.task_id == s.export.task_id for task in complete)


def _no_manifest(s: DecisionInput, task: ExportTask) -> Decision:
    source = s.request.source
    with_key = source.account.with_key if isinstance(source, Source) else ""
    if s.export.unusable_since is None or s.within_grace(s.export.unusable_since):
        return Retry(f"{task.task_id} is completed, but its manifest isn't visible yet")
    if s.request.re_export and not s.export.started:
        return _start(s)
    return Fail(
        OmicopyError(
            ErrorCode.NOT_FOUND,
            f"{task.task_id} is completed, but no manifest is seen{with_key} under {task.key.folder}",
            "If its objects were deleted, export once more with --re-export.",
        )
    )


def _failed_in_this_run(s: DecisionInput, tasks: Sequence[ExportTask]) -> list[ExportTask]:
    ignored = (s.export.old_failures or frozenset()) | s.export.cancelled
    return [task for task in tasks if task.phase is Phase.FAILED and task.task_id not in ignored]


def _start(s: DecisionInput) -> Decision:
    """Nothing usable exists: starts an export if the source image allows it and nothing is in doubt."""
    if isinstance(s.seen.source, Unasked):
        return Fetch.SOURCE
    if isinstance(s.seen.source, Unknown):
        return Retry("the source account can't be read", s.seen.source.error)
    refusal = _not_exportable(s)
    if refusal is not None:
        return refusal
    if s.within_grace(s.export.doubt_since, s.export.missing_since):
        return Retry(_MAY_BE_STARTED)
    if s.export.quota_refusal is None:
        end = task_not_listed(s) or (Fail(task_vanished(s.export.task_id)) if s.export.started else None)
        if end is not None:
            return end
    is_bucket_made = isinstance(s.seen.stored, Refused)
    return wait_for_slot(s, StartExport(_source_of(s).export.bucket if is_bucket_made else None), s.export)


def _not_exportable(s: DecisionInput) -> Decision | None:
    source = _source_of(s)
    where = f"in {source.account}"
    if isinstance(s.seen.source, Absent):
        message = f"There is no image {source.image.image_id} {where} any more"
        return Fail(OmicopyError(ErrorCode.NOT_EXPORTABLE, message, "Name another image."))
    assert isinstance(s.seen.source, Present)  # noqa: S101  narrowed by the caller
    image = s.seen.source.value
    if image.account_id != source.account.account_id:
        return Fail(
            OmicopyError(
                ErrorCode.NOT_EXPORTABLE,
                f"{image.image_id} ({image.name}) belongs to account {image.account_id}, and only an owner can export",
                f"Copy it within {source.account.region} first (CreateImage with SourceImageId), then copy that copy.",
            )
        )
    if image.is_failed:
        reason = image.state_reason or "no reason given"
        message = f"{image.image_id} {where} is a failed image: {reason}"
        return Fail(OmicopyError(ErrorCode.NOT_EXPORTABLE, message, "Name another image, or create this one again."))
    if not image.is_available:
        return Wait(Stage.EXPORTING, f"source image {image.image_id}", image.state, is_ours=False)
    return None

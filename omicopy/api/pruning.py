"""Retention: which copies and exports of ours are kept, and deleting the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omicopy.api.connection import ConnectionOptions, Duration, check_lists, connect, duration
from omicopy.api.plans import load_plan
from omicopy.cloud.clients import Clients
from omicopy.deletion.cleaner import CleanupOptions
from omicopy.deletion.importers import ActiveImports
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.units import AGE, format_duration
from omicopy.plans.model import Plan, Retention
from omicopy.prune.apply import apply_deletions
from omicopy.prune.entries import Entry, PruneReport
from omicopy.prune.ownership import Scope
from omicopy.prune.plan_deletions import plan_account_deletions, plan_job_deletions
from omicopy.reconcile.run import state_folder
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks

Tell = Callable[[str], None]


def prune(
    plan: Plan | Path | str | None = None,
    *,
    source: str | None = None,
    targets: Sequence[str] = (),
    bucket: str | None = None,
    prefix: str = "",
    storage: str | None = None,
    keep_last: int | None = None,
    keep_within: Duration | None = None,
    delete: bool = False,
    grace: timedelta = timedelta(seconds=60),
    connection: ConnectionOptions | None = None,
    tell: Tell = lambda _: None,
) -> PruneReport:
    """Finds the copies and exports that retention deletes; with `delete`, deletes them.

    With a plan: those of each job that has a retention. Else the copies that `targets` have of the images of the
    profile `source`, and the exports in `bucket` below `prefix`: kept are the `keep_last` of each kind of image and
    those from images created within `keep_within`. `tell` is called with what takes a while.

    Returns an entry for each of our copies, exports and snapshots: its action, the reason, and an error if deleting
    it failed. Raises USAGE without anything to look at or without a rule, CONFIGURATION, a ServiceError if `source`
    can't be read, and Interrupted, whose results are the entries so far.

        to_delete = [entry for entry in prune("nightly.yaml").entries if entry.action is Action.DELETE]
    """
    check_lists(targets=targets)
    now = datetime.now(UTC)
    if plan is not None:
        loaded = plan if isinstance(plan, Plan) else load_plan(plan)
        if not any(job.retention for job in loaded.jobs):
            tell(f"No job of {plan if isinstance(plan, Path | str) else 'the plan'} has a retention: all is kept.")
        clients = connect(*loaded.profiles, storage=loaded.storage, connection=connection)
        report = plan_job_deletions(clients, loaded, now)
    else:
        if not source or not (targets or bucket):
            hint = "Name a plan, or --from and --to, or --from and --bucket."
            raise OmicopyError(ErrorCode.USAGE, "There is nothing to look at", hint)
        retention = _retention(keep_last, keep_within)
        bucket = check_bucket(bucket) if bucket else None
        targets = list(dict.fromkeys(targets))
        clients = connect(source, *targets, storage={source: storage}, connection=connection)
        scope = Scope(clients.session(source).ref, retention, bucket=bucket, prefix=check_prefix(prefix))
        report = plan_account_deletions(clients, scope, targets, now)
    return replace(report, entries=_delete(clients, report, grace, now, tell)) if delete else report


def _retention(keep_last: int | None, keep_within: Duration | None) -> Retention:
    if keep_last is None and keep_within is None:
        raise OmicopyError(ErrorCode.USAGE, "No rule says what is kept", "Give --keep-last, --keep-within or both.")
    if keep_last is not None and keep_last < 1:
        hint = "At least the latest one is always kept."
        raise OmicopyError(ErrorCode.USAGE, f"keep_last: {keep_last} is too few", hint)
    within = None if keep_within is None else duration("keep_within", keep_within, AGE.read)
    return Retention(keep_last, within)


def _delete(clients: Clients, report: PruneReport, grace: timedelta, now: datetime, tell: Tell) -> list[Entry]:
    """The entries, with what became of each."""

    def wait_for_grace() -> None:
        tell(f"Deleting the exported objects in {format_duration(grace)}, unless they turn out to be needed")
        time.sleep(grace.total_seconds())

    journal, locks = Journal(state_folder() / "journal", _ignore), Locks(state_folder() / "locks", _ignore)
    importers = ActiveImports(clients, journal, locks, report.accounts, grace)
    return apply_deletions(
        clients, report.entries, clients.tell, CleanupOptions(now, wait_for_grace, importers.reasons_to_keep)
    )


def _ignore(_: object) -> None:
    """Ignores warnings of the journal and of locks: prune only reads them."""

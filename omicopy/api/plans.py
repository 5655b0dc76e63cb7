"""Making true what a plan says."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from omicopy.api.connection import ConnectionOptions, connect
from omicopy.api.copies import Watch, no_progress
from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.read_input import read_plan_text
from omicopy.model.events import WarningMessage
from omicopy.model.request import CopyRequest, RejectedCopy, Source
from omicopy.model.result import CopyResult, Status
from omicopy.plans.model import Plan, parse_plan
from omicopy.plans.requests_from_plan import PreparedPlan, plan_requests
from omicopy.plans.shard import Shard, check_shard
from omicopy.reconcile.run import RunOptions, run_requests, with_interrupted_results


def run_plan(
    plan: Plan | Path | str,
    *,
    only: Sequence[str] = (),
    shard: Shard | None = None,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    watch: Watch = no_progress,
) -> list[CopyResult]:
    """Makes true what a plan says: all its jobs, or those of `only`, or this machine's `shard` (I of N), in one loop.

    `plan` is a plan, or the file that holds one. One result a copy; one too for each that can't even be asked for.
    `clients` have their own connection.
    """
    options = (options or RunOptions()).begun()
    shard = check_shard(shard) if shard else None
    plan = plan if isinstance(plan, Plan) else load_plan(plan)
    part = plan.only(only)
    clients = clients or connect(*part.profiles, storage=part.storage, connection=connection)
    with clients.time_limit.until(options.mode.ends):
        prepared = plan_requests(clients, plan, options.budgets, only=only, shard=shard)
        failed, requests = [_unprepared(failure) for failure in prepared.failures], prepared.requests
        with with_interrupted_results(requests, failed), watch(requests) as listener:
            for note in prepared.notes:
                listener(WarningMessage(note))
            if options.mode.fail_fast and any(not failure.best_effort for failure in prepared.failures):
                return failed + [_not_begun(request) for request in requests]
            return run_requests(
                clients, requests, options, listener, _needed_elsewhere(plan, only, prepared), known=failed
            )


def _unprepared(failure: RejectedCopy) -> CopyResult:
    status = Status.NOT_BEGUN if failure.error.code is ErrorCode.OUT_OF_TIME else Status.FAILED
    return CopyResult(failure, status, False, 0.0, error=failure.error)


def _needed_elsewhere(plan: Plan, only: Sequence[str], prepared: PreparedPlan) -> Callable[[CopyRequest], bool]:
    """Whose export a copy of the plan may still need that is not among the requests: one that could not be asked for
    today, or one of a job that was left out and puts its exports into the same place."""
    jobs = {job.name: job for job in plan.jobs}
    left_out = {(job.source, job.bucket, job.prefix.strip("/")) for job in plan.jobs if only and job.name not in only}
    images = {(one.source.profile, one.image.image_id) for one in prepared.failures if one.image}
    accounts = {one.source.profile for one in prepared.failures if one.is_whole_job}

    def is_needed(request: CopyRequest) -> bool:
        if not isinstance(request.source, Source):
            return False
        profile, job = request.source.account.profile, jobs[request.job or ""]
        place = (profile, job.bucket, job.prefix.strip("/"))
        return place in left_out or profile in accounts or (profile, request.source.image.image_id) in images

    return is_needed


def _not_begun(request: CopyRequest) -> CopyResult:
    message = "Not begun, because other copies of the plan could not even be asked for (--fail-fast)"
    error = OmicopyError(ErrorCode.FAILED, message, "Mend those, then run the same command again.")
    return CopyResult(request, Status.FAILED, False, 0.0, error=error)


def load_plan(file: Path | str) -> Plan:
    """The plan in a file, or on stdin for `-`; `${NAME}` in it is taken from the environment. Raises USAGE."""
    return parse_plan(read_plan_text(str(file)), str(file), os.environ)

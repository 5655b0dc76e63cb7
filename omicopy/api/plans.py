"""Making the copies that a plan asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from omicopy.api.connection import ConnectionOptions, check_lists, connect
from omicopy.api.run_prepared import Watch, no_progress, run_prepared
from omicopy.cloud.clients import Clients
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.manifests.read_input import read_plan_text
from omicopy.model.request import CopyRequest, Source
from omicopy.model.result import CopyResults
from omicopy.plans.model import Plan, parse_plan
from omicopy.plans.requests_from_plan import PreparedPlan, plan_requests
from omicopy.plans.shard import Shard, check_shard
from omicopy.reconcile.run import RunOptions


def run_plan(
    plan: Plan | Path | str,
    *,
    only: Sequence[str] = (),
    shard: Shard | None = None,
    options: RunOptions | None = None,
    connection: ConnectionOptions | None = None,
    clients: Clients | None = None,
    watch: Watch = no_progress,
) -> CopyResults:
    """Makes the copies that a plan asks for: of all its jobs, of those of `only`, or this machine's `shard` (I of N).

    `plan` is a plan, or the file that holds one. Returns one result a copy, and one for each that could not be asked
    for. Raises USAGE and CONFIGURATION for a plan or a profile that can't be used, and Interrupted, which tells how
    every copy stands. `clients` have their own connection.

        results = run_plan("nightly.yaml", only=["golden"])
    """
    check_lists(only=only)
    options = (options or RunOptions()).begun()
    shard = check_shard(shard) if shard else None
    whole = plan if isinstance(plan, Plan) else load_plan(plan)
    part = whole.only(only)
    known = clients or connect(*part.profiles, storage=part.storage, connection=connection)
    return run_prepared(
        known,
        lambda: plan_requests(known, whole, options.budgets, only=only, shard=shard),
        options,
        watch,
        lambda prepared: _needed_elsewhere(whole, only, prepared),
    )


def _needed_elsewhere(plan: Plan, only: Sequence[str], prepared: PreparedPlan) -> Callable[[CopyRequest], bool]:
    """Whose export a copy of the plan may still need that is not among the requests: one that could not be asked for
    today, or one of a job that was left out and puts its exports into the same folder."""
    jobs = {job.name: job for job in plan.jobs}
    left_out = {(job.source, job.bucket, job.prefix.strip("/")) for job in plan.jobs if only and job.name not in only}
    images = {(one.source.profile, one.image.image_id) for one in prepared.failures if one.image}
    accounts = {one.source.profile for one in prepared.failures if one.is_whole_job}

    def is_needed(request: CopyRequest) -> bool:
        if not isinstance(request.source, Source):
            return False
        profile, job = request.source.account.profile, jobs[request.job or ""]
        folder = (profile, job.bucket, job.prefix.strip("/"))
        return folder in left_out or profile in accounts or (profile, request.source.image.image_id) in images

    return is_needed


def load_plan(file: Path | str) -> Plan:
    """Returns the plan in a file, or on stdin for `-`; `${NAME}` in it is taken from the environment. Raises USAGE."""
    if not str(file):
        raise OmicopyError(ErrorCode.USAGE, "There is no plan", "Name its file: omicopy run PLAN.yaml")
    return parse_plan(read_plan_text(str(file)), str(file), os.environ)

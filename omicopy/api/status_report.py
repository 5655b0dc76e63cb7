"""Showing what is running and what is there, from the cloud alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from omicopy.api.connection import ConnectionOptions, check_lists, connect
from omicopy.api.plans import load_plan
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.request import Budgets
from omicopy.plans.requests_from_plan import plan_requests
from omicopy.status.accounts import read_status
from omicopy.status.exports import ExportFilter
from omicopy.status.plan import read_plan_status
from omicopy.status.report import PlanStatus, StatusReport


def status(
    names: Sequence[str] = (),
    *,
    source: str | None = None,
    targets: Sequence[str] = (),
    bucket: str | None = None,
    prefix: str | None = None,
    deep: bool = False,
    storage: str | None = None,
    connection: ConnectionOptions | None = None,
) -> StatusReport | PlanStatus:
    """Reads which exports run or are there and which copies the targets have, or how each copy of a plan stands.

    `names` are images (IDs or exact names) and export tasks of the profile `source`, none is everything; or the file of
    one plan (….yaml or ….yml, without `source` any file), which brings its own profiles and buckets along. `bucket`
    and `prefix` narrow the exports. `deep` looks into the bucket of every complete export.

    Writes nothing. What can't be read is one of the report's `errors`. Raises USAGE where no account is named, for a
    plan beside something else, and for a plan that can't be used; CONFIGURATION for a profile that can't be used.

        exports = status(source="eu", targets=["us"]).exports
    """
    check_lists(names=names, targets=targets)
    if _is_plan(names, source):
        plan = load_plan(names[0])
        clients = connect(*plan.profiles, storage=plan.storage, connection=connection)
        return read_plan_status(clients, plan_requests(clients, plan, Budgets()))
    if source is None:
        hint = "Name its profile with --from PROFILE, or give a plan: omicopy status PLAN.yaml"
        raise OmicopyError(ErrorCode.USAGE, "No account was named", hint)
    targets = list(dict.fromkeys(targets))
    clients = connect(source, *targets, storage={source: storage}, connection=connection)
    wanted = ExportFilter(tuple(names), bucket or None, prefix or None, deep)
    return read_status(clients, source, targets, wanted, datetime.now(UTC))


def _is_plan(names: Sequence[str], source: str | None) -> bool:
    """By its name; where no account was named any file will do. Raises USAGE for a plan among other things."""
    plans = [n for n in names if n.endswith((".yaml", ".yml")) or (source is None and (n == "-" or Path(n).is_file()))]
    if plans and len(names) > 1:
        message = f"{plans[0]} is a plan, and more was named beside it"
        raise OmicopyError(ErrorCode.USAGE, message, "Name the plan alone.")
    return bool(plans)

"""The public functions: `from omicopy import copy, presign, inspect, run_plan`. The command line calls the same.

Profiles are those of the command line (`NAME`, `NAME@REGION`, `env:PREFIX`), durations are timedeltas or texts such as
`7d`. Every function raises OmicopyError for what is foreseeable, with a `code`, a `message` and a `hint`; what becomes
of single copies is told in the results, and raises nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omicopy.cloud.clients import Clients
from omicopy.cloud.profile import resolve_profile
from omicopy.copying.carry_out import Orders, carry_out
from omicopy.copying.events import Listener, Warned
from omicopy.copying.handed import read_handed, read_own_manifest
from omicopy.copying.handout import Handout, Wish, hand_out
from omicopy.copying.inspection import Inspection, probe_all
from omicopy.copying.locate import is_own, locate
from omicopy.copying.pilot import Mode
from omicopy.copying.prepare import CopyWish, ExportWish, copy_requests
from omicopy.copying.prepare_plan import Prepared, plan_requests
from omicopy.copying.sources import read_plan_text, read_source
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.aftercare import check_account_id, check_tag
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.duration import parse_duration
from omicopy.model.manifest import parse_manifest
from omicopy.model.plan import Plan, parse_plan
from omicopy.model.presigned import LONGEST_VALIDITY
from omicopy.model.report import CopyResult, Status, exit_code
from omicopy.model.request import Aftercare, Budgets, CopyRequest, Origin
from omicopy.model.shard import Shard, check_shard

__all__ = [
    "Budgets",
    "CopyResult",
    "DiskFormat",
    "IfExists",
    "Mode",
    "Orders",
    "Plan",
    "Status",
    "connect",
    "copy",
    "exit_code",
    "inspect",
    "load_plan",
    "presign",
    "run_plan",
]

Duration = timedelta | str
Watch = Callable[[Sequence[CopyRequest]], AbstractContextManager[Listener]]
"""Is given what is about to be carried out, and makes the listener that hears how it gets on."""


@contextmanager
def unwatched(_: Sequence[CopyRequest]) -> Iterator[Listener]:
    """Nobody hears anything."""
    yield lambda _: None


def connect(*profiles: str) -> Clients:
    """The clients of the accounts behind `profiles`. Sends nothing yet; raises CONFIGURATION."""
    return Clients({profile: resolve_profile(profile, os.environ, Path.home()) for profile in profiles})


def copy(
    images: Sequence[str],
    *,
    source: str,
    targets: Sequence[str],
    bucket: str,
    prefix: str = "",
    name: str = "{name}",
    description: str | None = None,
    disk_format: DiskFormat = DiskFormat.QCOW2,
    if_exists: IfExists = IfExists.FAIL,
    tags: Mapping[str, str] | None = None,
    copy_tags: bool = True,
    share_with: Sequence[str] = (),
    cleanup: bool = False,
    re_export: bool = False,
    min_validity: Duration | None = None,
    orders: Orders | None = None,
    clients: Clients | None = None,
    watch: Watch = unwatched,
) -> list[CopyResult]:
    """Copies images (IDs or exact names) of the profile `source` to every one of `targets`; safe to repeat.

    One result an image and target. `name` is a template with {name}, {date}, {region} and {image_id}; `description`
    None keeps the source's. `min_validity` is for how long every URL must work, else the import budget.
    """
    orders = orders or Orders()
    pairs = dict(check_tag(key, value) for key, value in (tags or {}).items())
    wish = CopyWish(
        export=ExportWish(_several(images, "images"), source, bucket, prefix, disk_format, re_export),
        targets=list(dict.fromkeys(_several(targets, "targets"))),
        name=name,
        description=description,
        if_exists=if_exists,
        min_validity=min(orders.budgets.import_, LONGEST_VALIDITY) if min_validity is None else _duration(min_validity),
        care=Aftercare(pairs, copy_tags, tuple(check_account_id(account) for account in share_with)),
        cleanup=cleanup,
    )
    clients = clients or connect(source, *wish.targets)
    requests = copy_requests(clients, wish)
    with watch(requests) as listener:
        return carry_out(clients, requests, orders, listener)


def presign(
    source: str,
    *,
    profile: str,
    expires: Duration = "7d",
    min_validity: Duration | None = None,
    check: bool = True,
    resign: bool = True,
    clients: Clients | None = None,
) -> Handout:
    """A URL of an export's manifest or of any object that works (`.url.url`), and until when (`.expiry`).

    `source` is `s3://BUCKET/KEY`, a folder, an export task's or an image's ID, or an old URL. A manifest whose URLs end
    within `min_validity` (else 24 h, or as long as the URL lives) is signed anew; without `resign` that is EXPIRED.
    """
    life = _duration(expires)
    validity = min(timedelta(hours=24), life) if min_validity is None else _duration(min_validity)
    clients, now = clients or connect(profile), datetime.now(UTC)
    is_url = source.lower().startswith(("http://", "https://"))
    wish = Wish(profile, life, validity, check, resign, only_manifest=is_url)
    return hand_out(clients, wish, *locate(clients, profile, source, now), now)


def inspect(
    source: str, *, profile: str | None = None, probe: bool = False, clients: Clients | None = None
) -> Inspection:
    """What a manifest says and until when it serves; with `probe` whether every object behind it is alive.

    `source` is the manifest's URL, a file that holds one or the manifest itself, or `-` for stdin, none of which needs
    credentials; or, with `profile`, what `presign` takes.
    """
    own, now = is_own(source), datetime.now(UTC)
    if own and profile is None:
        hint = "Name the account that it belongs to (--from PROFILE); a URL or a file needs none."
        raise OmicopyError(ErrorCode.USAGE, f"{source} can't be read without credentials", hint)
    clients = clients or connect(*([profile] if profile and own else []))
    if own and profile is not None:
        bucket, key = locate(clients, profile, source, now)
        inspection = Inspection(read_own_manifest(clients, profile, bucket, key), location=f"s3://{bucket}/{key}")
    else:
        inspection = _inspect_handed(clients, source, now)
    if probe:
        return replace(inspection, probes=probe_all(clients.fetcher(), inspection.manifest))
    return inspection


def run_plan(
    plan: Plan | Path | str,
    *,
    only: Sequence[str] = (),
    shard: Shard | None = None,
    orders: Orders | None = None,
    clients: Clients | None = None,
    watch: Watch = unwatched,
) -> list[CopyResult]:
    """Makes true what a plan says: all its jobs, or those of `only`, or this machine's `shard` (I of N), in one loop.

    `plan` is a plan, or the file that holds one. One result a copy; one too for each that can't even be asked for.
    """
    orders, shard = orders or Orders(), check_shard(shard) if shard else None
    plan = plan if isinstance(plan, Plan) else load_plan(plan)
    clients = clients or connect(*plan.only(only).profiles)
    prepared = plan_requests(clients, plan, orders.budgets, only=only, shard=shard)
    failed = [CopyResult(failure, Status.FAILED, False, 0.0, error=failure.error) for failure in prepared.failures]
    with watch(prepared.requests) as listener:
        for note in prepared.notes:
            listener(Warned(note))
        requests = prepared.requests
        if orders.mode.fail_fast and any(not failure.best_effort for failure in prepared.failures):
            return failed + [_not_begun(request) for request in requests]
        return carry_out(clients, requests, orders, listener, _needed_elsewhere(plan, only, prepared)) + failed


def _needed_elsewhere(plan: Plan, only: Sequence[str], prepared: Prepared) -> Callable[[CopyRequest], bool]:
    """Whose export a copy of the plan may still need that is not among the requests: one that could not be asked for
    today, or one of a job that was left out and puts its exports into the same place."""
    jobs = {job.name: job for job in plan.jobs}
    left_out = {(job.source, job.bucket, job.prefix.strip("/")) for job in plan.jobs if only and job.name not in only}
    images = {(one.source.profile, one.image.image_id) for one in prepared.failures if one.image}
    accounts = {one.source.profile for one in prepared.failures if one.is_whole_job}

    def is_needed(request: CopyRequest) -> bool:
        if not isinstance(request.source, Origin):
            return False
        profile, job = request.source.party.profile, jobs[request.job or ""]
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


def _inspect_handed(clients: Clients, source: str, now: datetime) -> Inspection:
    found = read_source(source)
    if isinstance(found, bytes):
        return Inspection(parse_manifest(found, "The manifest on stdin" if source == "-" else source))
    return Inspection(read_handed(clients.fetcher(), found, now), found)


def _several(values: Sequence[str], what: str) -> Sequence[str]:
    """A single text is a sequence of letters, which nobody means."""
    if isinstance(values, str) or not values:
        raise OmicopyError(ErrorCode.USAGE, f"{what} must be a list with something in it", f"Write {what}=[…].")
    return values


def _duration(value: Duration) -> timedelta:
    return parse_duration(value) if isinstance(value, str) else value

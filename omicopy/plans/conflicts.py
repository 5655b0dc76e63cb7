"""Merges copies that several jobs of a plan ask for, and rejects those that contradict each other (R2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportKey
from omicopy.model.request import CopyRequest, RejectedCopy, Source, Target

CopyIdentity = tuple[str, str, ExportKey]
"""Account and Region of an export, and its place in the bucket."""


def merge_duplicates(requests: Sequence[CopyRequest]) -> tuple[list[CopyRequest], list[RejectedCopy]]:
    """Each copy once, and a rejection for every request that contradicts another."""
    groups: dict[tuple[str, str, str], list[CopyRequest]] = defaultdict(list)
    formats: dict[CopyIdentity, dict[str, CopyRequest]] = defaultdict(dict)
    for request in requests:
        formats[_export_place(request)].setdefault(source_of_copy(request).format or "", request)
        target = _target_of_copy(request)
        groups[target.account.account_id, target.account.region, target.name].append(request)
    agreed: list[CopyRequest] = []
    failures: list[RejectedCopy] = []
    for group in groups.values():
        error = _contradiction(group) or _two_formats(group[0], formats[_export_place(group[0])])
        if error is None:
            agreed.append(group[0])
        else:
            failures += [_failure(request, error) for request in group]
    return agreed, failures


def distinct_failures(failures: Sequence[RejectedCopy]) -> list[RejectedCopy]:
    """Each rejected copy once. It is best effort only if all jobs that ask for it say so."""
    seen: dict[tuple[object, ...], RejectedCopy] = {}
    for index, failure in enumerate(failures):
        image_id = failure.image.image_id if failure.image else index
        target = failure.target_account and (
            failure.target_account.account_id or failure.target_account.profile,
            failure.target_account.region,
        )
        copy = (failure.source.account_id, image_id, target, failure.name)
        known = seen.setdefault(copy, failure)
        seen[copy] = replace(known, best_effort=known.best_effort and failure.best_effort)
    return list(seen.values())


def source_of_copy(request: CopyRequest) -> Source:
    """The image and its account. A plan contains only copies."""
    if not isinstance(request.source, Source):
        raise TypeError("not a copy")
    return request.source


def _target_of_copy(request: CopyRequest) -> Target:
    if request.target is None:
        raise TypeError("not a copy")
    return request.target


def _contradiction(group: Sequence[CopyRequest]) -> OmicopyError | None:
    """Why requests for one name in one account contradict each other; None if they agree."""
    first, *others = group
    target = _target_of_copy(first)
    for request in others:
        if request.marker != first.marker:
            return OmicopyError(
                ErrorCode.USAGE,
                f"Two images would both be named {target.name!r} in {target.account}: "
                f"{_image_and_job(first)}, {_image_and_job(request)}",
                "Add {image_id} to the name: --name, or `name` of the target in a plan.",
            )
    for request in others:
        if _comparable(request) != _comparable(first):
            return OmicopyError(
                ErrorCode.USAGE,
                f"The jobs {first.job} and {request.job} ask for the same copy with different settings: "
                f"{source_of_copy(first).image.image_id} as {target.name!r} in {target.account}",
                "Remove it from one job, or use the same settings in both: bucket, prefix, timeouts, tags, all.",
            )
    return None


def _two_formats(request: CopyRequest, asked: Mapping[str, CopyRequest]) -> OmicopyError | None:
    """The error if exports in two formats are requested for one place: a place holds one manifest."""
    requests = [request for form, request in asked.items() if form]
    if len(requests) < 2 or source_of_copy(request).format is None:
        return None
    first, second = (f"{source_of_copy(one).format} by job {one.job}" for one in requests)
    export = source_of_copy(requests[0]).export
    message = f"Two formats are requested for the export at {export.folder}: {first}, {second}"
    hint = "Use another `prefix` in one of the jobs, or the same `format` in both."
    return OmicopyError(ErrorCode.USAGE, message, hint)


def _export_place(request: CopyRequest) -> CopyIdentity:
    source = source_of_copy(request)
    return source.account.account_id, source.account.region, source.export


def _failure(request: CopyRequest, error: OmicopyError) -> RejectedCopy:
    source, target = source_of_copy(request), _target_of_copy(request)
    return RejectedCopy(
        request.job or "", source.account, error, source.image, target.account, target.name, request.best_effort
    )


def _image_and_job(request: CopyRequest) -> str:
    image_id = source_of_copy(request).image.image_id
    return f"{image_id} of job {request.job}" if request.job else image_id


def _comparable(request: CopyRequest) -> CopyRequest:
    """The request without job and profiles, to compare what is asked for."""
    source, target = source_of_copy(request), _target_of_copy(request)
    return replace(
        request,
        source=replace(source, account=replace(source.account, profile="")),
        target=replace(target, account=replace(target.account, profile="")),
        job=None,
    )

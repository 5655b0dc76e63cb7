"""Copies that several jobs of a plan ask for are one; where they contradict each other, none is made (R2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.export import ExportKey
from omicopy.model.request import CopyRequest, RejectedCopy, Source, Target

CopyIdentity = tuple[str, str, ExportKey]
"""Account and Region of an export, and where it is put."""


def merge_duplicates(requests: Sequence[CopyRequest]) -> tuple[list[CopyRequest], list[RejectedCopy]]:
    """Each copy once, and a failure for each request that contradicts another."""
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
    """Each copy once, as it would be if it could be made; a best effort is enough only if it is for all who ask."""
    seen: dict[tuple[object, ...], RejectedCopy] = {}
    for index, failure in enumerate(failures):
        image_id = failure.image.image_id if failure.image else index
        target = failure.target and (failure.target.account_id or failure.target.profile, failure.target.region)
        copy = (failure.source.account_id, image_id, target, failure.name)
        known = seen.setdefault(copy, failure)
        seen[copy] = replace(known, best_effort=known.best_effort and failure.best_effort)
    return list(seen.values())


def source_of_copy(request: CopyRequest) -> Source:
    """The image and its account: a plan asks for nothing but copies."""
    if not isinstance(request.source, Source):
        raise TypeError("not a copy")
    return request.source


def _target_of_copy(request: CopyRequest) -> Target:
    if request.destination is None:
        raise TypeError("not a copy")
    return request.destination


def _contradiction(group: Sequence[CopyRequest]) -> OmicopyError | None:
    """What is wrong with requests for one name in one account. Of two images the second would find the first there."""
    first, *others = group
    target = _target_of_copy(first)
    for request in others:
        if request.marker != first.marker:
            return OmicopyError(
                ErrorCode.USAGE,
                f"Two images would both be called {target.name!r} in {target.account}: "
                f"{_image_and_job(first)}, {_image_and_job(request)}",
                "Put {image_id} into `name` of the target.",
            )
    for request in others:
        if _comparable(request) != _comparable(first):
            return OmicopyError(
                ErrorCode.USAGE,
                f"The jobs {first.job} and {request.job} ask for one copy in different ways: "
                f"{source_of_copy(first).image.image_id} as {target.name!r} in {target.account}",
                "Let one of them ask for it, or both alike: bucket, prefix, timeouts, tags and all.",
            )
    return None


def _two_formats(request: CopyRequest, asked: Mapping[str, CopyRequest]) -> OmicopyError | None:
    """What is wrong where exports in two formats are asked for at one place, which holds one manifest."""
    requests = [request for form, request in asked.items() if form]
    if len(requests) < 2 or source_of_copy(request).format is None:
        return None
    first, second = (f"{source_of_copy(one).format} by job {one.job}" for one in requests)
    export = source_of_copy(requests[0]).export
    return OmicopyError(
        ErrorCode.USAGE,
        f"Exports in two formats are asked for at {export.folder}: {first}, {second}",
        "Give one of the jobs another `prefix`, or both the same `format`.",
    )


def _export_place(request: CopyRequest) -> CopyIdentity:
    origin = source_of_copy(request)
    return origin.account.account_id, origin.account.region, origin.export


def _failure(request: CopyRequest, error: OmicopyError) -> RejectedCopy:
    origin, target = source_of_copy(request), _target_of_copy(request)
    return RejectedCopy(
        request.job or "", origin.account, error, origin.image, target.account, target.name, request.best_effort
    )


def _image_and_job(request: CopyRequest) -> str:
    return f"{source_of_copy(request).image.image_id} of job {request.job}"


def _comparable(request: CopyRequest) -> CopyRequest:
    """All that a request asks for, whichever job and profiles it comes from."""
    origin, target = source_of_copy(request), _target_of_copy(request)
    return replace(
        request,
        source=replace(origin, account=replace(origin.account, profile="")),
        destination=replace(target, account=replace(target.account, profile="")),
        job=None,
    )

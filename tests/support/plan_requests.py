"""Requests made from a plan in a virtual cloud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, ServiceError, refused
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.request import Budgets, CopyRequest, RejectedCopy, Source
from omicopy.plans.model import parse_plan
from omicopy.plans.requests_from_plan import PreparedPlan, plan_requests
from tests.support.builders import SOURCE, SOURCE_ID
from tests.support.virtual_cloud import Cloud, FakeClients, Trouble

HEAD = "version: 1\ndefaults: {from: source, bucket: omi-exports}\njobs:\n"
SILVER, SHARED = "ami-0000000b", "ami-0000000c"


def filled() -> Cloud:
    cloud = Cloud()
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="as it was")
    cloud.add_image(
        "source", SILVER, AccountId=SOURCE.account_id, ImageName="silver", CreationDate="2026-01-01T00:00:00Z"
    )
    cloud.add_image("source", SHARED, AccountId="333333333333", ImageName="shared")
    return cloud


def job(name: str, images: str = "[{name: golden}]", to: str = "[{profile: target}]", more: str = "") -> str:
    return f"- {{name: {name}, images: {images}, to: {to}{more and f', {more}'}}}\n"


def prepare(cloud: Cloud, *jobs: str, **more: Any) -> PreparedPlan:
    clients: Any = FakeClients(cloud)
    budgets = Budgets(grace=timedelta(seconds=7))
    try:
        return plan_requests(clients, parse_plan(HEAD + "".join(jobs), "plan.yaml", {}), budgets, **more)
    finally:
        assert not cloud.writes


def refusal(cloud: Cloud, *jobs: str, **more: Any) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        prepare(cloud, *jobs, **more)
    assert caught.value.code is ErrorCode.USAGE
    return caught.value


def copies(prepared: PreparedPlan) -> list[tuple[str | None, str, str, str]]:
    """Job, image, target profile and name of each request."""
    return [copy(request) for request in prepared.requests]


def copy(request: CopyRequest) -> tuple[str | None, str, str, str]:
    assert isinstance(request.source, Source)
    assert request.target is not None
    return request.job, request.source.image.image_id, request.target.account.profile, request.target.name


def refusing(who: str, *actions: str) -> Trouble:
    """The account refuses, definitely."""

    def trouble(profile: str, action: str) -> ServiceError | None:
        is_meant = profile == who and (not actions or action in actions)
        return refused(action, profile, Answer(401, "1", "AccessDenied")) if is_meant else None

    return trouble


def only(prepared: PreparedPlan) -> RejectedCopy:
    [failure] = prepared.failures
    return failure

"""Which requests a fault applies to, and how often."""

from __future__ import annotations

import pytest
import requests

from omicopy.sandbox.model.faults import RATE_KINDS, Fault, FaultKind
from tests.support.children import PATIENCE


def test_a_fault_applies_after_and_as_often_as_asked(user) -> None:
    fault = user.sandbox.faults.add(Fault(FaultKind.ERROR_500, "ReadAccounts", after=1, times=2))
    worked = []
    for _ in range(4):
        try:
            user.api("source").api("ReadAccounts")
            worked.append(True)
        except requests.HTTPError:
            worked.append(False)
    assert worked == [True, False, False, True]
    assert user.sandbox.faults.times_applied(fault) == 2


def test_a_fault_can_be_for_one_account_only(user) -> None:
    user.sandbox.faults.add(Fault(FaultKind.ERROR_500, account="source", times=None))
    user.api("source-other").api("ReadAccounts")
    with pytest.raises(requests.HTTPError):
        user.api("source").api("ReadAccounts")


def test_a_rate_is_seeded(user) -> None:
    outcomes = []
    for _ in range(2):
        user.sandbox.faults.clear()
        user.sandbox.faults.rate(0.5, seed=3, kinds=[FaultKind.ERROR_500])
        outcomes.append(
            [
                requests.post(
                    f"{user.sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE
                ).status_code
                for _ in range(20)
            ]
        )
    assert outcomes[0] == outcomes[1]
    assert {200, 500} == set(outcomes[0])


def test_the_faults_of_a_rate_end_without_a_timeout(user) -> None:
    assert not {FaultKind.HANG, FaultKind.HANG_AFTER} & set(RATE_KINDS)


def test_the_service_meets_only_faults_meant_for_it(user) -> None:
    url = user.manifest_url()
    user.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", times=None))
    assert user.import_(url)["State"] == "available"
    user.sandbox.faults.clear()
    user.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account="(service)"))
    assert user.import_(url, "copy 2")["State"] == "failed"

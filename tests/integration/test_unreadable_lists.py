"""A list that can't be read whole is unknown (R2), over real HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from omicopy.cloud.access_key import read_expiry
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.doctor.quotas import room_in_target
from omicopy.plans.model import Retention
from omicopy.prune.ownership import Scope
from omicopy.prune.plan_deletions import plan_account_deletions
from tests.support.builders import NOON, SOURCE, TARGET
from tests.support.hostile import Reply, hostile


@pytest.mark.parametrize(
    "keys",
    [
        None,
        [None],
        [{"ExpirationDate": None}],
        [{"AccessKeyId": "SOMEACCESSKEY", "ExpirationDate": 7}],
        [{"AccessKeyId": "SOMEACCESSKEY", "ExpirationDate": "soon"}],
    ],
)
def test_an_unreadable_key_expiry_is_unknown_not_never(keys: object) -> None:
    with (
        hostile(Reply(body=json.dumps({"AccessKeys": keys}).encode())) as server,
        pytest.raises(ServiceError) as caught,
    ):
        read_expiry(Clients({"source": server.account}, retry=timedelta(0)).session("source"), "SOMEACCESSKEY")
    assert caught.value.cause is Cause.UNREADABLE


@pytest.mark.parametrize(
    "quotas",
    [
        [None],
        [{"MaxValue": 7}],
        [{"Name": "omi"}],
        [{"Name": "omi", "MaxValue": None}],
        "omi",
        [{"Name": 7, "MaxValue": 7}],
    ],
)
def test_an_unreadable_quota_is_unknown_not_unlimited(quotas: object) -> None:
    answer = {"QuotaTypes": [{"QuotaType": "global", "Quotas": quotas}]}
    with hostile(Reply(body=json.dumps(answer).encode())) as server:
        [finding] = room_in_target(Clients({"source": server.account}, retry=timedelta(0)).session("source"), None, ())
    assert finding.status == "warn"
    assert "not known: ReadQuotas" in finding.message


@pytest.mark.parametrize(
    "snapshots", [None, [None], [{}], [{"SnapshotId": 7, "AccountId": "1"}], [{"SnapshotId": "s"}]]
)
def test_r4_an_unreadable_list_has_no_left_over_snapshots(snapshots: object) -> None:
    answer = {"Accounts": [{"AccountId": TARGET.account_id}], "Images": [], "Snapshots": snapshots}
    with hostile(Reply(body=json.dumps(answer).encode())) as server:
        target = replace(server.account, profile="target")
        clients = Clients({"source": server.account, "target": target}, retry=timedelta(0))
        clients.session("source")._ref = SOURCE
        deletions = plan_account_deletions(clients, Scope(SOURCE, Retention(1, None)), ["target"], NOON)
    assert deletions.entries == []
    assert "ReadSnapshots in target (eu-west-2): unreadable answer: " in deletions.notes[0]

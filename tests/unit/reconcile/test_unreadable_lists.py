"""A list that nobody can read whole is unknown (R2): in virtual time, whatever list, whenever and however long."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.access_key import read_expiry
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import Cause, ServiceError
from omicopy.doctor.findings import WARN
from omicopy.doctor.quotas import room_in_target
from omicopy.errors import ErrorCode
from omicopy.model.result import Status
from omicopy.plans.model import Retention
from omicopy.prune.ownership import Scope
from omicopy.prune.plan_deletions import plan_account_deletions
from tests.support.builders import NOON, SOURCE, SOURCE_ID, TARGET, copy_request
from tests.support.hostile import Reply, hostile
from tests.support.virtual_cloud import Cloud, Machine

Items = list[Any]
SPOILT: dict[str, Callable[[Items], Any]] = {
    "nulls": lambda items: [None] * max(1, len(items)),
    "one more, a null": lambda items: [*items, None],
    "null in the place of the list": lambda _: None,
    "an object in the place of the list": lambda _: {},
    "texts": lambda _: ["ami-12345678"],
    "no IDs": lambda items: [
        {},
        *({k: v for k, v in item.items() if k not in ("ImageId", "TaskId")} for item in items),
    ],
    "null IDs": lambda _: [{"ImageId": None, "TaskId": None}],
    "IDs that are numbers": lambda items: [item | {"ImageId": 12345678, "TaskId": 12345678} for item in [*items, {}]],
}


@dataclass
class Spoiling(Cloud):
    """From one second on until another each list is spoilt, of one action or of all."""

    spoil: Callable[[Items], Any] = lambda items: items
    since: float = 0.0
    until: float = 0.0
    action: str = "Read"

    def ask(self, profile: str, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = super().ask(profile, action, parameters)
        if not action.startswith(self.action) or not self.since <= self.time.seconds < self.until:
            return answer
        return {key: self.spoil(value) if isinstance(value, list) else value for key, value in answer.items()}


def spoiling(how: str, since: float, until: float, action: str = "Read") -> Spoiling:
    cloud = Spoiling(spoil=SPOILT[how], since=since, until=until, action=action)
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    return cloud


@pytest.mark.parametrize("since", [0, 3, 1000, 3600, 4000, 5400])
@pytest.mark.parametrize("how", SPOILT)
@pytest.mark.parametrize("action", ["Read", "ReadImages", "ReadImageExportTasks"])
def test_r2_a_list_unreadable_for_a_while_makes_nothing_twice(
    tmp_path: Path, action: str, how: str, since: float
) -> None:
    cloud = spoiling(how, since, since + 90, action)
    [result] = Machine(tmp_path, cloud).run(copy_request())
    assert (result.status, result.error) == (Status.COPIED, None)
    assert cloud.writes == Counter(CreateImageExportTask=1, CreateImage=1, CreateTags=2)


@pytest.mark.parametrize("since", [0, 1000, 4000])
@pytest.mark.parametrize("how", SPOILT)
def test_a_list_unreadable_for_longer_than_retry_is_temporary(tmp_path: Path, how: str, since: float) -> None:
    cloud = spoiling(how, since, 86_400)
    [result] = Machine(tmp_path, cloud).run(copy_request())
    assert result.error is not None
    assert result.error.code is ErrorCode.TEMPORARY
    assert max(cloud.writes.values(), default=0) <= 1
    cloud.until = 0
    [result] = Machine(tmp_path, cloud).run(copy_request())
    assert result.status in (Status.COPIED, Status.PRESENT)
    assert cloud.writes == Counter(CreateImageExportTask=1, CreateImage=1, CreateTags=2)


# --- the other lists


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
        read_expiry(Clients({"source": server.account}, retry=timedelta(0)), "source", "SOMEACCESSKEY")
    assert caught.value.cause is Cause.GARBLED


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
        [finding] = room_in_target(Clients({"source": server.account}, retry=timedelta(0)), SOURCE, None, ())
    assert finding.status is WARN
    assert "not known: ReadQuotas" in finding.message


@pytest.mark.parametrize(
    "snapshots", [None, [None], [{}], [{"SnapshotId": 7, "AccountId": "1"}], [{"SnapshotId": "s"}]]
)
def test_r4_an_unreadable_list_has_no_left_over_snapshots(snapshots: object) -> None:
    answer = {"Accounts": [{"AccountId": TARGET.account_id}], "Images": [], "Snapshots": snapshots}
    with hostile(Reply(body=json.dumps(answer).encode())) as server:
        clients = Clients({"source": server.account, "target": server.account}, retry=timedelta(0))
        survey = plan_account_deletions(clients, Scope(SOURCE, Retention(1, None)), ["target"], NOON)
    assert survey.entries == []
    assert "ReadSnapshots in source (eu-west-2): unreadable answer: " in survey.notes[0]

"""A list that can't be read whole is unknown (R2), in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omicopy.errors import ErrorCode
from omicopy.model.result import Status
from tests.support.builders import SOURCE, SOURCE_ID, copy_request
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

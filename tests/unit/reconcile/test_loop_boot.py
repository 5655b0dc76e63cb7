"""A create that is refused for its boot settings is decided again without them, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.errors import Answer, ServiceError, refused
from omicopy.errors import Interrupted
from omicopy.model.events import WarningMessage
from omicopy.model.result import CopyResult, Status
from tests.support.boot_settings import BY_UEFI, run
from tests.support.builders import SOURCE, SOURCE_ID
from tests.support.virtual_cloud import Cloud, Machine


class Refusing(Cloud):
    """Takes neither parameter with a manifest, and names the first that it meets."""

    def __init__(self, code: str = "3001", names: bool = True) -> None:
        super().__init__(export_seconds=6, import_seconds=6)
        self.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="", **BY_UEFI)
        self.trouble = self.refuse
        self._code, self._names = code, names

    def refuse(self, profile: str, action: str) -> ServiceError | None:
        unwanted = [name for name in BY_UEFI if name in self.requests[-1][3]]
        if action != "CreateImage" or not unwanted:
            return None
        details = f"Unknown parameter in this request: '{unwanted[0]}'." if self._names else "Not valid."
        return refused(action, profile, Answer(400, self._code, "InvalidParameter", details))


def test_r1_a_create_is_decided_again_without_what_was_refused(tmp_path: Path) -> None:
    """The copy is compared with its source afterwards."""
    cloud = Refusing()
    machine = Machine(tmp_path, cloud)
    result = run(machine)
    asked = [[name for name in BY_UEFI if name in one] for one in cloud.sent("CreateImage")]
    assert asked == [["BootModes", "TpmMandatory"], ["TpmMandatory"], []]
    assert (result.status, len(cloud.images)) == (Status.COPIED, 2)  # it does not say how it boots
    assert machine.open_entries == []
    warned = [event.message for event in machine.events if isinstance(event, WarningMessage)]
    assert [("BootModes" in message, "TpmMandatory" in message) for message in warned] == [(True, False), (False, True)]


@pytest.mark.parametrize(("code", "names"), [("3002", False), ("4045", True)])
def test_r1_any_other_refusal_of_the_create_ends_the_copy(tmp_path: Path, code: str, names: bool) -> None:
    cloud = Refusing(code, names)
    machine = Machine(tmp_path, cloud)
    result = run(machine)
    assert (result.status, len(cloud.sent("CreateImage")), len(cloud.images)) == (Status.FAILED, 1, 1)
    assert not any(entry.name.startswith("image-") for entry in machine.open_entries)


def test_an_interruption_after_a_refusal_is_not_unfinished(tmp_path: Path) -> None:
    """It does not say that the service continues."""
    cloud = Refusing()
    refuse = cloud.trouble

    def stopping(profile: str, action: str) -> ServiceError | None:
        if cloud.sent("CreateImage") and action == "ReadImages":
            raise Interrupted(2)
        return refuse(profile, action)

    cloud.trouble = stopping
    with pytest.raises(Interrupted) as caught:
        run(Machine(tmp_path, cloud))
    assert caught.value.still_running == []
    assert [result.status for result in caught.value.results if isinstance(result, CopyResult)] == [Status.UNFINISHED]


class Killed(BaseException):
    """Nobody catches it: the process is gone."""


@pytest.mark.parametrize("after", [False, True], ids=["before-the-effect", "after-the-effect"])
def test_r2_killed_near_a_refusal_one_image_is_made(tmp_path: Path, after: bool) -> None:
    for nth in range(1, 60):
        cloud = Refusing()
        ask, left = cloud.ask, nth

        def killing(profile: str, action: str, parameters: Mapping[str, Any], ask: Any = ask) -> dict[str, Any]:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                raise Killed
            try:
                return ask(profile, action, parameters)
            finally:
                if left == 0 and after:
                    raise Killed

        cloud.ask = killing  # type: ignore[method-assign]
        try:
            run(Machine(tmp_path / str(nth), cloud))
        except Killed:
            pass
        else:
            assert nth > 8, "a copy makes more requests than that"
            return
        machine = Machine(tmp_path / str(nth), cloud)
        assert run(machine).status in (Status.COPIED, Status.PRESENT), nth
        assert (len(cloud.exports), len(cloud.images)) == (1, 2), nth
        assert [entry.name for entry in machine.open_entries if entry.name.startswith("image-")] == []
    pytest.fail("a copy should not need that many requests")

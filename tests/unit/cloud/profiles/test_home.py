"""Where a home folder and a state folder are needed."""

from __future__ import annotations

import json
import pwd
from pathlib import Path

import pytest

from omicopy.cloud.profiles.profile import resolve_profile
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.reconcile.run import state_folder
from tests.support.profile_files import SDK


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a user that its image doesn't know."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("no_home")
def test_a_home_folder_is_asked_for_only_where_it_is_needed(tmp_path: Path) -> None:
    environ = {"SRC_ACCESS_KEY": "a", "SRC_SECRET_KEY": "s", "SRC_REGION": "r"}
    assert resolve_profile("env:SRC", environ).region == "r"
    (tmp_path / "profiles.json").write_text(json.dumps({"p": SDK}))
    assert resolve_profile("p", {"OSC_CONFIG_FILE": str(tmp_path / "profiles.json")}).region == "eu-west-2"
    with pytest.raises(OmicopyError, match="no home folder") as raised:
        resolve_profile("p", environ)
    assert raised.value.code is ErrorCode.CONFIGURATION
    assert "HOME" in raised.value.hint
    assert "OSC_CONFIG_FILE" in raised.value.hint


@pytest.mark.usefixtures("no_home")
def test_a_state_folder_needs_no_home_where_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "omicopy"
    for no_folder in ("", "state", "./state"):
        monkeypatch.setenv("XDG_STATE_HOME", no_folder)
        with pytest.raises(OmicopyError, match="no home folder") as raised:
            state_folder()
        assert "XDG_STATE_HOME" in raised.value.hint


def test_a_relative_state_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The XDG specification says so: else each folder had a journal of its own, and none knew of the others."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for no_folder in ("", "state", "./state", "~/state"):
        monkeypatch.setenv("XDG_STATE_HOME", no_folder)
        assert state_folder() == tmp_path / ".local" / "state" / "omicopy"

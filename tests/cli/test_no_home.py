"""A container that runs as a user its image does not know: no HOME, no entry in passwd, nothing of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omicopy.sandbox.main import Sandbox
from tests.support import children
from tests.support.tool import LINUX, QUICK_OPTIONS, Ran, Tool

UNKNOWN = 54_321
COPY = ["copy", LINUX, "--from", "env:SRC", "--to", "env:DST", "--bucket", "omi-exports", "-o", "json"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the unknown user may enter, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="omicopy-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def as_variables(sandbox: Sandbox) -> dict[str, str]:
    """The keys of both accounts, for `env:SRC` and `env:DST`."""
    profiles = json.loads(sandbox.profiles.read_text())
    keys = {}
    for prefix, name in {"SRC": "source", "DST": "target"}.items():
        one = profiles[name]
        keys |= {f"{prefix}_{key.upper()}": one[key] for key in ("access_key", "secret_key", "region")}
        keys |= {f"{prefix}_ENDPOINT_{service.upper()}": url for service, url in one["endpoints"].items()}
    return keys


NOBODY_KNOWN = """
import pwd
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
from omicopy.__main__ import main
main()
"""
"""The command where the system does not know its user, as far as Python can tell."""
PLAIN, UNLISTED = ["-m", "omicopy"], ["-c", NOBODY_KNOWN]


def run(*words: str, folder: Path, start: list[str] = PLAIN, user: int | None = None, **env: str) -> Ran:
    """The command with these variables and no other."""
    as_user: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    ran = children.run([sys.executable, *start, *words], QUICK_OPTIONS | env, cwd=folder, **as_user)
    assert "Traceback" not in ran.stderr
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def test_an_unlisted_user_copies_with_keys_from_the_environment(sandbox: Sandbox, tool: Tool, folder: Path) -> None:
    env = as_variables(sandbox) | {"XDG_STATE_HOME": str(folder / "state")}
    copied = run(*COPY, folder=folder, start=UNLISTED, **env)
    assert (copied.code, copied.copy["status"]) == (0, "copied"), copied.err
    assert (folder / "state" / "omicopy").is_dir()
    for state in ({}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "state"}):
        homeless = run(*COPY, folder=folder, start=UNLISTED, **as_variables(sandbox), **state)
        assert (homeless.code, homeless.json["error"]["code"]) == (2, "configuration")
        assert "There is no home folder" in homeless.err
        assert "Set HOME, or XDG_STATE_HOME" in homeless.err


def test_an_unlisted_user_sees_what_needs_a_home_folder(sandbox: Sandbox, tool: Tool, folder: Path) -> None:
    keys = as_variables(sandbox)
    export = run(
        "export", LINUX, "--from", "env:SRC", "--bucket", "omi-exports", folder=folder, HOME=str(folder), **keys
    )
    assert export.code == 0, export.err
    url = run("url", LINUX, "--from", "env:SRC", folder=folder, start=UNLISTED, **keys)
    assert (url.code, url.out.startswith("http")) == (0, True), url.err
    for words in (["url", LINUX, "--from", "source"], ["status", "--from", "source"], ["doctor", "--from", "source"]):
        ran = run(*words, folder=folder, start=UNLISTED, **keys)
        assert "Set HOME, or OSC_CONFIG_FILE" in ran.err + ran.out
        assert ran.code == 2
    named_shell = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # which shell started the tests does not matter
    completion = run("--install-completion", "bash", folder=folder, start=UNLISTED, **named_shell)
    assert (completion.code, "Set HOME" in completion.err) == (2, True)
    known = run("status", "--from", "source", folder=folder, start=UNLISTED, OSC_CONFIG_FILE=str(sandbox.profiles))
    assert known.code == 0, known.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that nobody knows")
def test_an_unknown_user_copies(sandbox: Sandbox, tool: Tool, folder: Path) -> None:
    try:
        reached = run("--version", folder=folder, user=UNKNOWN).code == 0
    except OSError:
        reached = False
    if not reached:
        pytest.skip("this Python or this package is in a folder that other users can't enter")
    env = as_variables(sandbox) | {"XDG_STATE_HOME": str(folder / "state")}
    copied = run(*COPY, folder=folder, user=UNKNOWN, **env)
    assert (copied.code, copied.copy["status"]) == (0, "copied"), copied.err


def test_an_empty_environment_is_enough_for_keys_of_its_own(sandbox: Sandbox, tool: Tool, folder: Path) -> None:
    """`env -i`: the home folder is then the one that the system names."""
    copied = run(*COPY, folder=folder, **as_variables(sandbox), XDG_STATE_HOME=str(folder / "state"))
    assert (copied.code, copied.copy["status"]) == (0, "copied"), copied.err


def test_a_missing_home_folder_stops_nothing(sandbox: Sandbox, tool: Tool, folder: Path) -> None:
    """Nor does a home folder that is a file."""
    (folder / "file").touch()
    for home in (folder / "file", folder / "file" / "home", Path("/proc")):
        ran = run(*COPY, folder=folder, **as_variables(sandbox), HOME=str(home))
        assert (ran.code, ran.copy["status"]) in ((0, "copied"), (0, "present")), ran.err


@pytest.mark.parametrize("home", ["", "rel"])
def test_a_relative_home_counts_as_none(sandbox: Sandbox, tool: Tool, folder: Path, home: str) -> None:
    """It would be another folder in each that a command is started from, and no run would see the other's locks."""
    ran = run(*COPY, folder=folder, HOME=home, **as_variables(sandbox))
    assert ran.code == 2
    assert f"HOME is {home!r}, which is not an absolute path" in ran.err
    assert not (folder / "rel").exists()

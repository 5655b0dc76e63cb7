"""One sandbox for the whole session; every test that uses it finds it as new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings as hypothesis_settings

from tests.support import children

if TYPE_CHECKING:  # the fixtures load them: unit tests need neither the sandbox nor an SDK
    from omicopy.sandbox.main import Sandbox
    from tests.support.tool import Tool
    from tests.support.warm import Warm

hypothesis_settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("busy")  # a machine that is busy with other things proves nothing
LONG = {"proof": 3600, "soak": 4 * 3600}
"""How many seconds a test may last that is marked so; for all others `timeout` in pyproject.toml says it."""
LONGEST = re.compile("test_(storm|fleet|every_boundary|week|prism)|DeleteImage")
"""Proofs that last up to a minute and more. They come first: what is begun last keeps one process busy alone."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not LONGEST.search(item.nodeid))
    for item in items:
        for mark, seconds in LONG.items():
            if item.get_closest_marker(mark) and not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture(scope="session", autouse=True)
def _default_signals_for_children() -> Iterator[None]:
    with children.default_signals():
        yield


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    with children.children_ended():
        yield


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """The sandbox itself, started once. Tests use `sandbox`."""
    from omicopy.sandbox.main import Sandbox
    from omicopy.sandbox.model.settings import SandboxSettings

    with Sandbox(SandboxSettings(export_seconds=0.3, import_seconds=0.3)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox as new, with short durations. What it did wrong itself fails the test."""
    running_sandbox.reset()
    before = len(running_sandbox.mistakes)
    yield running_sandbox
    assert running_sandbox.mistakes[before:] == []


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Where commands come from without a cold start."""
    from tests.support.warm import Warm

    warm = Warm()
    yield warm
    warm.close()


@pytest.fixture
def tool(sandbox: Sandbox, tmp_path: Path, warm: Warm) -> Tool:
    """The command, with a home folder that nothing was ever in, and a sandbox that is in a hurry."""
    from tests.support.tool import Tool

    tool = Tool(sandbox, tmp_path / "home", warm)
    tool.again()
    return tool

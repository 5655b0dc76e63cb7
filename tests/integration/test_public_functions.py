"""The public functions from Python, against the sandbox: what a program that imports omicopy gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from omicopy import api
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.events import CopyFinished, Event, Listener
from omicopy.sandbox.model.settings import EXPORT_BUCKET
from tests.support.tool import LINUX, Tool


@pytest.fixture
def options(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> api.RunOptions:
    for name, value in tool.env.items():
        monkeypatch.setenv(name, value)
    brief = api.Budgets(grace=timedelta(seconds=0.2), poll_min=timedelta(seconds=0.05), poll_max=timedelta(seconds=0.1))
    return api.RunOptions(brief, state=tmp_path / "state")


def test_an_image_is_exported_shown_imported_and_pruned(tool: Tool, options: api.RunOptions) -> None:
    events: list[Event] = []

    @contextmanager
    def watch(_: object) -> Iterator[Listener]:
        yield events.append

    [exported] = api.export([LINUX], source="source", bucket=EXPORT_BUCKET, options=options, watch=watch)
    assert exported.manifest is not None
    assert isinstance(events[-1], CopyFinished)
    shown = api.status(source="source", targets=["target"])
    assert isinstance(shown, api.StatusReport)
    assert [entry.state for entry in shown.exports] == ["completed"]
    url = api.presign(exported.manifest, profile="source").url.url
    handed = []
    results = api.import_image(
        url,
        target="target",
        name="golden",
        options=options,
        introduce=handed.append,
        connection=api.ConnectionOptions(allow_http=True),
    )
    assert (results[0].status, results[0].image_name, len(handed)) == (api.Status.COPIED, "golden", 1)
    assert {profile: asdict(calls)["writes"] for profile, calls in results.api_calls.items()} == {"target": 2}
    kept = api.prune(source="source", bucket=EXPORT_BUCKET, keep_last=1)
    assert ([entry.action for entry in kept.entries], kept.exit_code) == ([api.Action.KEEP], 0)


def test_doctor_returns_a_check_a_question(options: api.RunOptions) -> None:
    checks = api.doctor(source="source", targets=["target"], bucket=EXPORT_BUCKET, writes=False)
    assert {check.status for check in checks} <= {api.CheckStatus.OK, api.CheckStatus.WARN}
    assert "source: keys" in [check.subject for check in checks]


@pytest.mark.parametrize("call", [api.doctor, api.status, api.prune])
def test_a_function_without_an_account_raises_usage(call: Callable[[], object]) -> None:
    with pytest.raises(OmicopyError) as caught:
        call()
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.hint

"""Proof 7 (R2): two machines that start the same copy at the same moment make one image, and follow one export."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import SandboxSettings
from tests.proofs import rig
from tests.support.children import PATIENCE

pytestmark = pytest.mark.proof
RACES = 100
QUICK = SandboxSettings(export_seconds=0.3, import_seconds=0.1)


def machine(env: Mapping[str, str], start_at: float) -> tuple[int, str, str]:
    """One run of the command, in a process that has it loaded already, at the given moment."""
    from omicopy.cli.main import app

    os.environ.clear()
    os.environ.update(env)
    out, err = io.StringIO(), io.StringIO()
    time.sleep(max(0.0, start_at - time.time()))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app(list(rig.COPY))
        except SystemExit as end:
            return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def machines() -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
    yield pool
    for process in multiprocessing.active_children():  # they wait for more work, unless one hangs
        process.kill()
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("seed", range(RACES))
def test_two_machines_make_one_image_and_name_duplicates(
    sandbox: Sandbox, tmp_path: Path, machines: ProcessPoolExecutor, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311
    sandbox.reset(replace(QUICK, queued_share=draw.choice([0.1, 0.9])))
    begin = time.time() + 0.05
    runs = [
        machines.submit(
            machine,
            {**sandbox.env, **rig.FAST, "XDG_STATE_HOME": str(tmp_path / name)},
            begin + draw.choice([0, 0.003, 0.01, 0.03, 0.1, 0.3]) * draw.random(),
        )
        for name in ("here", "there")
    ]
    ended = [run.result(timeout=PATIENCE) for run in runs]
    assert [code for code, _, _ in ended] == [0, 0], ended
    images = {json.loads(out)["copies"][0]["target"]["image_id"] for _, out, _ in ended}
    assert {image.image_id for image in rig.copies(sandbox)} == images
    assert len(images) == 1
    _only_one_export_counts(sandbox, "".join(err for _, _, err in ended))


def _only_one_export_counts(sandbox: Sandbox, message: str) -> None:
    """At most one is a duplicate, and a warning names it; it was cancelled if it was still queued."""
    tasks = rig.exports(sandbox)
    assert len(tasks) in (1, 2)
    assert any(task.state.value == "completed" for task in tasks)
    if len(tasks) == 2:
        assert any(f"Duplicate export {task.task_id}" in message for task in tasks), message

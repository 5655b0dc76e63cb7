"""Two runs at once on one machine: one export, one image; who comes second is told, or waits."""

from __future__ import annotations

from pathlib import Path

from omicopy.sandbox.main import Sandbox
from tests.proofs import rig
from tests.support.children import wait_until


def test_two_runs_of_one_copy_make_one_image(sandbox: Sandbox, tmp_path: Path) -> None:
    """The second one is refused with exit 11."""
    sandbox.scheduler.hold()
    started = [rig.start(sandbox, tmp_path), rig.start(sandbox, tmp_path)]
    wait_until(lambda: any(process.poll() is not None for process in started))
    sandbox.scheduler.resume()
    ended = [rig.finish(process) for process in started]
    assert sorted(run.code for run in ended) == [0, 11]
    parts = next(run.err for run in ended if run.code == 11)
    assert "another run on this machine is at golden-linux" in parts
    assert "--lock-wait" in parts
    assert (len(rig.exports(sandbox)), len(rig.copies(sandbox))) == (1, 1)


def test_a_run_that_waits_for_the_lock_finds_the_copy_present(sandbox: Sandbox, tmp_path: Path) -> None:
    args = (*rig.COPY, "--lock-wait", "1h")
    ended = [
        rig.finish(process) for process in [rig.start(sandbox, tmp_path, args), rig.start(sandbox, tmp_path, args)]
    ]
    assert [run.code for run in ended] == [0, 0]
    assert ended[0].image_id == ended[1].image_id
    assert (len(rig.exports(sandbox)), len(rig.copies(sandbox))) == (1, 1)


def test_copies_to_two_targets_share_one_export(sandbox: Sandbox, tmp_path: Path) -> None:
    other = tuple("target-other" if arg == "target" else arg for arg in rig.COPY)
    ended = [rig.finish(process) for process in [rig.start(sandbox, tmp_path), rig.start(sandbox, tmp_path, other)]]
    assert [run.code for run in ended] == [0, 0]
    assert (len(rig.exports(sandbox)), len(rig.copies(sandbox))) == (1, 2)

"""Two runs at once on one machine: one export, one image; who comes second is told, or waits."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from omicopy.copying.events import Event, Warned
from omicopy.copying.locks import Locks
from omicopy.sandbox.sandbox import Sandbox
from tests.proofs import rig

ENTRY = {"kind": "image", "account": "1", "name": "a"}


def test_two_runs_of_one_copy_make_one_image_and_the_second_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = [rig.finish(process) for process in [rig.start(sandbox, tmp_path), rig.start(sandbox, tmp_path)]]
    assert sorted(run.code for run in ended) == [0, 11]
    told = next(run.err for run in ended if run.code == 11)
    assert "another run on this machine is at golden-linux" in told
    assert "--lock-wait" in told
    assert (len(rig.exports(sandbox)), len(rig.copies(sandbox))) == (1, 1)


def test_a_run_that_waits_for_the_lock_finds_the_copy_present(sandbox: Sandbox, tmp_path: Path) -> None:
    args = (*rig.COPY, "--lock-wait", "30s")
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


def test_nothing_is_left_locked_and_the_files_are_private(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks", [].append)
    lock = locks.take(ENTRY)
    assert lock is not None
    (file,) = (tmp_path / "locks").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert locks.take(ENTRY) is None
    assert locks.take({**ENTRY, "name": "b"}) is not None
    lock.release()
    assert not file.exists()
    assert locks.take(ENTRY) is not None


def test_the_file_of_a_killed_run_locks_nobody_out(tmp_path: Path) -> None:
    first = Locks(tmp_path, [].append).take(ENTRY)
    assert first is not None
    (file,) = tmp_path.iterdir()
    first.release()
    file.touch(0o600)  # what a killed process leaves: a file that nobody holds
    assert Locks(tmp_path, [].append).take(ENTRY) is not None


def test_a_lock_that_is_removed_while_somebody_waits_for_it_is_taken_anew(tmp_path: Path) -> None:
    locks = Locks(tmp_path, [].append)
    held = locks.take(ENTRY)
    assert held is not None
    (file,) = tmp_path.iterdir()
    late = os.open(file, os.O_RDWR)
    held.release()
    fcntl.flock(late, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a lock on a file that is gone keeps nobody out
    assert locks.take(ENTRY) is not None
    os.close(late)


def test_where_no_lock_can_be_kept_that_is_said_once_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    events: list[Event] = []
    locks = Locks(tmp_path / "file" / "locks", events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert [type(event) for event in events] == [Warned]

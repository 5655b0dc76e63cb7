"""Two runs at once on one machine: one export, one image; who comes second is told, or waits."""

from __future__ import annotations

import fcntl
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omicopy.model.events import Event, WarningMessage
from omicopy.sandbox.main import Sandbox
from omicopy.state.locks import Locks
from tests.children import Child, wait_until
from tests.proofs import rig

ENTRY = {"kind": "image", "account": "1", "name": "a"}


def test_two_runs_of_one_copy_make_one_image_and_the_second_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
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


def test_nothing_is_left_locked_and_the_files_are_private(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks", [].append)
    lock = locks.take(ENTRY)
    assert lock is not None
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "locks").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o700
    assert locks.take(ENTRY) is None
    assert Locks(tmp_path / "locks", [].append).take(ENTRY) is None
    assert locks.take({**ENTRY, "name": "b"}) is not None
    lock.release()
    assert locks.take(ENTRY) is not None


def test_a_run_that_ends_lets_go_of_everything(tmp_path: Path) -> None:
    first, second = Locks(tmp_path, [].append), Locks(tmp_path, [].append)
    assert first.take(ENTRY) is not None
    first.end()
    assert second.take(ENTRY) is not None
    assert first.take(ENTRY) is None
    first.end()
    second.end()
    assert Locks(tmp_path, [].append).take({**ENTRY, "name": "b"}) is not None
    assert len(list(tmp_path.glob("*.held"))) == 1, "what ended runs left is cleared away"
    assert len(list(tmp_path.glob("run-*"))) == 1


def test_a_lock_of_an_ended_run_takes_nothing_from_the_next_one(tmp_path: Path) -> None:
    first, second = Locks(tmp_path, [].append), Locks(tmp_path, [].append)
    lock = first.take(ENTRY)
    assert lock is not None
    first.end()
    assert second.take(ENTRY) is not None
    lock.release()
    assert first.take(ENTRY) is None


@pytest.mark.parametrize("left", ["run-0123456789abcdef", "../../etc/passwd", "run-zz"])
def test_the_link_of_a_killed_run_locks_nobody_out(tmp_path: Path, left: str) -> None:
    first = Locks(tmp_path, [].append)
    assert first.take(ENTRY) is not None
    (link,) = tmp_path.glob("*.held")
    link.unlink()
    link.symlink_to(left)  # what a killed process leaves: a link that names a run of which the kernel knows nothing
    assert first.take(ENTRY) is not None
    assert Locks(tmp_path, [].append).take(ENTRY) is None


def test_what_cant_be_cleared_away_keeps_no_lock_from_working(tmp_path: Path) -> None:
    events: list[Event] = []
    (tmp_path / "image-zz.held").mkdir()
    (tmp_path / "run-0123456789abcdef").mkdir()
    assert Locks(tmp_path, events.append).take(ENTRY) is not None
    assert Locks(tmp_path, events.append).take(ENTRY) is None
    assert events == []


def test_a_run_that_is_stopped_while_it_clears_away_blocks_nobody(tmp_path: Path) -> None:
    with (tmp_path / "clearing").open("w") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert Locks(tmp_path, [].append).take(ENTRY) is not None
        assert Locks(tmp_path, [].append).take(ENTRY) is None


def test_of_many_that_want_what_a_killed_run_left_one_gets_it(tmp_path: Path) -> None:
    dead = Locks(tmp_path, [].append)
    assert all(dead.take({**ENTRY, "name": str(number)}) for number in range(50))
    runs = [Locks(tmp_path, [].append) for _ in range(8)]
    for run in runs:
        run.take({**ENTRY, "name": "another"})  # each has begun, and cleared away what was left then
    dead.end()
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda run: [run.take({**ENTRY, "name": str(number)}) for number in range(50)], runs))
    assert [sum(lock is not None for lock in locks) for locks in zip(*taken, strict=True)] == [1] * 50


def test_a_killed_process_leaves_nothing_locked(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from omicopy.state.locks import Locks\n"
        f"assert Locks(Path({str(tmp_path)!r}), print).take({ENTRY!r}); print('held', flush=True); time.sleep(3600)"
    )
    process = Child([sys.executable, "-c", script])
    assert process.line() == "held\n"
    assert Locks(tmp_path, [].append).take(ENTRY) is None
    process.kill()
    process.communicate()
    assert Locks(tmp_path, [].append).take(ENTRY) is not None


def test_many_locks_need_no_more_open_files_than_one(tmp_path: Path) -> None:
    locks = Locks(tmp_path, [].append)
    assert locks.take(ENTRY) is not None
    opened = open_files()
    assert all(locks.take({**ENTRY, "name": str(number)}) for number in range(200))
    assert open_files() == opened


def open_files() -> int:
    """How many this process has, where the system tells."""
    parts = Path("/proc/self/fd")
    return len(list(parts.iterdir())) if parts.exists() else 0


def test_where_no_lock_can_be_kept_that_is_said_once_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    events: list[Event] = []
    locks = Locks(tmp_path / "file" / "locks", events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert [type(event) for event in events] == [WarningMessage]

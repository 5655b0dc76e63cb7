"""Locks between runs: held by the kernel for as long as their process lives, no longer, and by nobody else."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omicopy.model.events import Event, WarningMessage
from omicopy.state import locks as module
from omicopy.state.locks import Locks
from tests.support.children import Child, wait_until

ENTRY = {"kind": "image", "account": "1", "name": "a"}
OTHER = {**ENTRY, "name": "b"}
HOLDER = """
import sys, time
from pathlib import Path
from omicopy.state.locks import Locks
locks = Locks(Path(sys.argv[1]), print)
lock = locks.take({"kind": "image", "account": "1", "name": "a"})
print("held" if lock else "not held", flush=True)
"""
"""A run that takes the lock, says so, and does what comes after."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "omicopy" / "locks"
    everybody_ends()


def everybody_ends() -> None:
    for owner in {lock.owner for lock in module._held.values()}:
        owner.end()


def new(folder: Path) -> Locks:
    return Locks(folder, [].append)


def another(folder: Path, and_then: str = "time.sleep(3600)") -> Child:
    return Child([sys.executable, "-c", HOLDER + and_then, str(folder)])


def numbered(number: int) -> dict[str, str]:
    return {**ENTRY, "name": str(number)}


def open_files() -> set[str]:
    """What this process has open in folders of locks, one a descriptor."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = str(each.readlink())
        except FileNotFoundError:
            continue
        if target.endswith(".lock"):
            found.add(f"{each.name} {target}")
    return found


# ---- in one process


def test_what_one_holds_no_other_gets_until_it_is_released(folder: Path) -> None:
    locks = new(folder)
    lock = locks.take(ENTRY)
    assert lock is not None
    assert locks.take(ENTRY) is None
    assert new(folder).take(ENTRY) is None
    assert locks.take(OTHER) is not None
    lock.release()
    again = locks.take(ENTRY)
    assert again is not None
    lock.release()  # a second time, which releases nothing of its successor's
    assert new(folder).take(ENTRY) is None


def test_the_end_of_locks_releases_all_of_theirs_and_no_more(folder: Path) -> None:
    first, second = new(folder), new(folder)
    old = first.take(ENTRY)
    assert old is not None
    assert second.take(OTHER) is not None
    first.end()
    assert second.take(ENTRY) is not None
    old.release()
    assert first.take(ENTRY) is None
    assert first.take(OTHER) is None
    second.end()
    assert open_files() == set()
    assert first.take(ENTRY) is not None, "ended locks can be used again"


def test_one_folder_by_two_paths_is_one(folder: Path, tmp_path: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    (tmp_path / "alias").symlink_to(folder.parent)
    assert new(tmp_path / "alias" / "locks").take(ENTRY) is None


def test_two_folders_are_two(folder: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    assert new(folder.parent / "others").take(ENTRY) is not None


def test_of_many_threads_one_gets_each_lock(folder: Path) -> None:
    runs = [new(folder) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda run: [run.take(numbered(number)) for number in range(200)], runs))
    assert [sum(lock is not None for lock in locks) for locks in zip(*taken, strict=True)] == [1] * 200


def test_a_lock_passes_from_thread_to_thread_without_ever_being_held_twice(folder: Path) -> None:
    holders, most = [0], [0]

    def work(_: int) -> None:
        locks, done = new(folder), 0
        while done < 50:
            lock = locks.take(ENTRY)
            if lock is None:
                continue
            holders[0] += 1
            most[0] = max(most[0], holders[0])
            holders[0] -= 1
            lock.release()
            done += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert most == [1]


def test_ten_thousand_locks_need_64_descriptors(folder: Path) -> None:
    locks = new(folder)
    assert all(locks.take(numbered(number)) for number in range(10_000))
    assert len(open_files()) == 64
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert all(locks.take(numbered(number)) is None for number in range(10_000))
    locks.end()
    assert open_files() == set()


def test_offsets_are_spread_over_62_bits() -> None:
    places = [module._place(numbered(number)) for number in range(1000)]
    assert {file for file, _ in places} == set(range(64))
    assert 2**61 < max(offset for _, offset in places) < 2**62
    assert len(set(places)) == 1000


def test_asking_whether_it_is_held_takes_nothing(folder: Path) -> None:
    locks = new(folder)
    assert not locks.is_held(ENTRY)
    assert not folder.exists()
    lock = locks.take(ENTRY)
    assert lock is not None
    assert locks.is_held(ENTRY)
    assert new(folder).is_held(ENTRY)
    assert not locks.is_held(OTHER)
    assert locks.take(OTHER) is not None
    lock.release()
    assert not new(folder).is_held(ENTRY)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_files_and_folders_are_private_whatever_the_umask(folder: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        assert new(folder).take(ENTRY) is not None
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_folder_that_an_earlier_version_left_open_is_closed_to_others(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    assert new(folder).take(ENTRY) is not None
    assert stat.S_IMODE(folder.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_an_earlier_version_left_locks_nobody_out(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "image-0123456789abcdef01234567.held").symlink_to("run-0123456789abcdef")
    (folder / "run-0123456789abcdef").touch()
    (folder / "clearing").touch()
    assert new(folder).take(ENTRY) is not None


# ---- two processes


def test_two_processes_exclude_each_other(folder: Path) -> None:
    process = another(folder)
    assert process.line() == "held\n"
    locks = new(folder)
    assert locks.take(ENTRY) is None
    assert locks.is_held(ENTRY)
    other = locks.take(OTHER)
    assert other is not None
    assert another(folder).line() == "not held\n"


def test_a_killed_process_leaves_no_lock(folder: Path) -> None:
    process = another(folder)
    assert process.line() == "held\n"
    assert new(folder).take(ENTRY) is None
    process.kill()
    process.communicate()
    assert not new(folder).is_held(ENTRY)
    assert new(folder).take(ENTRY) is not None


def test_looking_and_closing_elsewhere_loses_no_lock(folder: Path) -> None:
    """With `lockf` any close of the file in this process would."""
    locks = new(folder)
    assert locks.take(ENTRY) is not None
    assert locks.is_held(ENTRY)
    for file in folder.iterdir():
        file.read_bytes()
    new(folder).end()
    assert another(folder).line() == "not held\n"


def test_a_lock_taken_twice_is_not_freed_by_the_one_that_did_not_get_it(folder: Path) -> None:
    first, second = new(folder), new(folder)
    assert first.take(ENTRY) is not None
    assert second.take(ENTRY) is None
    second.end()
    assert another(folder).line() == "not held\n"


def test_a_forked_child_holds_nothing_and_keeps_nothing(folder: Path) -> None:
    fork = """
import os
child = os.fork()
if child == 0:
    assert locks.take({"kind": "image", "account": "1", "name": "a"}) is None, "its parent has it"
    lock.release()  # it is the parent's
    locks.end()
    assert locks.take({"kind": "image", "account": "1", "name": "a"}) is None
    assert locks.take({"kind": "image", "account": "1", "name": "b"}) is not None
    os.setsid()  # outlives its parent
    print("forked", flush=True)
    time.sleep(3600)
os.waitpid(child, 0)
"""
    process = another(folder, fork)
    assert [process.line(), process.line()] == ["held\n", "forked\n"]
    assert new(folder).take(ENTRY) is None
    os.kill(process.pid, 9)
    process.wait()
    wait_until(lambda: not new(folder).is_held(ENTRY))
    assert new(folder).take(ENTRY) is not None
    assert new(folder).take(OTHER) is None, "the child lives and has this one"
    [child] = children_of(folder)
    os.kill(child, 9)


def children_of(folder: Path) -> list[int]:
    """The processes, but this one, that were started with the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(folder).encode() in words:
                found.append(int(process.name))
    return found


def test_a_fork_while_a_thread_takes_locks_holds_up_nobody(folder: Path) -> None:
    """The child of a fork has no thread that would ever give the mutex back."""
    stop = threading.Event()

    def take_and_release() -> None:
        locks = new(folder)
        while not stop.is_set():
            lock = locks.take(ENTRY)
            if lock is not None:
                lock.release()

    thread = threading.Thread(target=take_and_release)
    thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                taken = new(folder).take(OTHER)
                os._exit(0 if taken is not None else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()


def test_a_started_program_inherits_no_lock(folder: Path) -> None:
    process = another(
        folder, "import subprocess; subprocess.Popen(['sleep', '3600'], close_fds=False); time.sleep(1e4)"
    )
    assert process.line() == "held\n"
    os.kill(process.pid, 9)
    process.wait()
    assert new(folder).take(ENTRY) is not None


# ---- where no lock can be kept


def warned(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, WarningMessage)]


def refusing(code: int) -> Callable[..., Any]:
    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    return refuse


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_a_file_system_without_such_locks_is_one_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """So answer some network file systems. Nothing is locked then, and every run goes on."""
    monkeypatch.setattr(fcntl, "fcntl", refusing(code))
    events: list[Event] = []
    locks = Locks(folder, events.append)
    first = locks.take(ENTRY)
    assert first is not None
    assert locks.take(ENTRY) is not None
    assert locks.is_held(ENTRY) is (code == errno.EIO), "what can't be asked about counts as held"
    first.release()
    locks.end()
    assert warned(events) == [f"No lock can be kept ({folder}: {os.strerror(code)}); don't run two copies at once"]


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EACCES])
def test_both_words_for_a_lock_that_another_holds_mean_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(fcntl, "fcntl", refusing(code))
    events: list[Event] = []
    assert Locks(folder, events.append).take(ENTRY) is None
    assert events == []


def test_a_system_that_is_no_linux_is_one_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAS_OFD", False)
    monkeypatch.setattr(fcntl, "lockf", refusing(errno.EIO))
    events: list[Event] = []
    locks = Locks(folder, events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert not locks.is_held(ENTRY)
    assert len(warned(events)) == 1
    assert not folder.exists()


def test_a_folder_that_can_t_be_made_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    events: list[Event] = []
    locks = Locks(tmp_path / "file" / "locks", events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert not locks.is_held(ENTRY)
    assert len(warned(events)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_can_t_be_written_is_one_warning(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    events: list[Event] = []
    try:
        assert Locks(folder, events.append).take(ENTRY) is not None
    finally:
        folder.chmod(0o700)
    assert len(warned(events)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else_is_one_warning(folder: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    child = os.fork()
    if child == 0:
        os.setuid(54_321)
        events: list[Event] = []
        has_gone_on = Locks(folder, events.append).take(ENTRY) is not None
        os._exit(0 if has_gone_on and len(warned(events)) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """A planted link is a warning, and nothing is made or changed where it leads."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    victim = elsewhere / "victim"
    victim.touch()
    victim.chmod(0o644)
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    events: list[Event] = []
    locks = Locks(folder, events.append)
    assert locks.take(ENTRY) is not None
    assert "symbolic link" in warned(events)[0]
    assert list(elsewhere.iterdir()) == [victim]
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755
    folder.unlink()
    folder.mkdir()
    for number in range(64):
        (folder / f"{number:02x}.lock").symlink_to(victim)
    events.clear()
    assert Locks(folder, events.append).take(ENTRY) is not None
    assert len(warned(events)) == 1
    assert stat.S_IMODE(victim.stat().st_mode) == 0o644


def test_a_planted_pipe_holds_nobody_up(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(64):
        os.mkfifo(folder / f"{number:02x}.lock")
    assert new(folder).take(ENTRY) is not None

"""Locks and journal between processes: a lock is held for as long as its process lives, and no longer."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omicopy.model.events import Event
from omicopy.state.journal import Journal, export_entry
from omicopy.state.locks import Locks
from tests.support import children
from tests.support.builders import A_SOURCE
from tests.support.children import Child, wait_until
from tests.support.lock_runs import ENTRY, OTHER, end_all_locks, new, warned

HOLDER = """
import sys, time
from pathlib import Path
from omicopy.state.journal import Journal, export_entry
from omicopy.state.locks import Locks
from tests.support import children
from tests.support.builders import A_SOURCE
locks = Locks(Path(sys.argv[1]), print)
lock = locks.take({"kind": "image", "account": "1", "name": "a"})
print("held" if lock else "not held", flush=True)
"""
"""A run that takes the lock, says so, and does what comes after."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "omicopy" / "locks"
    end_all_locks()


def another(folder: Path, and_then: str = "time.sleep(3600)") -> Child:
    return Child([sys.executable, "-c", HOLDER + and_then, str(folder)])


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


def test_reading_and_closing_a_lock_file_releases_no_lock(folder: Path) -> None:
    """With `lockf` any close of the file in this process would."""
    locks = new(folder)
    assert locks.take(ENTRY) is not None
    assert locks.is_held(ENTRY)
    for file in folder.iterdir():
        file.read_bytes()
    new(folder).end()
    assert another(folder).line() == "not held\n"


def test_a_refused_second_taker_frees_no_lock(folder: Path) -> None:
    first, second = new(folder), new(folder)
    assert first.take(ENTRY) is not None
    assert second.take(ENTRY) is None
    second.end()
    assert another(folder).line() == "not held\n"


def test_a_forked_child_inherits_no_lock(folder: Path) -> None:
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


def test_a_fork_while_a_thread_takes_locks_never_blocks(folder: Path) -> None:
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_one_warning(folder: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    child = os.fork()
    if child == 0:
        os.setuid(54_321)
        events: list[Event] = []
        has_gone_on = Locks(folder, events.append).take(ENTRY) is not None
        os._exit(0 if has_gone_on and len(warned(events)) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_another_process_finds_a_journals_entry(tmp_path: Path) -> None:
    entry = export_entry(A_SOURCE)
    Journal(tmp_path, print).answered(entry, "image-export-12345678")
    code = (
        "import json, sys, pathlib; from omicopy.state.journal import Journal; "
        "print(Journal(pathlib.Path(sys.argv[1]), print).find(json.loads(sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), json.dumps(entry)]
    assert children.run(command, check=True).stdout == "(True, 'image-export-12345678')\n"

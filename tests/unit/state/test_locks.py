"""Locks between runs: held by the kernel for as long as their process lives, no longer, and by nobody else."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omicopy.model.events import Event
from omicopy.state import locks as module
from omicopy.state.locks import Locks
from tests.support.lock_runs import ENTRY, OTHER, end_all_locks, new, warned


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "omicopy" / "locks"
    end_all_locks()


def numbered(number: int) -> dict[str, str]:
    return {**ENTRY, "name": str(number)}


def open_files(folder: Path) -> set[str]:
    """The descriptors of lock files in `folder` that this process has open. Other tests may have others open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = str(each.readlink())
        except FileNotFoundError:
            continue
        if Path(target).parent == folder.resolve():
            found.add(f"{each.name} {target}")
    return found


def test_a_held_lock_is_refused_until_it_is_released(folder: Path) -> None:
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


def test_end_releases_exactly_the_locks_of_its_run(folder: Path) -> None:
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
    assert open_files(folder) == set()
    assert first.take(ENTRY) is not None, "ended locks can be used again"


def test_two_paths_to_one_folder_share_their_locks(folder: Path, tmp_path: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    (tmp_path / "alias").symlink_to(folder.parent)
    assert new(tmp_path / "alias" / "locks").take(ENTRY) is None


def test_two_folders_share_no_locks(folder: Path) -> None:
    assert new(folder).take(ENTRY) is not None
    assert new(folder.parent / "others").take(ENTRY) is not None


def test_of_many_threads_one_gets_each_lock(folder: Path) -> None:
    runs = [new(folder) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda run: [run.take(numbered(number)) for number in range(200)], runs))
    assert [sum(lock is not None for lock in locks) for locks in zip(*taken, strict=True)] == [1] * 200


def test_a_lock_is_never_held_by_two_threads(folder: Path) -> None:
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
    assert len(open_files(folder)) == 64
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert all(locks.take(numbered(number)) is None for number in range(10_000))
    locks.end()
    assert open_files(folder) == set()


def test_offsets_are_spread_over_62_bits() -> None:
    places = [module._place(numbered(number)) for number in range(1000)]
    assert {file for file, _ in places} == set(range(64))
    assert 2**61 < max(offset for _, offset in places) < 2**62
    assert len(set(places)) == 1000


def test_is_held_takes_no_lock(folder: Path) -> None:
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
def test_files_and_folders_are_private_with_any_umask(folder: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        assert new(folder).take(ENTRY) is not None
    finally:
        os.umask(old)
    assert stat.S_IMODE(folder.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_an_open_folder_of_an_earlier_version_becomes_private(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    assert new(folder).take(ENTRY) is not None
    assert stat.S_IMODE(folder.parent.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_files_of_an_earlier_version_block_no_run(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "image-0123456789abcdef01234567.held").symlink_to("run-0123456789abcdef")
    (folder / "run-0123456789abcdef").touch()
    (folder / "clearing").touch()
    assert new(folder).take(ENTRY) is not None


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
    assert warned(events) == [f"Can't lock ({folder}: {os.strerror(code)}); don't run two copies at the same time"]


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EACCES])
def test_both_error_codes_of_a_held_lock_mean_held(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(fcntl, "fcntl", refusing(code))
    events: list[Event] = []
    assert Locks(folder, events.append).take(ENTRY) is None
    assert events == []


def test_a_system_other_than_linux_is_one_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAS_OFD", False)
    monkeypatch.setattr(fcntl, "lockf", refusing(errno.EIO))
    events: list[Event] = []
    locks = Locks(folder, events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert not locks.is_held(ENTRY)
    assert len(warned(events)) == 1
    assert not folder.exists()


def test_without_such_locks_a_file_of_another_machine_counts_as_free(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a home folder that is shared with a Linux machine: not every system's fcntl has the constant."""
    assert Locks(folder, [].append).take(ENTRY) is not None
    monkeypatch.setattr(module, "_HAS_OFD", False)
    monkeypatch.delattr(fcntl, "F_OFD_GETLK")
    assert not Locks(folder, [].append).is_held(ENTRY)


def test_a_folder_that_cannot_be_created_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    events: list[Event] = []
    locks = Locks(tmp_path / "file" / "locks", events.append)
    assert locks.take(ENTRY) is not None
    assert locks.take(ENTRY) is not None
    assert not locks.is_held(ENTRY)
    assert len(warned(events)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_one_warning(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    events: list[Event] = []
    try:
        assert Locks(folder, events.append).take(ENTRY) is not None
    finally:
        folder.chmod(0o700)
    assert len(warned(events)) == 1


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


def test_a_planted_pipe_blocks_no_run(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(64):
        os.mkfifo(folder / f"{number:02x}.lock")
    assert new(folder).take(ENTRY) is not None

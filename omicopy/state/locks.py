"""Locks between runs on one machine. The kernel holds them and releases them when the process ends, even by SIGKILL.

Each lock is one byte of one of 64 files, so ten thousand locks need only 64 descriptors. The locks belong to an open
file description (`F_OFD_SETLK`). Those of `lockf` belong to the process, which loses them when it closes any descriptor
of the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import struct
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from omicopy.model.events import Listener, WarningMessage
from omicopy.state.private import make_private, open_private

_FILE_BITS, _OFFSET_BITS = 6, 62
"""File and byte come from the key's hash. An offset has 62 bits, because the kernel's type is signed, 64 bits."""
_FLOCK = struct.Struct("@hhqqi4x")
"""Linux' `struct flock`: type, whence, start, length, process; the last must be 0."""
_HAS_OFD = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")
_NO_LOCKS = (errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
"""Errors of file systems without such locks."""
_TAKEN = (errno.EAGAIN, errno.EACCES)
"""Errors when another process holds the lock."""


class _File(NamedTuple):
    """One of the 64 files of a folder, identified by the folder's inode, not by its path."""

    device: int
    inode: int
    number: int


class _Byte(NamedTuple):
    file: _File
    offset: int


_mutex = threading.Lock()
_opened: dict[_File, int] = {}
"""Descriptors. Each file is opened once, because a second open file description would conflict with the first."""
_held: dict[_Byte, Lock] = {}
"""The locks of this process. The kernel grants one description the same byte twice; the first release frees it."""


class Lock:
    """A lock, held until `release`, `Locks.end`, or the end of the process."""

    __slots__ = ("byte", "owner")

    def __init__(self, owner: Locks, byte: _Byte | None = None) -> None:
        """`byte` is None if no lock can be kept there."""
        self.owner, self.byte = owner, byte

    def release(self) -> None:
        """Releases the lock if it is still held."""
        with _mutex:
            if self.byte is not None and _held.get(self.byte) is self:
                _release(self.byte)


class Locks:
    """The locks in one folder of mode 700, shared by all runs on this machine, also by those in one process.

    If the file system can't keep locks, nothing is locked and one warning says so.
    """

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False

    def take(self, entry: Mapping[str, str]) -> Lock | None:
        """Returns the lock on what `entry` identifies, or None while a run holds it, this one included. Never waits."""
        number, offset = _place(entry)
        try:
            with _mutex:
                byte = _Byte(self._file(number), offset)
                return self._take(byte) if byte not in _held else None
        except OSError as error:
            if not self._warned:
                self._warned = True
                why = f"({self._folder}: {error.strerror})"
                self._listener(WarningMessage(f"Can't lock {why}; don't run two copies at the same time"))
            return Lock(self)

    def is_held(self, entry: Mapping[str, str]) -> bool:
        """Returns True if any run, this one included, holds the lock on what `entry` identifies.

        Does not take the lock, so no other run is blocked. A lock that can't be read counts as held.
        """
        if not _HAS_OFD:
            return False
        number, offset = _place(entry)
        try:
            descriptor = open_private(
                self._path(number), os.O_RDONLY
            )  # a new description, which also sees our own locks
            try:
                return _ask(descriptor, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, offset) != fcntl.F_UNLCK
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            return error.errno not in _NO_LOCKS

    def end(self) -> None:
        """Releases all locks of this object, and closes the files in which this process holds no lock any more."""
        with _mutex:
            for byte in [byte for byte, lock in _held.items() if lock.owner is self]:
                _release(byte)
            for file in _opened.keys() - {byte.file for byte in _held}:
                os.close(_opened.pop(file))

    def _take(self, byte: _Byte) -> Lock | None:
        lock = _held[byte] = Lock(self, byte)
        try:
            _ask(_opened[byte.file], fcntl.F_OFD_SETLK, fcntl.F_WRLCK, byte.offset)
        except BaseException as error:
            del _held[byte]
            if isinstance(error, OSError) and error.errno in _TAKEN:
                return None
            raise
        return lock

    def _file(self, number: int) -> _File:
        """Returns the file, opened unless this process has it open already. Raises OSError."""
        if not _HAS_OFD:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        try:
            status = self._folder.stat(follow_symlinks=False)
        except FileNotFoundError:
            make_private(self._folder)
            status = self._folder.stat(follow_symlinks=False)
        file = _File(status.st_dev, status.st_ino, number)
        if file not in _opened:
            make_private(self._folder)
            _opened[file] = open_private(self._path(number), os.O_RDWR | os.O_CREAT)
        return file

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:02x}.lock"


def _place(entry: Mapping[str, str]) -> tuple[int, int]:
    """Returns the number of the file and the byte in it for an entry."""
    bits = int.from_bytes(hashlib.sha256(json.dumps(dict(entry), sort_keys=True).encode()).digest())
    return bits % 2**_FILE_BITS, (bits >> _FILE_BITS) % 2**_OFFSET_BITS


def _ask(descriptor: int, command: int, kind: int, offset: int) -> int:
    """Runs the lock command for one byte and returns the kind of lock in the kernel's answer. Raises OSError."""
    answer = fcntl.fcntl(descriptor, command, _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0))
    return int(_FLOCK.unpack(answer)[0])


def _release(byte: _Byte) -> None:
    del _held[byte]
    with contextlib.suppress(OSError):
        _ask(_opened[byte.file], fcntl.F_OFD_SETLK, fcntl.F_UNLCK, byte.offset)


def _forget() -> None:
    """Closes the inherited files in a forked child, which else would keep the parent's locks after its end."""
    for descriptor in _opened.values():
        os.close(descriptor)
    _opened.clear()
    _held.clear()
    _mutex.release()


os.register_at_fork(before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_forget)

"""Locks between runs on one machine. The kernel holds them, so a process that dies, however it dies, leaves none.

A key is one byte of one of 64 files: ten thousand locks need 64 descriptors. The locks are those of an open file
description (`F_OFD_SETLK`), which no other part of the process can lose by closing a file, as it can `lockf`'s.
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
"""The file and the byte in it are bits of the key's hash. An offset is a signed number of 64 bits."""
_FLOCK = struct.Struct("@hhqqi4x")
"""Linux' `struct flock`: type, whence, start, length, process; the last must be 0."""
_HAS_OFD = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")
_NO_LOCKS = (errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
"""What file systems answer that keep no such locks."""
_TAKEN = (errno.EAGAIN, errno.EACCES)
"""What they answer when another process holds the lock."""


class _File(NamedTuple):
    """One of the 64 files of a folder, whatever path led there."""

    device: int
    inode: int
    number: int


class _Byte(NamedTuple):
    file: _File
    offset: int


_mutex = threading.Lock()
_opened: dict[_File, int] = {}
"""Descriptors. Each file is opened once: another description would be locked out by the first."""
_held: dict[_Byte, Lock] = {}
"""What this process holds. The kernel grants a description the same byte twice, and frees it with the first release."""


class Lock:
    """A lock that is held until `release`, until its `Locks` ends, or until the process does."""

    __slots__ = ("byte", "owner")

    def __init__(self, owner: Locks, byte: _Byte | None = None) -> None:
        """Without a byte: where no lock can be kept."""
        self.owner, self.byte = owner, byte

    def release(self) -> None:
        """Releases it, if it is still held."""
        with _mutex:
            if self.byte is not None and _held.get(self.byte) is self:
                _release(self.byte)


class Locks:
    """The locks in one folder of mode 700, shared by all runs of this machine, those in one process too.

    Where no lock can be kept, nothing is locked, and one warning says so.
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
                self._listener(WarningMessage(f"No lock can be kept {why}; don't run two copies at once"))
            return Lock(self)

    def is_held(self, entry: Mapping[str, str]) -> bool:
        """Returns whether any run, this one included, holds the lock on what `entry` identifies. Takes nothing, so no
        other run is turned away. A lock that exists and can't be asked about counts as held."""
        if not _HAS_OFD:
            return False
        number, offset = _place(entry)
        try:
            descriptor = open_private(self._path(number), os.O_RDONLY)  # another description, which sees our own, too
            try:
                return _ask(descriptor, fcntl.F_OFD_GETLK, fcntl.F_WRLCK, offset) != fcntl.F_UNLCK
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            return error.errno not in _NO_LOCKS

    def end(self) -> None:
        """Releases all that was taken here and is still held, and closes the files that no lock needs any more."""
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
        """Opens the file, unless this process has it open. Raises OSError."""
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
    """The file and the byte in it that stand for an entry."""
    bits = int.from_bytes(hashlib.sha256(json.dumps(dict(entry), sort_keys=True).encode()).digest())
    return bits % 2**_FILE_BITS, (bits >> _FILE_BITS) % 2**_OFFSET_BITS


def _ask(descriptor: int, command: int, kind: int, offset: int) -> int:
    """Does that to one byte; returns the kind of lock that the kernel answers. Raises OSError."""
    answer = fcntl.fcntl(descriptor, command, _FLOCK.pack(kind, os.SEEK_SET, offset, 1, 0))
    return int(_FLOCK.unpack(answer)[0])


def _release(byte: _Byte) -> None:
    del _held[byte]
    with contextlib.suppress(OSError):
        _ask(_opened[byte.file], fcntl.F_OFD_SETLK, fcntl.F_UNLCK, byte.offset)


def _forget() -> None:
    """In a forked child: it holds nothing of its parent's, nor keeps it locked when the parent is gone."""
    for descriptor in _opened.values():
        os.close(descriptor)
    _opened.clear()
    _held.clear()
    _mutex.release()


os.register_at_fork(before=_mutex.acquire, after_in_parent=_mutex.release, after_in_child=_forget)

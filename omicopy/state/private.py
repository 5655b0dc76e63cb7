"""Folders and files of the state: for their user alone whatever the umask, and never reached through a link."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_STATE = "omicopy"
"""The name of the folder that all of them lie in. Earlier versions left its mode to the umask."""
_BEHIND_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


def make_private(folder: Path) -> None:
    """Makes the folder, and those above it that are missing, with mode 700. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
            each.chmod(0o700)  # whatever the umask took away
    with _opened(folder) as descriptor:
        _tighten(descriptor, 0o700)
    if folder.parent.name == _STATE and not folder.parent.is_symlink():
        with _opened(folder.parent) as descriptor:
            _tighten(descriptor, 0o700)


def open_private(path: Path, flags: int) -> int:
    """Opens a file in such a folder and returns its descriptor. Raises OSError, also where either is a link."""
    with _opened(path.parent) as folder:
        # without O_NONBLOCK a pipe that somebody put there would hold us up
        descriptor = os.open(path.name, flags | _BEHIND_NO_LINK | os.O_NONBLOCK, 0o600, dir_fd=folder)
    if flags & os.O_CREAT:
        _tighten(descriptor, 0o600)
    return descriptor


def read_private(path: Path) -> str:
    """Returns the text of a file in such a folder. Raises OSError, and ValueError for what is no UTF-8."""
    with open(open_private(path, os.O_RDONLY), encoding="utf-8") as file:
        return file.read()


def delete_private(path: Path) -> None:
    """Deletes a file in such a folder, if there is one. Raises OSError."""
    with _opened(path.parent) as folder, contextlib.suppress(FileNotFoundError):
        os.unlink(path.name, dir_fd=folder)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _BEHIND_NO_LINK)
    except NotADirectoryError:  # so Linux says it of a link, too
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link") from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _tighten(descriptor: int, mode: int) -> None:
    status = os.fstat(descriptor)
    if status.st_mode & 0o777 != mode and status.st_uid == os.geteuid():
        os.fchmod(descriptor, mode)

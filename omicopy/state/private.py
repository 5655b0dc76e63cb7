"""Folders and files of the state: only their owner has access, whatever the umask. Symbolic links are refused."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_STATE = "omicopy"
"""The name of the folder that contains all state. Earlier versions left its mode to the umask."""
_BEHIND_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


def make_private(folder: Path) -> None:
    """Creates the folder and its missing parents with mode 700. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
            each.chmod(0o700)  # the umask may have removed rights
    with _opened(folder) as descriptor:
        _tighten(descriptor, 0o700)
    if folder.parent.name == _STATE and not folder.parent.is_symlink():
        with _opened(folder.parent) as descriptor:
            _tighten(descriptor, 0o700)


def open_private(path: Path, flags: int) -> int:
    """Opens a file in such a folder and returns its descriptor. Raises OSError, also where either is a link."""
    with _opened(path.parent) as folder:
        # without O_NONBLOCK, opening a pipe in place of the file would wait forever
        descriptor = os.open(path.name, flags | _BEHIND_NO_LINK | os.O_NONBLOCK, 0o600, dir_fd=folder)
    if flags & os.O_CREAT:
        _tighten(descriptor, 0o600)
    return descriptor


def read_private(path: Path) -> str:
    """Returns the text of a file in such a folder. Raises OSError, and ValueError if it is not UTF-8."""
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
    except NotADirectoryError:  # Linux raises this for a symbolic link, too
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

"""Writes files atomically: a reader finds the old or the new content, never a part of it, even after a crash."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def check_place(file: str | Path) -> None:
    """Raises OSError, whose `strerror` says why, if the file can't be written there."""
    path = Path(file)
    if path.is_symlink():  # such as /dev/stdout, which would be replaced by a file
        raise OSError(errno.ELOOP, "it is a symbolic link")
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def write_whole(file: str | Path, text: str, mode: int) -> None:
    """Replaces the file by one with `text` in UTF-8 and exactly this mode. Raises OSError, as `check_place` does."""
    check_place(file)
    path = Path(file)
    try:
        content = text.encode()
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 600
        try:
            with os.fdopen(handle, "wb") as draft_file:
                draft_file.write(content)
                os.fchmod(draft_file.fileno(), mode)
                draft_file.flush()
                os.fsync(draft_file.fileno())  # else a crash may leave an empty file under the new name
            Path(draft).replace(path)
        except BaseException:  # BaseException: an interruption leaves no temporary file either
            Path(draft).unlink(missing_ok=True)
            raise
    except ValueError as error:  # the text has no UTF-8 form, or the name is impossible
        raise OSError(errno.EINVAL, str(error)) from None

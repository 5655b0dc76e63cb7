"""Writes a file as a whole: a reader finds the old content or the new, never a part, also after a crash."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def check_place(file: str | Path) -> None:
    """Raises OSError, whose `strerror` says why, where no such file can be made."""
    path = Path(file)
    if path.is_symlink():  # such as /dev/stdout, which would be replaced by a file
        raise OSError(errno.ELOOP, "it is a symbolic link")
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no plain file")
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def write_whole(file: str | Path, text: str, mode: int) -> None:
    """Puts `text` in UTF-8 in place of the file, with exactly this mode. Raises OSError, as `check_place` does."""
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
                os.fsync(draft_file.fileno())  # else a crash may leave the new name with no content
            Path(draft).replace(path)
        except BaseException:  # an interruption, too, leaves no litter
            Path(draft).unlink(missing_ok=True)
            raise
    except ValueError as error:  # text that has no UTF-8, or a name that no file can have
        raise OSError(errno.EINVAL, str(error)) from None

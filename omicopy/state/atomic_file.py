"""Writes a file as a whole: whoever reads it finds what was there before or all that is new, never a part."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def check_place(file: str) -> None:
    """Raises OSError, whose `strerror` says why, where no such file can be made."""
    path = Path(file)
    try:
        if path.is_symlink():  # such as /dev/stdout, which would be replaced by a file
            raise OSError(errno.EINVAL, "it is a symbolic link")
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no plain file")
        if not path.parent.is_dir():
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error)) from None


def write_whole(file: str, text: str, mode: int) -> None:
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
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except ValueError as error:  # text that has no UTF-8
        raise OSError(errno.EINVAL, str(error)) from None

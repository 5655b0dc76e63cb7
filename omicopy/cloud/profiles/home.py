"""The user's home folder, asked for only where a file is looked for in it: a container's user may have none."""

from __future__ import annotations

import os
from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError


def home_folder(instead: str) -> Path:
    """The folder. Raises CONFIGURATION, with what to set `instead`, where neither HOME nor the system names one.

    A HOME that is no absolute path would mean another folder in each that a command is started from, and two runs would
    not see each other's locks.
    """
    try:
        home = Path.home()
    except RuntimeError:
        message = "There is no home folder: HOME is not set, and the system knows none for this user."
        raise OmicopyError(ErrorCode.CONFIGURATION, message, f"Set HOME, or {instead}.") from None
    if not home.is_absolute() or not os.environ.get("HOME", "unset"):
        message = f"There is no home folder: HOME is {os.environ.get('HOME', '')!r}, which is no absolute path."
        raise OmicopyError(ErrorCode.CONFIGURATION, message, f"Set HOME, or {instead}.")
    return home

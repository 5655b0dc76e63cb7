"""The user's home folder. Looked up only when needed: a container's user may have none."""

from __future__ import annotations

import os
from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError


def home_folder(instead: str) -> Path:
    """The home folder. Raises CONFIGURATION if neither HOME nor the system names one; the hint says what to set
    `instead`.

    A relative HOME would be a different folder for each working directory, and two runs would not see each other's
    locks.
    """
    try:
        home = Path.home()
    except RuntimeError:
        message = "There is no home folder: HOME is not set, and the system has none for this user."
        raise OmicopyError(ErrorCode.CONFIGURATION, message, f"Set HOME, or {instead}.") from None
    if not home.is_absolute() or not os.environ.get("HOME", "unset"):
        message = f"There is no home folder: HOME is {os.environ.get('HOME', '')!r}, which is not an absolute path."
        raise OmicopyError(ErrorCode.CONFIGURATION, message, f"Set HOME, or {instead}.")
    return home

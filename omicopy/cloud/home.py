"""The user's home folder, asked for only where a file is looked for in it: a container's user may have none."""

from __future__ import annotations

from pathlib import Path

from omicopy.errors import ErrorCode, OmicopyError


def home_folder(instead: str) -> Path:
    """The folder. Raises CONFIGURATION, with what to set `instead`, where neither HOME nor the system names one."""
    try:
        return Path.home()
    except RuntimeError:
        message = "There is no home folder: HOME is not set, and the system knows none for this user."
        raise OmicopyError(ErrorCode.CONFIGURATION, message, f"Set HOME, or {instead}.") from None

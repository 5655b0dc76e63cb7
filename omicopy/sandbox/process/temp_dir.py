"""The sandbox's temporary folder. It is removed with the sandbox, also when the sandbox is killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from omicopy.sandbox.process import reaper

_REMOVED_WITHIN_SECONDS = 15


class TempDir:
    """A new folder, and a small process (reaper.py) that removes it when this process has ended."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="omicopy-sandbox-")).resolve()
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(reaper.__file__)), str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # Ctrl-C at a terminal is for the command, not for the reaper
        )

    def remove(self) -> None:
        """Removes the folder and kills the stores that still run in it. May be called twice."""
        if self._reaper.stdin is not None:
            self._reaper.stdin.close()
        try:
            self._reaper.wait(_REMOVED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._reaper.kill()
            self._reaper.wait()
        reaper.clear(self.path)  # finds nothing to do, unless the reaper was killed

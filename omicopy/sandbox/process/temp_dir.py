"""The sandbox's temporary folder, which goes away with the sandbox, also when that is killed without a warning."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from omicopy.sandbox.process import reaper

_REMOVED_WITHIN_SECONDS = 15


class TempDir:
    """A fresh folder, watched by a small process of its own (reaper.py) that clears it when this process is gone."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="omicopy-sandbox-")).resolve()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(reaper.__file__)), str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # Ctrl-C at a terminal is meant for the command, not for the keeper
        )

    def remove(self) -> None:
        """Removes the folder; stores in it that were not stopped are killed. May be called twice."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        try:
            self._keeper.wait(_REMOVED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        reaper.clear(self.path)  # nothing to do, unless somebody killed the keeper

"""Run as a script: outlives the sandbox by a moment, to end and remove what a killed sandbox left behind.

    python -I -S reaper.py FOLDER

Its standard input is a pipe whose other end only the sandbox holds: end of file means that the sandbox is gone, however
it ended. It imports the standard library alone, to be small and quick.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

PROCESS_FILE = "process"
"""In a store's folder: the id of its process, while it runs."""
LOG_FILE = "log"
"""In a store's folder: what its process printed."""

_SOCKET = re.compile(r"listening on Unix socket (\S*/seaweedfs-\S+\.sock)")


def remove_sockets(log: Path) -> None:
    """SeaweedFS puts sockets of a fixed name into the system's temporary folder, and names them in its log."""
    if log.exists():
        for name in _SOCKET.findall(log.read_text(errors="replace")):
            Path(name).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Ends every store that still runs in `folder`, then removes it with all that it holds."""
    for process in folder.glob(f"*/{PROCESS_FILE}"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(process.read_text()), signal.SIGKILL)
    for log in folder.glob(f"*/{LOG_FILE}"):
        remove_sockets(log)
    give_up = time.monotonic() + 10
    while folder.exists() and time.monotonic() < give_up:
        shutil.rmtree(folder, ignore_errors=True)  # a dying process may still write: then again
        time.sleep(0.02)


def main() -> None:
    while os.read(0, 4096):
        pass
    clear(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

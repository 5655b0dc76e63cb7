"""A script that waits until the sandbox has ended, then kills its stores and removes its folder.

    python -I -S reaper.py FOLDER

Its standard input is a pipe; only the sandbox has the other end. End of file means that the sandbox has ended, for
whatever reason. The script imports the standard library alone, so that it is small and starts quickly.
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
"""The file in a store's folder that has the ID of its process."""
LOG_FILE = "log"
"""The file in a store's folder that has the output of its process."""

_SOCKET = re.compile(r"listening on Unix socket (\S*/seaweedfs-\S+\.sock)")


def remove_sockets(log: Path) -> None:
    """Removes the sockets that SeaweedFS made in the system's temporary folder. Its log names them."""
    if log.exists():
        for name in _SOCKET.findall(log.read_text(errors="replace")):
            Path(name).unlink(missing_ok=True)


def clear(folder: Path) -> None:
    """Kills every store that still runs in `folder`, then removes the folder with its contents."""
    for process in folder.glob(f"*/{PROCESS_FILE}"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(process.read_text()), signal.SIGKILL)
    for log in folder.glob(f"*/{LOG_FILE}"):
        remove_sockets(log)
    give_up = time.monotonic() + 10
    while folder.exists() and time.monotonic() < give_up:
        shutil.rmtree(folder, ignore_errors=True)  # a process that is being killed may still write: try again
        time.sleep(0.02)


def main() -> None:
    while os.read(0, 4096):
        pass
    clear(Path(sys.argv[1]))


if __name__ == "__main__":
    main()

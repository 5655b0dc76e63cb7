"""What is left of stores on this machine: processes, sockets, ports."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest


def traces(folder: Path) -> tuple[list[int], list[Path]]:
    """The processes of the stores in `folder`, and the sockets that they made elsewhere."""
    processes = [int(file.read_text()) for file in folder.glob("*/process")]
    logs = "".join(log.read_text() for log in folder.glob("*/log"))
    return processes, [Path(name) for name in re.findall(r"Unix socket (/tmp/\S+)", logs)]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")  # a process that nobody reaped yet has ended all the same
    return not status.exists() or "State:\tZ" not in status.read_text()


def listening_addresses(pid: int) -> list[tuple[str, int]]:
    """What a process listens on, as the kernel sees it (Linux)."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs Linux's /proc")
    inodes = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                loopback = address == "0100007F"
                found.append(("127.0.0.1" if loopback else address, int(port, 16)))
    return found

"""What a command costs as a whole process: seconds on the wall, and of the CPU as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omicopy.model.urls.presigned_url import redact

SCRIPTS = Path(sysconfig.get_path("scripts"))
"""Where the tools lie that were installed beside this Python."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: on the wall, and of the CPU (user and system, of all the processes that it waited for)."""

    wall: float
    cpu: float


def measure(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Raises CalledProcessError with what it said: a command that fails fast is not fast."""
    with tempfile.TemporaryFile() as message:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=message, stderr=message)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            message.seek(0)
            error = subprocess.CalledProcessError(process.returncode, [redact(word) for word in command])
            error.add_note(redact(message.read().decode(errors="replace")))
            raise error
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def in_turns(commands: Mapping[str, Sequence[str]], env: Mapping[str, str], runs: int) -> dict[str, Cost]:
    """The median cost of each command, all run in turns, so that a busy machine is busy for each of them. The first
    round, for the disk's cache and the .pyc files, does not count."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, command in commands.items():
            costs[name].append(measure(command, env))
    return {name: median(of_one[1:]) for name, of_one in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))

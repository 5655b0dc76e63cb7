"""A script that becomes another program, which the kernel kills when the process that started it ends.

    python -I -S parent_death.py PARENT_PID PROGRAM [ARGUMENT...]

The process ID stays the same, so the starter has the program's own ID. The kernel does this on Linux only; elsewhere
the reaper (reaper.py) kills the program, a moment later.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before this call
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()

"""Run as a script: becomes another program, which the kernel kills when the process that started it ends.

    python -I -S parent_death.py PARENT_PID PROGRAM [ARGUMENT...]

The process id stays the same through it, so that whoever started it holds the program's own. The kernel's part is Linux
only; elsewhere the keeper (reaper.py) does it, a moment later.
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
        if os.getppid() != parent:  # it ended before the kernel was told
            sys.exit(1)
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()

"""The program's entry: signals are ours from the first moment on, then everything else is loaded and run."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from omicopy.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """The console script, and `python -m omicopy`."""
    for each in _SIGNALS:
        signal.signal(each, _unwind)
    _open_what_is_closed()
    try:
        from omicopy.cli.app import run

        run()
    except Interrupted as interruption:  # before there was anything to tell
        sys.exit(interruption.exit_code)


def _open_what_is_closed() -> None:
    """Started with `>&-` there is no stdout, and the first connection would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123  for as long as we live


def _unwind(number: int, _: FrameType | None) -> None:
    """The first Ctrl-C or SIGTERM unwinds the stack; the next one ends at once."""
    for each in _SIGNALS:
        signal.signal(each, _end)
    raise Interrupted(number)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()

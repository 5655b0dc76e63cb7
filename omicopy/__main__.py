"""Entry point. Installs the signal handlers first, then imports and runs the CLI."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from omicopy.cli import streams
from omicopy.cli.command_start import begin_command
from omicopy.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNHEARD_SECONDS = 1.5
"""How long the first signal may wait for its Python handler."""
LAST_WORDS_SECONDS = 8.0
"""How long the process may take after the first signal to print the state of all copies and exit."""
_is_heard = threading.Event()


def main() -> None:
    """The console script, and `python -m omicopy`."""
    begin_command()
    _handle_signals(_unwind)
    streams.install()  # before anything takes the number of a descriptor that is closed
    _watch_signals()
    try:
        from omicopy.cli.main import run

        run()
    except Interrupted as interruption:  # the signal came during the imports
        from omicopy.cli.main import end_interrupted

        end_interrupted(interruption)


def _handle_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """Installs the handler for each signal, except those that the process was started to ignore.

    `nohup` and `… &` in a script start a process with such signals ignored; by convention it keeps ignoring them.
    """
    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, handler)


def _watch_signals() -> None:
    """Starts a thread that notices signals even while the main thread can't run Python code.

    Python runs a signal handler only between two bytecodes. A name lookup or a disk that hangs would delay it.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True, name="omicopy-signals").start()


def _watch(reader: int) -> None:
    """Ends the process on the second signal, and on the first if its handler doesn't run in time."""
    heard = False
    while numbers := os.read(reader, 16):
        for number in numbers:
            if signal.getsignal(number) not in (_unwind, _end):
                continue  # another handler is installed: the sandbox passes the signal on to its command
            if heard:
                os._exit(128 + number)
            heard = True
            threading.Thread(target=_outlast, args=(number,), daemon=True).start()


def _outlast(number: int) -> None:
    """Ends the process if the handler doesn't run in time, or if it doesn't finish in time.

    The second happens when stdout or a monitor blocks.
    """
    if _is_heard.wait(UNHEARD_SECONDS):
        time.sleep(LAST_WORDS_SECONDS)
    os._exit(128 + number)


def _unwind(number: int, _: FrameType | None) -> None:
    """Handles the first signal: raises Interrupted. The next signal ends the process at once."""
    _handle_signals(_end)
    _is_heard.set()
    raise Interrupted(number)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()

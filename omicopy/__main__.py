"""The program's entry: signals are ours from the first moment on, then everything else is loaded and run."""

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
"""What a first signal has to be heard by Python."""
LAST_WORDS_SECONDS = 8.0
"""What is left from then on to write down how everything stands, and end."""
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
    except Interrupted as interruption:  # while that was being loaded
        from omicopy.cli.main import end_interrupted

        end_interrupted(interruption)


def _handle_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    """What we were started to ignore (`nohup`, `… &` in a script) we go on ignoring, as is the custom."""
    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, handler)


def _watch_signals() -> None:
    """Python runs a handler between two steps of its own: a name look-up or a disk that hangs would hold it up."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), daemon=True, name="omicopy-signals").start()


def _watch(reader: int) -> None:
    """Ends the process when the first signal got nowhere, and with the second in any case."""
    heard = False
    while numbers := os.read(reader, 16):
        for number in numbers:
            if signal.getsignal(number) not in (_unwind, _end):
                continue  # somebody else minds it now: the sandbox passes it on to its command
            if heard:
                os._exit(128 + number)
            heard = True
            threading.Thread(target=_outlast, args=(number,), daemon=True).start()


def _outlast(number: int) -> None:
    """Ends the process when nobody hears the signal; and, if somebody did, when stdout or a monitor takes no word."""
    if _is_heard.wait(UNHEARD_SECONDS):
        time.sleep(LAST_WORDS_SECONDS)
    os._exit(128 + number)


def _unwind(number: int, _: FrameType | None) -> None:
    """The first Ctrl-C, SIGTERM or SIGHUP unwinds the stack; the next one ends at once."""
    _handle_signals(_end)
    _is_heard.set()
    raise Interrupted(number)


def _end(number: int, _: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()

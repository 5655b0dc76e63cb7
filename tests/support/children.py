"""A process that a test starts: in a group of its own, which ends as a whole; no wait for it is without a bound.

It starts with default signals, whatever started the tests: see `conftest.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

PATIENCE = 300.0
"""The longest wait of any test, in seconds. It measures nothing: what takes so long on a busy machine, too, hangs."""

_started: set[Child] = set()


class Child(subprocess.Popen[str]):
    """Its streams are pipes, but stdin, which is empty; `options` are those of `Popen`."""

    def __init__(
        self, args: Sequence[str | bytes | Path], env: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        super().__init__([*args], env=env, text=True, start_new_session=True, **pipes | options)
        _started.add(self)

    def wait(self, timeout: float | None = None) -> int:
        return super().wait(PATIENCE if timeout is None else timeout)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """What it said. When it takes too long, it is ended; the error says what it had said by then."""
        try:
            return super().communicate(input, PATIENCE if timeout is None else timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            out, err = super().communicate(timeout=PATIENCE)
            raise AssertionError(f"{self.args} does not end\n--- stdout\n{out}\n--- stderr\n{err}") from None

    def line(self, stream: str = "stdout") -> str:
        """The next line of a stream; empty at its end, which comes at the latest when the patience ends."""
        pipe: IO[str] = getattr(self, stream)
        watch = threading.Timer(PATIENCE, self.kill)
        watch.start()
        try:
            return pipe.readline()
        finally:
            watch.cancel()

    def kill(self) -> None:
        """Ends it and all that it started, unless that has left the group."""
        with suppress(ProcessLookupError, PermissionError):  # the latter is what macOS says of a zombie
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """No process and no pipe is left."""
        self.kill()
        self.wait()
        for pipe in (self.stdin, self.stdout, self.stderr):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        _started.discard(self)


def run(
    args: Sequence[str | bytes | Path], env: Mapping[str, str] | None = None, input: str | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with captured text; `check` is among the options."""
    check = options.pop("check", False)
    stdin = {} if input is None else {"stdin": subprocess.PIPE}
    child = Child(args, env, **stdin | options)
    try:
        out, err = child.communicate(input)
    finally:
        child.end()
    done = subprocess.CompletedProcess(args, child.returncode, out, err)
    assert not check or done.returncode == 0, f"{args}: exit {done.returncode}\n--- stdout\n{out}\n--- stderr\n{err}"
    return done


def wait_until(done: Callable[[], object]) -> None:
    """Waits until something is true. Nothing may depend on when it is."""
    give_up = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < give_up, "it does not come true"
        time.sleep(0.005)


@contextmanager
def default_signals() -> Iterator[None]:
    """What we ignore (`nohup`, `… &` in a script) a process that we start would ignore, too; what we handle it doesn't.
    Ignored by a handler that does nothing a signal means as little to us."""
    by_python = (signal.SIGPIPE, signal.SIGXFSZ)  # which `subprocess` undoes
    ignored = [each for each in signal.valid_signals() - {*by_python} if signal.getsignal(each) is signal.SIG_IGN]
    for each in ignored:
        signal.signal(each, lambda *_: None)
    yield
    for each in ignored:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def children_ended() -> Iterator[None]:
    """Ends what was started meanwhile."""
    before = set(_started)
    try:
        yield
    finally:
        for child in _started - before:
            child.end()

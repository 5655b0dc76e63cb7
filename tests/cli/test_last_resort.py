"""What must hold when nothing else does: a signal ends a process that hangs, and a mistake of ours tells no secret."""

from __future__ import annotations

import signal
import sys

import pytest

from tests.support import children
from tests.support.children import Child, wait_until

HANGS = """
import ctypes, omicopy.__main__ as entry, omicopy.cli.main as app
library, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
def run():
    print("up", flush=True)
    library.pthread_mutex_lock(lock)
    library.pthread_mutex_lock(lock)  # for ever, in C, where no handler of Python's gets a turn
app.run = run
entry.UNHEARD_SECONDS = float({})
entry.main()
"""
FAILS = """
import omicopy.cli.main as app
from omicopy.cloud.secrets import register_secret
def fail(**_):
    raise RuntimeError("https://host/a?X-Amz-Signature=0123456789abcdef and SECRETKEYOFSOMEBODY")
register_secret("SECRETKEYOFSOMEBODY")
app.app = fail
app.run()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_process_that_hangs_in_c(number: signal.Signals, code: int) -> None:
    process = Child([sys.executable, "-c", HANGS.format("0.5")])
    assert process.line() == "up\n"
    process.send_signal(number)
    assert process.wait() == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals, code: int) -> None:
    """The first one would end it later."""
    process = Child([sys.executable, "-c", HANGS.format("1e6")])
    assert process.line() == "up\n"
    process.send_signal(number)

    def ends() -> bool:
        process.send_signal(number)  # the first and the second may arrive as one
        return process.poll() is not None

    wait_until(ends)
    assert process.returncode in (code, -number)  # the latter where Python was about to end anyway


def test_an_unexpected_exception_is_printed_redacted() -> None:
    ran = children.run([sys.executable, "-c", FAILS])
    assert ran.returncode == 1
    assert "please report it" in ran.stderr
    assert "RuntimeError" in ran.stderr
    assert "0123456789abcdef" not in ran.stderr
    assert "SECRETKEYOFSOMEBODY" not in ran.stderr

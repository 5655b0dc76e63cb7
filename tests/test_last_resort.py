"""What must hold when nothing else does: a signal ends a process that hangs, and a mistake of ours tells no secret."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

HANGS = """
import ctypes, omicopy.__main__ as entry, omicopy.cli.app as app
library, lock = ctypes.CDLL(None), ctypes.create_string_buffer(64)
def run():
    print("up", flush=True)
    library.pthread_mutex_lock(lock)
    library.pthread_mutex_lock(lock)  # for ever, in C, where no handler of Python's gets a turn
app.run = run
entry.main()
"""
FAILS = """
import omicopy.cli.app as app, omicopy.cli.talk as talk
def fail(**_):
    raise RuntimeError("https://host/a?X-Amz-Signature=0123456789abcdef and SECRETKEYOFSOMEBODY")
talk.keep_secret("SECRETKEYOFSOMEBODY")
app.app = fail
app.run()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_ends_a_process_that_hangs_in_c(number: signal.Signals, code: int, times: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(0.1)
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.1)
    assert process.wait(timeout=10) == code
    assert time.monotonic() - began < (2.5 if times == 1 else 1.0)
    process.stdout.close()


def test_a_mistake_of_ours_is_told_through_the_filter() -> None:
    ran = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "please report it" in ran.stderr
    assert "RuntimeError" in ran.stderr
    assert "0123456789abcdef" not in ran.stderr
    assert "SECRETKEYOFSOMEBODY" not in ran.stderr

"""What tests start: default signals whatever started the tests, ended as a whole, waited for with a bound."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.support import children
from tests.support.children import Child, wait_until

SHOWS_ITS_SIGNALS = (
    "import signal; print([signal.getsignal(n).name for n in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)],"
    " signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
)
STARTS_ONE = """
import subprocess, sys
from tests.support.children import default_signals
with default_signals():
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


def test_a_child_has_default_signals() -> None:
    """Also where the tests were started to ignore them."""
    told_to_ignore = ["sh", "-c", 'trap "" HUP INT QUIT TERM; exec "$@"', "sh"]
    ran = children.run([*told_to_ignore, sys.executable, "-c", STARTS_ONE, SHOWS_ITS_SIGNALS])
    assert ran.stdout == "['SIG_DFL', 'SIG_DFL', 'SIG_DFL'] True\n", ran.stderr


def test_a_child_is_ended_with_all_that_it_started() -> None:
    child = Child(["sh", "-c", "sleep 1000 & echo $!; wait"])
    grandchild = int(child.line())
    child.end()
    assert child.returncode == -signal.SIGKILL
    wait_until(lambda: not is_running(grandchild))


def test_a_child_that_does_not_end_fails_the_test() -> None:
    """The error shows what it printed."""
    child = Child(["sh", "-c", "echo there >&2; echo here; sleep 1000 & sleep 1000"])
    child.line()
    with pytest.raises(AssertionError, match="does not end\n--- stdout\n\n--- stderr\nthere"):
        child.communicate(timeout=0.1)
    assert child.returncode == -signal.SIGKILL


def is_running(pid: int) -> bool:
    """Where nobody waits for a process that ended, as in a container without an init, it stays as a zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False

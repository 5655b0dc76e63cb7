"""Parallel reads and the end of the process."""

from __future__ import annotations

import sys

from tests.support import children

HANGING = """
import threading
from omicopy.cloud.parallel import in_parallel
begun = threading.Barrier(2)

def look(number):
    begun.wait()
    if number:
        raise ValueError("failed")
    threading.Event().wait()

try:
    in_parallel(look, [0, 1])
except ValueError:
    print("known")
"""


def test_neither_a_failure_nor_the_exit_waits_for_a_hanging_read() -> None:
    assert children.run([sys.executable, "-c", HANGING], check=True).stdout == "known\n"

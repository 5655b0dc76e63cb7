"""A sandbox that is killed leaves no process, folder or socket."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from tests.sandbox.processes import is_alive, traces
from tests.support.children import Child, wait_until

A_SANDBOX_THAT_IS_NOT_STOPPED = """
import json, time
from omicopy.sandbox.main import Sandbox
with Sandbox() as sandbox:
    print(json.dumps({"folder": str(sandbox.home.parent), "url": sandbox.oos_urls["eu-west-2"]}), flush=True)
    time.sleep(3600)
"""


def test_a_killed_sandbox_leaves_nothing() -> None:
    sandbox = Child([sys.executable, "-c", A_SANDBOX_THAT_IS_NOT_STOPPED])
    shown = json.loads(sandbox.line())
    processes, sockets = traces(Path(shown["folder"]))
    assert len(processes) == 2
    assert all(is_alive(pid) for pid in processes)

    sandbox.send_signal(signal.SIGKILL)
    sandbox.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in processes))
    wait_until(lambda: not Path(shown["folder"]).exists())
    assert not any(path.exists() for path in sockets)

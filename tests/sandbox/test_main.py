"""The sandbox as a command: the exit codes, and that it leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import sys
import threading

from omicopy.sandbox.main import Sandbox
from tests.support.children import Child, wait_until

PROGRAM = """
import sys
from omicopy.sandbox.main import main
from omicopy.sandbox.model.settings import SandboxSettings
sys.exit(main(sys.argv[1:], SandboxSettings()))
"""


def sandbox_process(*command: str, tmp: str) -> Child:
    env = os.environ | {"TMPDIR": tmp, "OSC_ACCESS_KEY": "leaked", "AWS_PROFILE": "leaked"}
    return Child([sys.executable, "-c", PROGRAM, *command], env)


def test_a_command_runs_inside_and_its_exit_code_is_the_sandbox_s(tmp_path) -> None:
    shown = "import os; print(sorted(n for n in os.environ if n[:4] in ('OSC_', 'AWS_'))); raise SystemExit(7)"
    process = sandbox_process("python", "-c", shown, tmp=str(tmp_path))
    variables = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "OSC_CONFIG_FILE"]
    out, err = process.communicate()
    assert (process.returncode, out.strip(), err) == (7, str(variables), "")
    assert list(tmp_path.iterdir()) == []


def test_it_stays_up_until_it_is_told_to_end_and_leaves_nothing(tmp_path) -> None:
    process = sandbox_process(tmp=str(tmp_path))
    assert "until Ctrl-C" in process.line("stderr")
    process.terminate()
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_sandbox_has_no_thread_left(running_sandbox: Sandbox) -> None:
    before = set(threading.enumerate())
    with Sandbox() as second:
        assert second.accounts["source"].access_key != running_sandbox.accounts["source"].access_key
        assert set(second.api_urls.values()).isdisjoint(running_sandbox.api_urls.values())

    def left() -> list[str]:
        return [thread.name for thread in set(threading.enumerate()) - before if "sandbox-store" not in thread.name]

    wait_until(lambda: left() == [])

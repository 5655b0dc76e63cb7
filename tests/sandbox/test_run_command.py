"""A command inside the sandbox: exit code, signals, environment, and the banner without one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.process.run_command import banner, environment
from tests.support import children
from tests.support.children import Child

RUN = (
    "import os, sys; from omicopy.sandbox.process.run_command import run_command;"
    " sys.exit(run_command(sys.argv[1:], os.environ))"
)


AT_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


COUNTS_ITS_SIGNALS = """
import signal, sys, time
seen = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: seen.append(signal.Signals(number).name))
print("ready", flush=True)
give_up = time.monotonic() + 3600
while not seen and time.monotonic() < give_up:
    time.sleep(0.01)
time.sleep(0.3)  # for a second one, which must not come
print("got", *seen, flush=True)
sys.exit(42)
"""


COUNTING = [sys.executable, "-c", COUNTS_ITS_SIGNALS]


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    inside = [sys.executable, "-c", RUN, *command]
    return children.run(inside, input=stdin)


def start(command: Sequence[str]) -> Child:
    """Starts it away from any terminal."""
    return Child(command, stdin=subprocess.PIPE, stderr=None)


class TestExitCodes:
    def test_the_exit_code_of_the_command_is_returned(self) -> None:
        assert run("sh", "-c", "exit 7").returncode == 7

    def test_death_by_a_signal_is_128_plus_its_number(self) -> None:
        assert run("sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL

    def test_an_unknown_command_is_127(self) -> None:
        done = run("no-such-command")
        assert (done.returncode, done.stderr) == (127, "omicopy sandbox: no-such-command: command not found\n")

    def test_a_file_that_is_no_program_is_126(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("")
        done = run(str(file))
        assert (done.returncode, done.stderr) == (126, f"omicopy sandbox: {file}: permission denied\n")

    def test_the_command_has_stdin_stdout_and_stderr(self) -> None:
        done = run("sh", "-c", "cat; echo talk >&2", stdin="data")
        assert (done.stdout, done.stderr) == ("data", "talk\n")


class TestSignals:
    def test_ctrl_c_at_a_terminal_reaches_the_command_once(self) -> None:
        process = start([sys.executable, "-c", AT_A_TERMINAL, sys.executable, "-c", RUN, *COUNTING])
        assert process.stdin is not None
        assert process.line() == "ready\n"
        process.stdin.write("\x03")
        process.stdin.flush()
        assert process.wait() == 42
        assert "got SIGINT\n" in process.stdout.read()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_for_the_sandbox_is_passed_on(self, number: signal.Signals) -> None:
        process = start([sys.executable, "-c", RUN, *COUNTING])
        assert process.line() == "ready\n"
        process.send_signal(number)
        assert process.wait() == 42
        assert process.stdout.read() == f"got {number.name}\n"

    def test_an_ignored_signal_is_not_passed_on(self) -> None:
        inside = [sys.executable, "-m", "omicopy", "sandbox", "--", *COUNTING]
        process = start(["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *inside])
        assert process.line() == "ready\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 42
        assert process.stdout.read() == "got SIGTERM\n"

    def test_a_command_that_dies_of_sigterm_is_143(self) -> None:
        process = start([sys.executable, "-c", RUN, "sh", "-c", "echo ready; exec sleep 3600"])
        process.line()
        process.terminate()
        assert process.wait() == 128 + signal.SIGTERM


class TestEnvironment:
    HOME, PROFILES = Path("/somewhere/home"), Path("/somewhere/home/profiles.json")

    def test_the_user_s_accounts_are_removed(self) -> None:
        base = {"OSC_ACCESS_KEY": "x", "AWS_PROFILE": "x", "OMICOPY_BUCKET": "x", "LANG": "C", "PATH": "/bin"}
        assert environment(self.HOME, self.PROFILES, base) == {
            "LANG": "C",
            "HOME": "/somewhere/home",
            "XDG_STATE_HOME": "/somewhere/home/.local/state",
            "OSC_CONFIG_FILE": "/somewhere/home/profiles.json",
            "AWS_CONFIG_FILE": "/somewhere/home/.aws/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/somewhere/home/.aws/credentials",
            "PATH": f"{sys.prefix}/bin:/bin",
        }

    def test_a_proxy_is_not_used_for_loopback(self) -> None:
        env = environment(self.HOME, self.PROFILES, {"https_proxy": "http://proxy:3128"})
        assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost"


def test_the_commands_of_the_banner_work(sandbox: Sandbox) -> None:
    shown = banner(sandbox.home, sandbox.profiles, sandbox.api_urls, sandbox.oos_urls)
    lines = [line.strip() for line in shown.splitlines() if line.startswith("  ")]
    exports = [line for line in lines if line.startswith("export ")]
    tries = [line for line in lines if line.startswith(("osc-cli ", "aws "))]
    assert len(exports) == len(tries) == 2
    script = "\n".join(["set -e", *exports, *tries])
    bare = {"PATH": "/usr/bin:/bin"}
    done = children.run(["sh", "-c", script], env=bare)
    assert done.returncode == 0, done.stderr
    assert '"Images"' in done.stdout

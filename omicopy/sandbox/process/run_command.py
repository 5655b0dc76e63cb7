"""Runs a command inside the sandbox as a shell would, or says how to use the sandbox from another terminal."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128  # as in every shell

_REMOVED = ("OSC_", "AWS_", "OMICOPY_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = "127.0.0.1,localhost"
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def environment(home: Path, profiles: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Returns `base` for a command inside the sandbox: without the user's accounts, our own programs first in PATH."""
    env = {name: value for name, value in base.items() if not name.startswith(_REMOVED)}
    if any(name.lower() in _PROXIES for name in env):
        env["NO_PROXY"] = env["no_proxy"] = _LOOPBACK
    programs = Path(sys.prefix) / "bin"
    path = env.get("PATH", os.defpath)
    return {
        **env,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "OSC_CONFIG_FILE": str(profiles),
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(home / ".aws" / "credentials"),
        "PATH": f"{programs}{os.pathsep}{path}",
    }


def run_command(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a command with our stdin, stdout and stderr, and returns its exit code as a shell would.

    Signals are passed on to the command. The sandbox ends when the command ends.
    """
    with _SignalForwarder() as forwarder:
        try:
            process = subprocess.Popen(list(argv), env=dict(env))
        except FileNotFoundError:
            return _refuse(argv[0], "command not found", NOT_FOUND)
        except OSError as error:
            return _refuse(argv[0], (error.strerror or "cannot be executed").lower(), NOT_EXECUTABLE)
        forwarder.start(process)
        code = process.wait()
    return SIGNALLED - code if code < 0 else code


def banner(home: Path, profiles: Path, api_urls: Mapping[str, str], oos_urls: Mapping[str, str]) -> str:
    """Returns what the sandbox prints when it stays up: its addresses, the variables to export, commands to try."""
    regions = [f"  {region:<12} API {url}   object storage {oos_urls[region]}" for region, url in api_urls.items()]
    programs = shlex.quote(str(Path(sys.prefix) / "bin"))
    return "\n".join(
        [
            "Two OUTSCALE Regions are up on this machine, until Ctrl-C:",
            *regions,
            "",
            "In another terminal, use them with:",
            f"  export OSC_CONFIG_FILE={shlex.quote(str(profiles))} HOME={shlex.quote(str(home))}",
            f'  export XDG_STATE_HOME="$HOME/.local/state" PATH={programs}:"$PATH"',
            "",
            "Then try:",
            "  omicopy copy golden-linux --from source --to target --bucket omi-exports",
            "  omicopy export golden-linux --from source-eim --storage aws:source --bucket omi-exports",
            "  osc-cli --profile target api ReadImages",
            "  aws --profile source s3 ls --recursive s3://omi-exports",
        ]
    )


def _refuse(name: str, why: str, code: int) -> int:
    print(f"omicopy sandbox: {name}: {why}", file=sys.stderr)  # noqa: T201
    return code


class _SignalForwarder:
    """Passes signals on to the process. Signals that come before it runs are passed on when it does."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pending: list[int] = []
        self._before = contextlib.ExitStack()

    def __enter__(self) -> _SignalForwarder:
        if threading.current_thread() is threading.main_thread():
            self._before.enter_context(_handled_by(self._receive))
        return self

    def __exit__(self, *_: object) -> None:
        self._before.close()

    def start(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._pending:
            self._send(process, number)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._pending.append(number)
        else:
            self._send(self._process, number)

    @staticmethod
    def _send(process: subprocess.Popen[bytes], number: int) -> None:
        # The terminal has sent Ctrl-C to the command, too. Many programs treat a second one differently.
        if number == signal.SIGINT and _is_foreground():
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    handled = [
        number for number in _FORWARDED if signal.getsignal(number) is not signal.SIG_IGN
    ]  # nohup ignores SIGHUP
    before = {number: signal.signal(number, handler) for number in handled}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _is_foreground() -> bool:
    """Returns true if the terminal sends Ctrl-C to our process group, which is also the command's."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)

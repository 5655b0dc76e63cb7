"""Runs `omicopy` in a new process that has its imports behind it: forked from one that imports and does nothing else.

A cold start costs more than most commands do. What is being tested can't tell the difference: arguments, environment,
streams, signals and the exit code are those of a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, NoReturn

from tests.support.children import PATIENCE, Child

_LONGEST = 1 << 20


class StartedCommand:
    """A command that was begun. Its process leads a group of its own."""

    def __init__(self, args: Sequence[str], pid: int, channel: socket.socket, out: IO[bytes], err: IO[bytes]) -> None:
        self.pid = pid
        self._args, self._channel, self._out, self._err = args, channel, out, err

    def finish(self, timeout: float) -> tuple[int, str, str]:
        """As `Warm.run`, which waits for its end. What takes too long is killed."""
        with self._channel, self._out, self._err:
            self._channel.settimeout(timeout)
            try:
                code = int(self._channel.recv(16))
            except BaseException as error:  # it took too long, or the test did
                os.killpg(self.pid, signal.SIGKILL)
                message = f"--- stdout\n{_content(self._out)}\n--- stderr\n{_content(self._err)}"
                error.add_note(f"omicopy {' '.join(self._args)} did not end\n{message}")
                raise
            return code, _content(self._out), _content(self._err)


class Warm:
    """`run` may be called from several threads."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.support.warm", str(theirs.fileno())]
            self._process = Child(command, pass_fds=[theirs.fileno()], stdout=None, stderr=None)

    def run(self, args: Sequence[str], env: Mapping[str, str], stdin: str, timeout: float) -> tuple[int, str, str]:
        """Exit code (negative for a signal, as `subprocess` has it), stdout and stderr."""
        return self.start(args, env, stdin).finish(timeout)

    def start(self, args: Sequence[str], env: Mapping[str, str], stdin: str = "") -> StartedCommand:
        """A command that runs on; whoever starts it has it finish."""
        request = json.dumps({"args": args, "env": dict(env)}).encode()
        given, out, err = _file(stdin), _file(), _file()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with given, theirs:
            streams = [given.fileno(), out.fileno(), err.fileno(), theirs.fileno()]
            socket.send_fds(self._channel, [request], streams)
        ours.settimeout(PATIENCE)
        return StartedCommand(args, int(ours.recv(16)), ours, out, err)

    def close(self) -> None:
        self._channel.close()
        try:
            self._process.wait()
        finally:
            self._process.end()


def _file(content: str = "") -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed by whom it is given to
    file.write(content.encode())
    file.seek(0)
    return file


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _serve(channel: socket.socket) -> None:
    import omicopy.api.manifests
    import omicopy.api.plans
    import omicopy.api.urls
    import omicopy.cli.copy_printer
    import omicopy.cloud.api
    import omicopy.cloud.object_storage
    import omicopy.manifests.find  # noqa: F401

    _keep_what_botocore_reads()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        request, streams, _, _ = socket.recv_fds(channel, _LONGEST, 4)
        if not request:
            return
        if os.fork() == 0:
            channel.close()
            _wait_for_command(json.loads(request), streams)
        for stream in streams:
            os.close(stream)


def _keep_what_botocore_reads() -> None:
    """A client costs most of what a command does, for the files that it is made from: each session reads them again."""
    from functools import cache

    from botocore import loaders, session

    from omicopy.cloud.s3_client import _NO_AWS_SETTINGS

    loaders.create_loader = cache(loaders.create_loader)
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    session.Session(session_vars=_NO_AWS_SETTINGS).create_client("s3", region_name="eu-west-2", **keys)


def _wait_for_command(request: Mapping[str, object], streams: Sequence[int]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if process == 0:
        os.setsid()
        _run_command(request, streams)
    os.write(streams[3], str(process).encode())
    _, status = os.waitpid(process, 0)
    with suppress(BrokenPipeError):  # nobody waits any more
        os.write(streams[3], str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run_command(request, streams: Sequence[int]) -> NoReturn:
    from omicopy.__main__ import main

    os.close(streams[3])
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["omicopy", *request["args"]]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  as an interpreter ends
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))

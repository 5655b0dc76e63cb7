"""Unit tests take milliseconds: none starts a process, opens a connection or listens for one."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_process_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            # In the test's own thread: a sandbox of other tests in this process goes on in threads of its own.
            if threading.current_thread() is threading.main_thread():
                raise AssertionError("a unit test starts no process and uses no network")
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(subprocess.Popen, "__init__", guarded(subprocess.Popen.__init__))
    monkeypatch.setattr(os, "fork", guarded(os.fork))
    for name in ("connect", "connect_ex", "bind", "listen"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))

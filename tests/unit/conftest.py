"""Unit tests take milliseconds: none starts a process, opens a connection or listens for one."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest


@pytest.fixture(autouse=True)
def _no_process_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a unit test starts no process and uses no network")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    for name in ("connect", "connect_ex", "bind", "listen"):
        monkeypatch.setattr(socket.socket, name, refuse)

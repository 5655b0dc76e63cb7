"""A store is one process that nobody has to look after: ready in a moment, gone without a trace."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omicopy.sandbox.model.settings import SOURCE_REGION, make_accounts
from omicopy.sandbox.process.ports import free_ports
from omicopy.sandbox.process.temp_dir import TempDir
from omicopy.sandbox.storage import object_store, seaweedfs
from omicopy.sandbox.storage.object_store import ObjectStore, ObjectStoreError
from tests.support.children import PATIENCE, Child, wait_until

A_SANDBOX_THAT_IS_NOT_STOPPED = """
import json, time
from omicopy.sandbox.main import Sandbox
with Sandbox() as sandbox:
    print(json.dumps({"folder": str(sandbox.home.parent), "url": sandbox.oos_urls["eu-west-2"]}), flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def folder() -> Iterator[TempDir]:
    folder = TempDir()
    yield folder
    folder.remove()


@pytest.fixture
def store(folder: TempDir) -> Iterator[ObjectStore]:
    accounts = [account for account in make_accounts() if account.region == SOURCE_REGION]
    store = ObjectStore(SOURCE_REGION, accounts, {"a-bucket": [accounts[0].access_key]}, folder.path / "store")
    yield store
    store.stop()


def test_it_lives_on_when_the_thread_that_started_it_ends_and_leaves_nothing_when_stopped(
    store: ObjectStore, folder: TempDir
) -> None:
    starter = threading.Thread(target=store.start)
    starter.start()
    starter.join(PATIENCE)
    store.wait_ready()
    assert store.has_bucket("a-bucket")
    assert not store.has_bucket("another-bucket")
    process, sockets = traces(folder.path)
    assert sockets
    assert all(path.exists() for path in sockets)

    store.stop()
    store.stop()

    assert not any(is_alive(pid) for pid in process)
    assert not any(path.exists() for path in sockets)
    assert list(folder.path.iterdir()) == []
    folder.remove()
    assert not folder.path.exists()


def test_a_port_that_somebody_took_meanwhile_costs_a_second_start(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        first = [*free_ports(6), taken, *free_ports(3)]
        found = iter([first, free_ports(10)])
        monkeypatch.setattr(object_store, "free_ports", lambda _: next(found))
        store.start()
        assert store.url.endswith(f":{taken}")
        store.wait_ready()
        assert not store.url.endswith(f":{taken}")


def test_a_store_that_can_not_start_shows_what_it_said(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seaweedfs, "arguments", lambda *_: ["mini", "-no-such-flag"])
    store.start()
    with pytest.raises(ObjectStoreError, match="no-such-flag"):
        store.wait_ready()


def test_without_seaweedfs_the_error_says_what_to_install(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seaweedfs, "binary", lambda: None)
    with pytest.raises(ObjectStoreError, match="pip install"):
        store.start()


def test_every_port_of_a_store_is_on_loopback(store: ObjectStore, folder: TempDir) -> None:
    store.start()
    store.wait_ready()
    (process,), _ = traces(folder.path)
    wait_until(lambda: len(listening_addresses(process)) == 2 * len(seaweedfs.SERVERS))
    assert {address for address, _ in listening_addresses(process)} == {"127.0.0.1"}


def test_ports_are_given_out_once() -> None:
    ports = free_ports(50) + free_ports(50)
    assert len(set(ports)) == 100


def test_nothing_is_left_when_the_sandbox_is_killed() -> None:
    sandbox = Child([sys.executable, "-c", A_SANDBOX_THAT_IS_NOT_STOPPED])
    said = json.loads(sandbox.line())
    processes, sockets = traces(Path(said["folder"]))
    assert len(processes) == 2
    assert all(is_alive(pid) for pid in processes)

    sandbox.send_signal(signal.SIGKILL)
    sandbox.wait()

    wait_until(lambda: not any(is_alive(pid) for pid in processes))
    wait_until(lambda: not Path(said["folder"]).exists())
    assert not any(path.exists() for path in sockets)


def traces(folder: Path) -> tuple[list[int], list[Path]]:
    """The processes of the stores in `folder`, and the sockets that they made elsewhere."""
    processes = [int(file.read_text()) for file in folder.glob("*/process")]
    logs = "".join(log.read_text() for log in folder.glob("*/log"))
    return processes, [Path(name) for name in re.findall(r"Unix socket (/tmp/\S+)", logs)]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")  # a process that nobody reaped yet has ended all the same
    return not status.exists() or "State:\tZ" not in status.read_text()


def listening_addresses(pid: int) -> list[tuple[str, int]]:
    """What a process listens on, as the kernel sees it (Linux)."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("needs Linux's /proc")
    inodes = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                loopback = address == "0100007F"
                found.append(("127.0.0.1" if loopback else address, int(port, 16)))
    return found

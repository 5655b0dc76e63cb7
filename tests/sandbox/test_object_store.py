"""A store is one process on loopback that is ready soon and leaves nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from omicopy.sandbox.model.settings import SOURCE_REGION, make_accounts
from omicopy.sandbox.process.ports import free_ports
from omicopy.sandbox.process.temp_dir import TempDir
from omicopy.sandbox.storage import object_store, seaweedfs
from omicopy.sandbox.storage.object_store import ObjectStore, ObjectStoreError
from tests.sandbox.processes import is_alive, listening_addresses, traces
from tests.support.children import PATIENCE, wait_until


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


def test_a_stopped_store_leaves_nothing(store: ObjectStore, folder: TempDir) -> None:
    """It also outlives the thread that started it."""
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


def test_a_store_starts_again_if_a_port_was_taken(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        first = [*free_ports(6), taken, *free_ports(3)]
        found = iter([first, free_ports(10)])
        monkeypatch.setattr(object_store, "free_ports", lambda _: next(found))
        store.start()
        assert store.url.endswith(f":{taken}")
        store.wait_ready()
        assert not store.url.endswith(f":{taken}")


def test_a_store_that_cannot_start_shows_its_log(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seaweedfs, "arguments", lambda *_: ["mini", "-no-such-flag"])
    store.start()
    with pytest.raises(ObjectStoreError, match="no-such-flag"):
        store.wait_ready()


def test_a_missing_seaweedfs_names_what_to_install(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seaweedfs, "binary", lambda: None)
    with pytest.raises(ObjectStoreError, match="pip install"):
        store.start()


def test_every_port_of_a_store_is_on_loopback(store: ObjectStore, folder: TempDir) -> None:
    store.start()
    store.wait_ready()
    (process,), _ = traces(folder.path)
    wait_until(lambda: len(listening_addresses(process)) == 2 * len(seaweedfs.SERVERS))
    assert {address for address, _ in listening_addresses(process)} == {"127.0.0.1"}

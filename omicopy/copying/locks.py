"""Two runs on one machine: who may create what, held by the kernel and so never left behind by a killed run."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from omicopy.copying.events import Listener, Warned


class Lock:
    """A lock that is held, until `release` or the end of the process."""

    def __init__(self, path: str | None, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def release(self) -> None:
        if self._path is None or self._descriptor is None:
            return
        with contextlib.suppress(OSError):
            Path(self._path).unlink()  # while it is held: whoever opened it before finds out that it is gone
        os.close(self._descriptor)
        self._descriptor = None


class Locks:
    """Files of mode 600 under one folder. Where none can be made, nothing is locked, and that is said once."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False

    def take(self, entry: Mapping[str, str]) -> Lock | None:
        """The lock on what `entry` identifies, or None while another process holds it. Does not wait."""
        identity = hashlib.sha256(json.dumps(dict(entry), sort_keys=True).encode()).hexdigest()[:24]
        path = self._folder / f"{entry['kind']}-{identity}.lock"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _take(path)
        except OSError as error:
            if not self._warned:
                self._warned = True
                reason = error.strerror
                self._listener(Warned(f"No lock can be kept ({self._folder}: {reason}); don't run two copies at once"))
            return Lock(None, None)


def _take(path: Path) -> Lock | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_still(path, descriptor):
            return Lock(str(path), descriptor)
        os.close(descriptor)  # its last holder removed it between our opening and our locking


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False

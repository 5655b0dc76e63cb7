"""Two runs on one machine: who may create what, told by files that name their run, which counts while the kernel says
that it lives. So a killed run leaves nothing locked, and ten thousand copies need no more than two open files.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from omicopy.copying.events import Listener, Warned

_RUN = re.compile(r"run-[0-9a-f]{16}")


class Lock:
    """A lock that is held, until `release`, or the end of its run."""

    __slots__ = ("_path",)

    def __init__(self, path: str | None) -> None:
        self._path = path

    def release(self) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                Path(self._path).unlink()
        self._path = None


class Locks:
    """Files of mode 600 under one folder. Where none can be made, nothing is locked, and that is said once."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False
        self._run: tuple[str, int] | None = None
        """This run's name, and the descriptor of the file of that name, which is locked as long as it lives."""

    def take(self, entry: Mapping[str, str]) -> Lock | None:
        """The lock on what `entry` identifies, or None while another run holds it. Waits for nobody's work."""
        identity = hashlib.sha256(json.dumps(dict(entry), sort_keys=True).encode()).hexdigest()[:24]
        path = self._folder / f"{entry['kind']}-{identity}.lock"
        try:
            with self._alone():
                own, _ = self._run = self._run or self._begin()
                if self._is_alive(_read(path)):
                    return None
                _write(path, own)
                return Lock(str(path))
        except OSError as error:
            if not self._warned:
                self._warned = True
                reason = error.strerror
                self._listener(Warned(f"No lock can be kept ({self._folder}: {reason}); don't run two copies at once"))
            return Lock(None)

    def end(self) -> None:
        """Lets go of everything that this run still holds."""
        if self._run is not None:
            own, descriptor = self._run
            self._run = None
            with contextlib.suppress(OSError):
                (self._folder / own).unlink()
            os.close(descriptor)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """For the moment that it takes to see who holds a lock and to take it, no other run does the same."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _open(self._folder / "taking")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _begin(self) -> tuple[str, int]:
        """Makes this run known, and removes what killed ones left."""
        for left in self._folder.iterdir():
            holder = left.name if _RUN.fullmatch(left.name) else _read(left) if left.suffix == ".lock" else None
            if holder is not None and not self._is_alive(holder):
                left.unlink(missing_ok=True)
        name = f"run-{secrets.token_hex(8)}"
        descriptor = _open(self._folder / name)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return name, descriptor

    def _is_alive(self, holder: str | None) -> bool:
        """Whether a run of that name is at work, be it this one."""
        if holder is None or not _RUN.fullmatch(holder):
            return False
        try:
            descriptor = os.open(self._folder / holder, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _read(path: Path) -> str | None:
    """Which run a lock names; None where there is no lock."""
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return None


def _write(path: Path, run: str) -> None:
    descriptor = _open(path)
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, run.encode())
    finally:
        os.close(descriptor)

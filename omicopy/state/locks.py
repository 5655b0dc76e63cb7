"""Two runs on one machine: who may create what, told by links that name their run, which counts while it lives.

That a run lives is for the kernel to say, which holds one lock for each: a killed run leaves nothing locked, and ten
thousand copies need no more than one open file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from omicopy.model.events import Listener, WarningMessage

_RUN = re.compile(r"run-[0-9a-f]{16}")
_PATIENCE = 5.0
"""Seconds for which a run waits for another one that is just clearing away what a killed one left."""


class Lock:
    """A lock that is held, until `release`, or the end of its run."""

    __slots__ = ("_link", "_run")

    def __init__(self, link: str | None = None, run: str = "") -> None:
        self._link, self._run = link, run

    def release(self) -> None:
        if self._link is not None and _holder(Path(self._link)) == self._run:
            with contextlib.suppress(OSError):
                Path(self._link).unlink()
        self._link = None


class Locks:
    """Symbolic links in one folder of mode 700. Where none can be made, nothing is locked, and that is said once."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self._folder = folder
        self._listener = listener
        self._warned = False
        self._run: tuple[str, int] | None = None
        """This run's name, and the descriptor of the file of that name, which is locked as long as it lives."""

    def take(self, entry: Mapping[str, str]) -> Lock | None:
        """The lock on what `entry` identifies, or None while another run holds it. Waits for nobody's work."""
        link = self._link(entry)
        try:
            own, _ = self._run = self._run or self._begin()
            try:
                link.symlink_to(own)
            except FileExistsError:
                if not self._takes_over(link, own):
                    return None
            return Lock(str(link), own)
        except OSError as error:
            if not self._warned:
                self._warned = True
                reason = error.strerror
                self._listener(
                    WarningMessage(f"No lock can be kept ({self._folder}: {reason}); don't run two copies at once")
                )
            return Lock()

    def is_held(self, entry: Mapping[str, str]) -> bool:
        """Whether a run that lives, be it this one, holds the lock on what `entry` identifies. Takes nothing, so that
        nobody who wants to take it is turned away."""
        return self._is_alive(_holder(self._link(entry)))

    def end(self) -> None:
        """Lets go of everything that this run still holds."""
        if self._run is not None:
            own, descriptor = self._run
            self._run = None
            with contextlib.suppress(OSError):
                (self._folder / own).unlink()
            os.close(descriptor)

    def _link(self, entry: Mapping[str, str]) -> Path:
        identity = hashlib.sha256(json.dumps(dict(entry), sort_keys=True).encode()).hexdigest()[:24]
        return self._folder / f"{entry['kind']}-{identity}.held"

    def _begin(self) -> tuple[str, int]:
        """Makes this run known, under its name once the kernel holds its lock; clears away what killed ones left."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"run-{secrets.token_hex(8)}"
        begun = self._folder / f"{name}.new"
        descriptor = os.open(begun, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        begun.rename(self._folder / name)
        with contextlib.suppress(OSError), self._alone(patience=0.0):
            self._clear()
        return name, descriptor

    def _clear(self) -> None:
        for left in self._folder.iterdir():
            holder = left.name if _RUN.fullmatch(left.name) else _holder(left)
            if holder is not None and not self._is_alive(holder):
                with contextlib.suppress(OSError):
                    left.unlink()

    def _takes_over(self, link: Path, own: str) -> bool:
        """Takes a lock that a killed run left, and no other: of several that want to, one at a time looks and takes."""
        if self._is_alive(_holder(link)):
            return False
        try:
            with self._alone(_PATIENCE):
                if self._is_alive(_holder(link)):
                    return False
                link.unlink(missing_ok=True)
                link.symlink_to(own)
        except (BlockingIOError, FileExistsError):
            return False
        return True

    @contextlib.contextmanager
    def _alone(self, patience: float) -> Iterator[None]:
        """While locks of killed runs are removed. Raises BlockingIOError when another run does not get done with it."""
        give_up = time.monotonic() + patience
        descriptor = os.open(self._folder / "clearing", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= give_up:
                        raise
                    time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)

    def _is_alive(self, holder: str | None) -> bool:
        """Whether a run of that name is at work, be it this one. One that can't be asked counts as alive."""
        if holder is None or not _RUN.fullmatch(holder):
            return False
        try:
            descriptor = os.open(self._folder / holder, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False


def _holder(link: Path) -> str | None:
    """Which run a lock names; None where there is no lock."""
    try:
        return os.readlink(link)  # noqa: PTH115  as text, whatever it is
    except OSError:
        return None

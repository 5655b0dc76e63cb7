"""The sandbox as a whole: `with Sandbox() as sandbox:` for tests, `main` for the command line."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from omicopy.sandbox.clockwork import Clockwork
from omicopy.sandbox.command import SIGNALLED, banner, environment, run_command
from omicopy.sandbox.faults import Faults
from omicopy.sandbox.folder import Folder
from omicopy.sandbox.home import write_home
from omicopy.sandbox.objects import Objects
from omicopy.sandbox.record import Record
from omicopy.sandbox.region import Region
from omicopy.sandbox.schema import SchemaError, official_schema
from omicopy.sandbox.settings import REGIONS, Account, Settings, make_accounts
from omicopy.sandbox.store import StoreError
from omicopy.sandbox.world import World


class Sandbox:
    """Two Regions on loopback, from `__enter__` to `__exit__`. Everything runs in this process, but the two stores."""

    def __init__(self, settings: Settings | None = None, record_file: Path | None = None) -> None:
        self.settings = settings or Settings()
        self.accounts: Mapping[str, Account] = {account.profile: account for account in make_accounts()}
        self.faults = Faults()
        self.record = Record(record_file)
        self.api_urls: dict[str, str] = {}
        self.oos_urls: dict[str, str] = {}
        self.home = Path()
        self.profiles = Path()
        self.env: dict[str, str] = {}
        self._own_agent = f"outscale-import/{secrets.token_hex(8)}"
        self._regions: dict[str, Region] = {}
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Sandbox:
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._running = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def mistakes(self) -> list[str]:
        """What the sandbox itself did wrong since its start: answers the official file forbids, crashed work."""
        found = [mistake for region in self._regions.values() for mistake in region.gateway.mistakes]
        return found + self._clockwork.mistakes

    def world(self, region: str) -> World:
        """What exists in a Region; hold its `lock` while you look at several things."""
        return self._regions[region].world

    def reset(self, settings: Settings | None = None) -> None:
        """Back to the beginning: worlds as sown, buckets empty, no faults, nothing recorded; servers keep running.

        Without `settings` those that the sandbox was made with hold again. Requests still on their way are not waited
        for: whoever resets has its own clients stopped.
        """
        self.faults.clear()
        self._clockwork.clear()
        with ThreadPoolExecutor(len(self._regions)) as threads:
            list(threads.map(Region.empty_buckets, self._regions.values()))
        for region in self._regions.values():
            region.begin(settings or self.settings)
        self.record.clear()

    def _start(self, undo: contextlib.ExitStack) -> None:
        folder = Folder()
        undo.callback(folder.remove)
        objects = Objects(self._own_agent)
        undo.callback(objects.close)
        self._clockwork = Clockwork()
        undo.callback(self._clockwork.stop)
        accounts = list(self.accounts.values())
        self._regions = {name: Region(name, accounts, folder.path, self._clockwork, objects) for name in REGIONS}
        for region in self._regions.values():
            undo.callback(region.stop)
        with ThreadPoolExecutor(len(REGIONS)) as threads:
            stores = [threads.submit(region.start_store) for region in self._regions.values()]
            schema = official_schema()
            for store in stores:
                store.result()
        endpoints: dict[str, str] = {}
        for name, region in self._regions.items():
            region.start_servers(schema, endpoints, self.faults, self.record, self._own_agent)
            region.begin(self.settings)
            self.api_urls[name], self.oos_urls[name] = region.api_url, region.oos_url
            endpoints[name] = urlsplit(region.api_url).netloc
        self.home = folder.path / "home"
        self.profiles = write_home(self.home, accounts, self.api_urls, self.oos_urls)
        self.env = environment(self.home, self.profiles, os.environ)


def main(command: Sequence[str], settings: Settings, record_file: Path | None = None) -> int:
    """Run a command inside a sandbox, or keep one up until Ctrl-C. Returns the exit code; nothing is left behind."""
    try:
        with _Signals() as signals, Sandbox(settings, record_file) as sandbox:
            try:
                signals.check()
                return _use(sandbox, command)
            finally:
                signals.heeded = False
    except _Stopped as stopped:
        return SIGNALLED + stopped.number
    except (StoreError, SchemaError) as error:
        print(f"The sandbox can't start: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _use(sandbox: Sandbox, command: Sequence[str]) -> int:
    if command:
        return run_command(command, sandbox.env)
    print(banner(sandbox.home, sandbox.profiles, sandbox.api_urls, sandbox.oos_urls), file=sys.stderr)  # noqa: T201
    threading.Event().wait()
    return 0


class _Stopped(BaseException):
    """A signal asks to end; no Exception, as KeyboardInterrupt is none."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Signals:
    """The first signal that asks to end raises `_Stopped`; later ones don't disturb the tidying up.

    Python drops what is raised while it runs a finalizer, so a signal at start-up may need the second look of `check`.
    """

    def __init__(self) -> None:
        self.heeded = True
        self._number = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        sys.unraisablehook = _silent_if_stopped
        return self

    def __exit__(self, *_: object) -> None:
        sys.unraisablehook = sys.__unraisablehook__
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises `_Stopped` if a signal has come."""
        if self._number:
            raise _Stopped(self._number)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.heeded:
            self.heeded, self._number = False, number
            raise _Stopped(number)


def _silent_if_stopped(dropped: sys.UnraisableHookArgs) -> None:
    if not isinstance(dropped.exc_value, _Stopped):
        sys.__unraisablehook__(dropped)

"""The sandbox: `with Sandbox() as sandbox:` for tests, `main` for the command line."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from omicopy.sandbox.api.openapi import OpenApiError, official_openapi
from omicopy.sandbox.model.faults import Faults
from omicopy.sandbox.model.region_state import RegionState
from omicopy.sandbox.model.request_log import RecordedRequests
from omicopy.sandbox.model.settings import REGIONS, SandboxAccount, SandboxSettings, make_accounts
from omicopy.sandbox.process.client_config import write_client_config
from omicopy.sandbox.process.run_command import SIGNALLED, banner, environment, run_command
from omicopy.sandbox.process.scheduler import Scheduler
from omicopy.sandbox.process.temp_dir import TempDir
from omicopy.sandbox.region import Region
from omicopy.sandbox.storage.object_store import ObjectStoreError
from omicopy.sandbox.storage.presigned_objects import PresignedClient


class Sandbox:
    """Two Regions on loopback, for the time of a `with` block. All runs in this process, except the two stores."""

    def __init__(self, settings: SandboxSettings | None = None, record_file: Path | None = None) -> None:
        self.settings = settings or SandboxSettings()
        self.accounts: Mapping[str, SandboxAccount] = {account.profile: account for account in make_accounts()}
        self.faults = Faults()
        self.request_log = RecordedRequests(record_file)
        self.api_urls: dict[str, str] = {}
        self.oos_urls: dict[str, str] = {}
        self.home = Path()
        self.profiles = Path()
        self.env: dict[str, str] = {}
        self._service_agent = f"outscale-import/{secrets.token_hex(8)}"
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
        """The sandbox's own errors since its start: answers that the official file forbids, and exceptions."""
        found = [mistake for region in self._regions.values() for mistake in region.api.mistakes]
        return found + self.scheduler.mistakes

    def region_state(self, region: str) -> RegionState:
        """Returns what exists in a Region. Hold its `lock` while you read several things."""
        return self._regions[region].state

    def reset(self, settings: SandboxSettings | None = None) -> None:
        """Brings everything back to the start: images, empty buckets, no faults, no recorded requests.

        The servers keep running. None: the settings that the sandbox was made with. Stop your clients first: it does
        not wait for requests on their way.
        """
        self.faults.clear()
        self.scheduler.clear()
        with ThreadPoolExecutor(len(self._regions)) as threads:
            list(threads.map(Region.empty_buckets, self._regions.values()))
        for region in self._regions.values():
            region.reset(settings or self.settings)
        self.request_log.clear()

    def _start(self, undo: contextlib.ExitStack) -> None:
        folder = TempDir()
        undo.callback(folder.remove)
        objects = PresignedClient(self._service_agent)
        undo.callback(objects.close)
        self.scheduler = Scheduler()
        undo.callback(self.scheduler.stop)
        accounts = list(self.accounts.values())
        self._regions = {name: Region(name, accounts, folder.path, self.scheduler, objects) for name in REGIONS}
        for region in self._regions.values():
            undo.callback(region.stop)
        # The stores start side by side while this thread reads the OpenAPI file: each takes about a second.
        with ThreadPoolExecutor(len(REGIONS)) as threads:
            stores = [threads.submit(region.start_store) for region in self._regions.values()]
            openapi = official_openapi()
            for store in stores:
                store.result()
        endpoints: dict[str, str] = {}  # filled in below: each API lists both Regions
        for name, region in self._regions.items():
            region.start_servers(openapi, endpoints, self.faults, self.request_log, self._service_agent, self.settings)
            self.api_urls[name], self.oos_urls[name] = region.api_url, region.oos_url
            endpoints[name] = urlsplit(region.api_url).netloc
        self.home = folder.path / "home"
        self.profiles = write_client_config(self.home, accounts, self.api_urls, self.oos_urls)
        self.env = environment(self.home, self.profiles, os.environ)


def main(command: Sequence[str], settings: SandboxSettings, record_file: Path | None = None) -> int:
    """Runs a command inside a sandbox, or a sandbox alone until Ctrl-C. Returns the exit code. Leaves nothing behind.

    A signal that comes while the sandbox starts (a few seconds) or stops takes effect after that.
    """
    try:
        with _FirstSignal() as first_signal, Sandbox(settings, record_file) as sandbox:
            if first_signal.number is None and command:
                return run_command(command, sandbox.env)
            if first_signal.number is None:
                text = banner(sandbox.home, sandbox.profiles, sandbox.api_urls, sandbox.oos_urls)
                print(text, file=sys.stderr)  # noqa: T201
            return SIGNALLED + first_signal.wait()
    except (ObjectStoreError, OpenApiError) as error:
        print(f"The sandbox can't start: {error}", file=sys.stderr)  # noqa: T201
        return 1


class _FirstSignal:
    """Notes the first signal that asks to end, without raising an exception.

    An exception at any moment could leave a lock taken, for example one of Python's imports. The threads that start the
    stores would then wait for it for ever.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._pipe_out, self._pipe_in = os.pipe()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _FirstSignal:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._pipe_out)
        os.close(self._pipe_in)

    def wait(self) -> int:
        """Waits for the first signal and returns its number."""
        return os.read(self._pipe_out, 1)[0]

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            os.write(self._pipe_in, bytes([number]))

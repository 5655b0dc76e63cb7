"""What a fleet costs omicopy itself, in virtual time: `python tests/bench/scale.py [COPIES ...]`. Always exits 0.

So many copies, all in flight at once, over some simulated hours; each size in a process of its own, and the imagined
cloud in another one, so that all memory and CPU time seen here are omicopy's. Answers arrive as JSON, page by page, as
the service's do; what reading that JSON costs is the SDK's, and is told apart.
"""

from __future__ import annotations

import cProfile
import gc
import itertools
import json
import multiprocessing
import pstats
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.cloud.api import PAGE, Api
from omicopy.cloud.profile import Account
from omicopy.cloud.retry import Pace
from omicopy.copying.journal import Journal
from omicopy.copying.locks import Locks
from omicopy.copying.loop import Loop
from omicopy.model.export import export_key
from omicopy.model.report import Status
from omicopy.model.request import Budgets, CopyRequest, Destination, Origin
from tests.bench.table import Row, text_table
from tests.builders import KEY, SOURCE, TARGET, source_image
from tests.virtual_cloud import Cloud, FakeClients, FakeFetcher, FakeStorage, Job, Time

SIZES = (100, 1_000, 10_000)
EXPORT_SECONDS, IMPORT_SECONDS = 2 * 3600.0, 3600.0
MOST_US, MOST_KIB = 20.0, 8.0
"""What a copy may cost: microseconds a tick while it waits, and memory beyond what was there before."""


@dataclass(frozen=True)
class Figures:
    """One fleet. Microseconds of CPU, and bytes beyond what was there before the fleet."""

    copies: int
    ticks: int
    """In which nothing was written, nor in the one before; all copies are in flight."""
    most_reads: int
    """Requests in one of those."""
    tick_us: float
    """A copy and tick."""
    once_us: float
    """A copy, all its writes, looks into the bucket and files together."""
    json_us: float
    """A copy and tick: what the SDK would spend on reading the answers."""
    copy_bytes: float
    seconds: float
    """On the wall."""


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(vars(measure(int(sys.argv[2]), profiled="--profile" in sys.argv))))
        return
    print(text_table(rows([int(text) for text in sys.argv[1:]] or SIZES)))


def rows(sizes: Any = SIZES) -> list[Row]:
    fleets = [run_alone(size) for size in sizes]
    found = []
    for fleet in fleets:
        name = f"{fleet.copies:,} copies in flight"
        beside = f"{fleet.ticks} ticks; {fleet.once_us / 1000:.1f} ms a copy for all else; JSON {fleet.json_us:.0f} µs"
        found.append(Row(f"{name}: CPU a copy and tick", f"{fleet.tick_us:.1f} µs", beside, fleet.tick_us, MOST_US))
        kib = fleet.copy_bytes / 1024
        if fleet.copies >= 1_000:
            found.append(Row(f"{name}: memory a copy", f"{kib:.1f} KiB", "beyond the base", kib, MOST_KIB))
        pages = 2 * -(-fleet.copies // PAGE)
        found.append(Row(f"{name}: reads a tick", f"{fleet.most_reads}", f"{pages} pages", fleet.most_reads / pages, 1))
    for before, after in itertools.pairwise(fleets):
        name = f"{after.copies:,} copies beside {before.copies:,}"
        found.append(
            Row(
                f"{name}: CPU a copy and tick",
                f"{after.tick_us:.1f} µs",
                f"{before.tick_us:.1f} µs",
                after.tick_us / before.tick_us,
            )
        )
    return found


def run_alone(copies: int) -> Figures:
    """Measures one size in a fresh process: what memory it takes is its peak."""
    command = [sys.executable, __file__, "--one", str(copies)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return Figures(**json.loads(ran.stdout.splitlines()[-1]))


def measure(copies: int, profiled: bool = False) -> Figures:
    far = FarCloud.start(copies)
    gc.collect()
    base, began = peak_bytes(), time.perf_counter()
    requests = [copy_request(number) for number in range(copies)]
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as state:
        journal, locks = Journal(Path(state) / "journal", print), Locks(Path(state) / "locks", print)
        loop = Loop(FarClients(far), journal, locks, far.hear, Budgets(), clock=far.time.clock)  # type: ignore[arg-type]
        far.mark()
        results = profile.runcall(loop.run, requests) if profiled else loop.run(requests)
        far.mark()
    took, most = time.perf_counter() - began, peak_bytes() - base
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    assert Counter(result.status for result in results) == {Status.COPIED: copies}, results[0].error
    quiet = [tick for before, tick in itertools.pairwise(far.ticks) if not before.wrote and not tick.wrote]
    each = copies * len(quiet)
    return Figures(
        copies,
        len(quiet),
        max(tick.requests for tick in quiet),
        sum(tick.cpu - tick.json for tick in quiet) / each * 1e6,
        sum(tick.cpu - tick.json for tick in far.ticks if tick not in quiet) / copies * 1e6,
        sum(tick.json for tick in quiet) / each * 1e6,
        most / copies,
        took,
    )


def image_of(number: int) -> tuple[str, str]:
    return f"ami-{number + 0x10000000:08x}", f"golden-{number}"


def copy_request(number: int) -> CopyRequest:
    image_id, name = image_of(number)
    image = source_image(image_id, ImageName=name)
    origin = Origin(SOURCE, image, export_key(image_id, KEY.bucket, KEY.prefix, KEY.format))
    return CopyRequest(origin, Destination(TARGET, name, "a copy"), timedelta(hours=6))


# ---- the cloud, in a process of its own


@dataclass(eq=False)
class Tick:
    """What was spent between two pauses, in seconds of CPU."""

    cpu: float
    json: float
    requests: int
    wrote: bool


@dataclass
class FarCloud:
    """This side's end of the cloud: asks, and counts what each tick takes."""

    pipe: Connection
    time: Time = field(default_factory=Time)
    ticks: list[Tick] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _json: float = 0.0
    _requests: int = 0
    _wrote: bool = False
    _since: float = 0.0

    @classmethod
    def start(cls, copies: int) -> FarCloud:
        near, far = multiprocessing.Pipe()
        multiprocessing.get_context("fork").Process(target=serve, args=(far, copies), daemon=True).start()
        cloud = cls(near)
        sleep = cloud.time.sleep
        cloud.time.sleep = lambda seconds: (cloud.mark(), sleep(seconds), cloud.time.slept.clear())[0]  # type: ignore[method-assign]
        return cloud

    def mark(self) -> None:
        """A tick is over."""
        now = time.process_time()
        if self._requests:
            self.ticks.append(Tick(now - self._since, self._json, self._requests, self._wrote))
        self._json, self._requests, self._wrote, self._since = 0.0, 0, False, now

    def hear(self, _: object) -> None:
        """Takes the loop's events: what is made of them is another's."""

    def ask(self, kind: str, profile: str, name: str, *args: Any) -> Any:
        """Any question to the cloud, with the CPU time that it takes left out of the tick's."""
        with self._lock:
            began = time.thread_time()
            self._requests += 1
            self._wrote |= not name.startswith("Read")
            self.pipe.send((self.time.seconds, kind, profile, name, args))
            answer = self.pipe.recv()
            answer = json.loads(answer) if kind == "api" else answer
            self._json += time.thread_time() - began
            return answer


class LargeCloud(Cloud):
    """Finds what it is asked for without looking at everything else. No name is taken in it."""

    def __init__(self, copies: int) -> None:
        super().__init__(export_seconds=EXPORT_SECONDS, import_seconds=IMPORT_SECONDS, quota=copies)
        self._by_id: dict[str, Job] = {}
        self._noted = (0, 0)
        for image_id, name in map(image_of, range(copies)):
            self.add_image("source", image_id, AccountId=SOURCE.account_id, ImageName=name, Description="")

    def _is_taken(self, profile: str, name: str) -> bool:  # noqa: ARG002
        return False

    def _named(self, resource_ids: Sequence[str]) -> list[Job]:
        exports, images = self._noted
        self._by_id |= {job.resource_id: job for job in (*self.exports[exports:], *self.images[images:])}
        self._noted = (len(self.exports), len(self.images))
        return [self._by_id[resource_id] for resource_id in resource_ids]


def serve(pipe: Connection, copies: int) -> None:
    """The cloud itself."""
    cloud = LargeCloud(copies)
    pages: dict[str, Any] = {}
    while True:
        try:
            cloud.time.seconds, kind, profile, name, args = pipe.recv()
        except EOFError:
            return
        cloud.requests.clear()
        if kind == "api":
            pipe.send(json.dumps(answer(cloud, profile, name, args[0], pages)))
        else:
            fake = FakeStorage(cloud, profile) if kind == "storage" else FakeFetcher(cloud)
            pipe.send(getattr(fake, name)(*args))


def answer(cloud: Cloud, profile: str, action: str, asked: Mapping[str, Any], pages: dict[str, Any]) -> Any:
    """An answer of the API; of a list one page. A list is made once a moment, not anew for each of its pages."""
    if "ResultsPerPage" not in asked:
        return cloud.ask(profile, action, asked)
    question = json.dumps([cloud.time.seconds, profile, action, asked["Filters"]])
    if pages.get("question") != question:
        pages["question"], pages["answer"] = question, cloud.ask(profile, action, asked)
    [(key, items)] = pages["answer"].items()
    first = int(asked.get("NextPageToken", 0))
    after = first + asked["ResultsPerPage"]
    return {key: items[first:after]} | ({"NextPageToken": str(after)} if after < len(items) else {})


class FarApi(Api):
    """The real client, but for the SDK's call."""

    def __init__(self, account: Account, far: FarCloud) -> None:
        super().__init__(account, (10.0, 60.0), Pace())
        self._far = far

    def _call_sdk(self, action: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        told: Mapping[str, Any] = self._far.ask("api", self.account.profile, action, parameters)
        return told


class Far:
    """A fake's methods, asked over there."""

    def __init__(self, far: FarCloud, kind: str, account: Account) -> None:
        self._ask, self._kind, self.account = far.ask, kind, account

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._ask(self._kind, self.account.profile, name, *args)


class FarClients(FakeClients):
    def __init__(self, far: FarCloud) -> None:
        super().__init__(Cloud())
        self._known = super().accounts
        self._apis = {profile: FarApi(account, far) for profile, account in self._known.items()}
        self._storages = {profile: Far(far, "storage", account) for profile, account in self._known.items()}
        self._fetcher = Far(far, "fetcher", self._known["source"])

    @property
    def accounts(self) -> Mapping[str, Account]:
        return self._known

    def api(self, profile: str) -> Any:
        return self._apis[profile]

    def storage(self, profile: str) -> Any:
        return self._storages[profile]

    def fetcher(self) -> Any:
        return self._fetcher


def peak_bytes() -> int:
    """Of this program alone; `ru_maxrss` also tells of the process that started it, before it became this one."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert told, "no Linux"
    return int(told[1]) * 1024


if __name__ == "__main__":
    main()

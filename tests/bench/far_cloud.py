"""The imagined cloud of a large fleet, in a process of its own: what is spent there is not omicopy's."""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from omicopy.cloud.api import Api
from omicopy.cloud.profiles.profile import Account
from omicopy.cloud.retry import Pace
from tests.support.builders import SOURCE
from tests.support.hostile import transport
from tests.support.virtual_cloud import Cloud, FakeClients, FakeFetcher, FakeStorage, Job, Time


def image_of(number: int) -> tuple[str, str]:
    return f"ami-{number + 0x10000000:08x}", f"golden-{number}"


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
    def start(cls, copies: int, export_seconds: float, import_seconds: float) -> FarCloud:
        near, far = multiprocessing.Pipe()
        asked = (far, copies, export_seconds, import_seconds)
        multiprocessing.get_context("fork").Process(target=serve, args=asked, daemon=True).start()
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

    def __init__(self, copies: int, export_seconds: float, import_seconds: float) -> None:
        super().__init__(export_seconds=export_seconds, import_seconds=import_seconds, quota=copies)
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


def serve(pipe: Connection, copies: int, export_seconds: float, import_seconds: float) -> None:
    """The cloud itself."""
    cloud = LargeCloud(copies, export_seconds, import_seconds)
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
        super().__init__(account, transport(), Pace())
        self._far = far

    def _call_sdk(self, action: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        parts: Mapping[str, Any] = self._far.ask("api", self.account.profile, action, parameters)
        return parts


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

    def make_api(self, account: Account) -> Any:
        return self._apis[account.profile]

    def make_storage(self, account: Account) -> Any:
        return self._storages[account.profile]

    def fetcher(self) -> Any:
        return self._fetcher

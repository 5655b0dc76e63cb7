"""Two accounts that export and import in virtual time, behind clients with the real ones' methods.

Only the loop's own behaviour is shown with it; what the real clients do is for the sandbox to show.
"""
# ruff: noqa: ARG002  the fakes' methods are called as the real ones are

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from omicopy.cloud.errors import Answer, Cause, ServiceError, refused, temporary
from omicopy.cloud.profiles.profile import Account, StorageKey
from omicopy.cloud.session import AccountSession
from omicopy.cloud.url_reader import ObjectState, Probe
from omicopy.errors import OmicopyError
from omicopy.model.clock import Clock
from omicopy.model.events import Event
from omicopy.model.json_fields import MalformedAnswer, listed
from omicopy.model.request import AccountRef, Budgets, CopyRequest
from omicopy.model.result import CallCount, CopyResult
from omicopy.model.s3_location import S3Object
from omicopy.model.urls.presigned_url import PresignedUrl
from omicopy.reconcile.apply import RunMode
from omicopy.reconcile.loop import Loop
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks
from tests.support.builders import KEY, NOON, SOURCE, TARGET, raw_image, raw_task, signed

LONG_AGO = -1e9
Trouble = Callable[[str, str], ServiceError | None]
"""From a profile and an action to what goes wrong with the request, before anything happened."""


@dataclass
class Time:
    """Moved by sleeping alone."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    @property
    def wall(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: 5000.0 + self.seconds, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert len(self.slept) < 20_000, "the loop spins"
        self.slept.append(seconds)
        self.seconds += seconds


def failing(
    time: Time, cause: Cause, *actions: str, until: float = float("inf"), times: float = float("inf")
) -> Trouble:
    """Requests for `actions` (all, if none is named) fail up to that second, and so many times."""
    left = times

    def trouble(profile: str, action: str) -> ServiceError | None:
        nonlocal left
        if (actions and action not in actions) or time.seconds > until or left <= 0:
            return None
        left -= 1
        return temporary(cause, action, profile, cause.value)

    return trouble


@dataclass
class Job:
    """An export or an import: what the API shows of it, and when it was begun."""

    raw: dict[str, Any]
    profile: str
    begun: float
    takes: float
    ends: str
    hidden_until: float = 0.0
    deleted: float = float("inf")

    @property
    def resource_id(self) -> str:
        return str(self.raw.get("TaskId") or self.raw["ImageId"])


@dataclass
class Cloud:
    """Both accounts, whoever the copies belong to. A `lost` action happens, and its answer is lost, that often."""

    time: Time = field(default_factory=Time)
    export_seconds: float = 3600.0
    import_seconds: float = 1800.0
    lag: float = 0.0
    """For how long what was just created is not to be seen."""
    quota: int = 10_000
    """How many exports may run at once."""
    import_quota: int = 10_000
    """How many imports may."""
    progress: Callable[[float], int] | None = lambda share: int(100 * share)
    """What exports show of themselves at each share of their time; None: nothing at all."""
    queued: bool = False
    """Whether exports wait in the queue all the time, where they can be cancelled."""
    lost: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    """As `lost`, but answered with an empty object."""
    exports: list[Job] = field(default_factory=list)
    images: list[Job] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    life_of_urls: timedelta = timedelta(days=7)
    refused_urls: set[str] = field(default_factory=set)
    no_key: OmicopyError | None = None
    """Why nobody has a key for the bucket."""
    trouble: Trouble = lambda _profile, _action: None
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Several buckets are looked into at once."""
    requests: list[tuple[float, str, str, Mapping[str, Any]]] = field(default_factory=list)

    def add_image(self, profile: str, image_id: str, **changed: Any) -> dict[str, Any]:
        raw = raw_image(image_id, **changed)
        self.images.append(Job(raw, profile, LONG_AGO, 0.0, raw["State"]))
        return raw

    def add_export(self, task_id: str, takes: float = 0.0, ends: str = "completed", **changed: Any) -> Job:
        job = Job(raw_task(task_id, **changed), SOURCE.profile, self.time.seconds, takes, ends)
        self.exports.append(job)
        return job

    def sent(self, action: str) -> list[Mapping[str, Any]]:
        return [parameters for _, _, name, parameters in self.requests if name == action]

    @property
    def writes(self) -> Counter[str]:
        """All of them, by action; the reads all begin with "Read"."""
        return Counter(action for _, _, action, _ in self.requests if not action.startswith(("Read", "List", "Get")))

    def ask(self, profile: str, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append((self.time.seconds, profile, action, parameters))
        error = self.trouble(profile, action)
        if error is not None:
            raise error
        answer: dict[str, Any] = getattr(self, f"_{action}")(profile, parameters)
        if self.lost[action]:
            self.lost[action] -= 1
            raise temporary(Cause.RESET, action, profile, "connection lost after sending")
        if self.empty[action]:
            self.empty[action] -= 1
            return {}
        return answer

    def _shown(self, jobs: Sequence[Job], profile: str) -> Iterator[dict[str, Any]]:
        for job in jobs:
            age = self.time.seconds - job.begun
            is_shown = age >= self.lag and job.hidden_until <= self.time.seconds < job.deleted + self.lag
            if job.profile == profile and is_shown:
                state = job.ends if age >= job.takes else "pending/queued" if self.queued else "pending"
                shown = {"Progress": self.progress(min(1.0, age / (job.takes or 1)))} if self.progress else {}
                yield job.raw | {"State": state} | shown

    def _ReadImageExportTasks(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        wanted = asked["Filters"].get("ImageIds")
        tasks = [raw for raw in self._shown(self.exports, profile) if not wanted or raw["ImageId"] in wanted]
        return {"ImageExportTasks": tasks}

    def _ReadImages(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        filters: Mapping[str, Sequence[str]] = asked["Filters"]
        images = list(self._shown(self.images, profile))
        for name, field_ in (("AccountIds", "AccountId"), ("ImageNames", "ImageName"), ("ImageIds", "ImageId")):
            if name in filters:
                images = [raw for raw in images if any(fnmatchcase(raw[field_], text) for text in filters[name])]
        if "BlockDeviceMappingSnapshotIds" in filters:
            [snapshot] = filters["BlockDeviceMappingSnapshotIds"]
            images = [raw for raw in images if raw["BlockDeviceMappings"][0]["Bsu"]["SnapshotId"] == snapshot]
        return {"Images": images}

    def _ReadAccounts(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"Accounts": [{"AccountId": {"source": SOURCE, "target": TARGET}[profile.partition("-")[0]].account_id}]}

    def _CreateImageExportTask(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        if len(self.exports) >= self.quota and self._running(profile) >= self.quota:
            raise refused("CreateImageExportTask", profile, Answer(400, "10042", "TooManyResources"))
        osu = asked["OsuExport"]
        prefix = "/".join(part for part in (osu.get("OsuPrefix"), asked["ImageId"]) if part)
        task_id = f"image-export-{len(self.exports) + 0x100:08x}"
        osu = osu | {"OsuPrefix": f"{prefix}/"}
        job = self.add_export(task_id, self.export_seconds, ImageId=asked["ImageId"], OsuExport=osu)
        job.profile = profile
        return {"ImageExportTask": job.raw | {"State": "pending/queued"}}

    def _running(self, profile: str) -> int:
        return sum(raw["State"] == "pending" for raw in self._shown(self.exports, profile))

    def _DeleteExportTask(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        [job] = [job for job in self.exports if job.raw["TaskId"] == asked["ExportTaskId"]]
        job.takes, job.ends = 0.0, "cancelled"
        return {}

    def _CreateImage(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        if self._is_taken(profile, asked["ImageName"]):
            raise refused("CreateImage", profile, Answer(409, "9029", "ResourceConflict"))
        pending = [raw for raw in self._shown(self.images, profile) if raw["State"] == "pending"]
        if len(pending) >= self.import_quota:
            raise refused("CreateImage", profile, Answer(400, details="Limit for Image Copies has been reached."))
        image_id = f"ami-{len(self.images) + 0x100:08x}"
        boot = {name: asked[name] for name in ("BootModes", "TpmMandatory") if name in asked}
        raw = raw_image(image_id, ImageName=asked["ImageName"], Description=asked["Description"], **boot)
        self.images.append(Job(raw, profile, self.time.seconds, self.import_seconds, "available"))
        return {"Image": raw | {"State": "pending"}}

    def _is_taken(self, profile: str, name: str) -> bool:
        return any(job.raw["ImageName"] == name for job in self._there(profile))

    def _DeleteImage(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = [job for job in self._there(profile) if job.raw["ImageId"] == asked["ImageId"]]
        if not found:
            raise refused("DeleteImage", profile, Answer(400, "5023", "InvalidResource"))
        found[0].deleted = self.time.seconds
        return {}

    def _there(self, profile: str) -> list[Job]:
        """The account's images as they are, whatever reads show."""
        return [job for job in self.images if job.profile == profile and job.deleted > self.time.seconds]

    def _DeleteSnapshot(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def _CreateTags(self, profile: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        for job in self._named(asked["ResourceIds"]):
            job.raw = job.raw | {"Tags": [*job.raw["Tags"], *asked["Tags"]]}
        return {}

    def _named(self, resource_ids: Sequence[str]) -> list[Job]:
        return [job for job in (*self.exports, *self.images) if job.resource_id in resource_ids]

    def put_export(self, image_id: str, ends: datetime, name: str = "manifest", form: str = "qcow2") -> None:
        """What a completed export leaves in the bucket."""
        key = f"{image_id}/snap-11111111-aaaaaaaa.{form}.gz"
        snapshot = {"Device": "/dev/sda1", "Size": 10 * 2**30, "CompressedSize": 4, "PreSignedUrl": signed(key, ends)}
        self.objects[key] = b"disk"
        self.objects[f"{image_id}/{name}"] = json.dumps({"Version": 1, "Image": {"Snapshots": [snapshot]}}).encode()

    def finish_exports(self) -> None:
        for job in self.exports:
            end = NOON + timedelta(seconds=job.begun + job.takes)
            key = f"{job.raw['ImageId']}/manifest"
            if job.ends == "completed" and end <= self.time.wall and key not in self.objects:
                self.put_export(
                    job.raw["ImageId"], end + self.life_of_urls, form=job.raw["OsuExport"]["DiskImageFormat"]
                )


class FakeApi:
    def __init__(self, cloud: Cloud, profile: str) -> None:
        self._cloud, self._profile, self.count = cloud, profile, CallCount()
        self.refused_filters = set[str]()

    def read_all(
        self, action: str, key: str, patience: float, filters: Mapping[str, Any], parse: Callable[[Any], Any]
    ) -> list[Any]:
        answer = self._cloud.ask(self._profile, action, {"Filters": filters})
        try:
            return [parse(item) for item in listed(answer, key)]
        except MalformedAnswer as error:
            raise temporary(Cause.UNREADABLE, action, self._profile, str(error)) from None

    def write(self, action: str, patience: float, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._cloud.ask(self._profile, action, parameters)

    def read_parsed(
        self, action: str, patience: float, parameters: Mapping[str, Any], parse: Callable[[Any], Any]
    ) -> Any:
        return parse(self._cloud.ask(self._profile, action, parameters))


class FakeStorage:
    def __init__(self, cloud: Cloud, profile: str) -> None:
        self._cloud, self._profile = cloud, profile
        self.account = FakeClients(cloud).accounts[profile]

    def sizes(self, bucket: str, prefix: str) -> dict[str, int]:
        self._note("ListObjects", prefix)
        with self._cloud.lock:
            self._cloud.finish_exports()
            found = {key: body for key, body in self._cloud.objects.items() if key.startswith(prefix)}
        return {key: len(body) for key, body in found.items()} if bucket == KEY.bucket else {}

    def read(self, location: S3Object) -> bytes:
        self._note("GetObject", location.key)
        return self._cloud.objects[location.key]

    def put(self, location: S3Object, body: bytes) -> None:
        self._note("PutObject", location.key)
        self._cloud.objects[location.key] = body

    def _note(self, action: str, key: str) -> None:
        self._cloud.requests.append((self._cloud.time.seconds, self._profile, action, {"Key": key}))
        error = self._cloud.trouble(self._profile, action)
        if error is not None:
            raise error


class FakeFetcher:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def read(self, url: PresignedUrl) -> bytes:
        """Through a URL that was signed a moment ago."""
        return self._cloud.objects[url.key or ""]

    def probe(self, url: PresignedUrl) -> Probe:
        if url.url in self._cloud.refused_urls:
            return Probe(ObjectState.REFUSED)
        content = self._cloud.objects.get(url.key or "")
        return Probe(ObjectState.MISSING) if content is None else Probe(ObjectState.ALIVE, len(content))


class FakeSession(AccountSession):
    def __init__(self, account: Account, clients: Any) -> None:
        super().__init__(account, clients)
        self._cloud: Cloud = clients.cloud

    @property
    def storage_refusal(self) -> OmicopyError | None:
        return self._cloud.no_key


@dataclass
class FakeClients:
    cloud: Cloud
    patience: float = 0.0
    retry: timedelta = timedelta(0)
    _sessions: dict[str, AccountSession] = field(default_factory=dict)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Each under its profile's name, and under another one."""
        account_refs = [
            replace(account, profile=account.profile + more) for account in (SOURCE, TARGET) for more in ("", "-alias")
        ]
        return {account.profile: _account(account) for account in account_refs}

    def session(self, profile: str) -> AccountSession:
        return self._sessions.setdefault(profile, FakeSession(self.accounts[profile], self))

    def prepare(self, profiles: Iterable[str]) -> None:
        """Nothing has to be made before threads ask for it."""

    def make_api(self, account: Account) -> Any:
        return FakeApi(self.cloud, account.profile)

    def make_storage(self, account: Account) -> Any:
        return FakeStorage(self.cloud, account.profile)

    def fetcher(self) -> FakeFetcher:
        return FakeFetcher(self.cloud)


def _account(account: AccountRef) -> Account:
    oos = f"https://oos.{account.region}.outscale.com"
    key = StorageKey(account.profile, "AK", "SK")
    return Account(account.profile, "AK", "SK", account.region, "https://api.example/api/v1", oos, None, key)


@dataclass
class Machine:
    """Where `omicopy` runs: its state directory, and what its runs say."""

    state: Path
    cloud: Cloud
    events: list[Event] = field(default_factory=list)

    def run(
        self,
        *requests: CopyRequest,
        budgets: Budgets | None = None,
        mode: RunMode | None = None,
        lock_wait: timedelta = timedelta(0),
    ) -> list[CopyResult]:
        clients: Any = FakeClients(self.cloud)
        listener = self.events.append
        journal, locks = Journal(self.state / "journal", listener), Locks(self.state / "locks", listener)
        clock = self.cloud.time.clock
        loop = Loop(clients, journal, locks, listener, budgets or Budgets(), mode or RunMode(), clock, lock_wait)
        return loop.run(requests)

    @property
    def open_entries(self) -> list[Path]:
        return sorted((self.state / "journal").glob("*.json"))

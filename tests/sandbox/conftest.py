"""A user of the sandbox: OUTSCALE's own SDK for the API, and what it takes to see an export or an import through."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from osc_sdk_python.call import Call

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign
from tests.support.children import PATIENCE, wait_until

Thing = dict[str, Any]
HURRIED = SandboxSettings(export_seconds=0.1, import_seconds=0.1)


@dataclass
class Refused:
    """How a request was refused."""

    status: int = 0
    code: str | None = ""
    type: str | None = ""
    details: str = ""


class User:
    """Drives a sandbox as its users do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._calls: dict[str, Call] = {}

    def api(self, profile: str) -> Call:
        """The SDK's client for a profile, without its own retries."""
        if profile not in self._calls:
            self._calls[profile] = Call(profile=profile, max_retries=0)
        return self._calls[profile]

    def close(self) -> None:
        for call in self._calls.values():
            call.close()

    def start_export(self, image_id: str, profile: str = "source", **export: str) -> Thing:
        asked = {"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"} | export
        answer = self.api(profile).api("CreateImageExportTask", ImageId=image_id, OsuExport=asked)
        return answer["ImageExportTask"]

    def task(self, task_id: str, profile: str = "source") -> Thing:
        answer = self.api(profile).api("ReadImageExportTasks", Filters={"TaskIds": [task_id]})
        return answer["ImageExportTasks"][0]

    def export(self, image_id: str, profile: str = "source", **export: str) -> Thing:
        """An export that has ended, one way or the other."""
        task_id = self.start_export(image_id, profile, **export)["TaskId"]
        state = self.sandbox.region_state(self.sandbox.accounts[profile].region)
        self.wait(lambda: state.tasks.get(task_id).ended is not None)
        return self.task(task_id, profile)

    def manifest_key(self, task: Thing) -> str:
        state = self.sandbox.region_state("eu-west-2")
        return state.tasks.get(task["TaskId"]).manifest_key

    def sign(self, key: str, seconds: int = 3600, method: str = "GET", bucket: str = "omi-exports") -> str:
        account = self.sandbox.accounts["source"]
        signer = SigningKey(account.access_key, account.secret_key, account.region)
        return presign(signer, method, f"{self.sandbox.oos_urls[account.region]}/{bucket}/{key}", seconds)

    def manifest_url(self, image_id: str = "ami-00000001") -> str:
        """Export an image and sign its manifest."""
        return self.sign(self.manifest_key(self.export(image_id)))

    def put(self, key: str, body: bytes | Thing) -> str:
        """Upload an object to the source's bucket; returns a signed URL to read it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        requests.put(self.sign(key, method="PUT"), content, timeout=PATIENCE).raise_for_status()
        return self.sign(key)

    def image(self, image_id: str, profile: str = "target") -> Thing:
        return self.api(profile).api("ReadImages", Filters={"ImageIds": [image_id]})["Images"][0]

    def import_(self, url: str, name: str = "copy", profile: str = "target", **more: Any) -> Thing:
        """An image made from a manifest, when it is not pending any more."""
        image = self.api(profile).api("CreateImage", ImageName=name, FileLocation=url, **more)["Image"]
        assert image["State"] == "pending"
        self.wait(lambda: self.image(image["ImageId"], profile)["State"] != "pending")
        return self.image(image["ImageId"], profile)

    def wait(self, done: Callable[[], bool]) -> None:
        wait_until(done)

    @contextlib.contextmanager
    def refused(self) -> Iterator[Refused]:
        """Expects a refusal, and says afterwards which."""
        seen = Refused()
        with pytest.raises(requests.HTTPError) as caught:
            yield seen
        error = caught.value.response.json()["Errors"][0]
        seen.status, seen.code = caught.value.response.status_code, error.get("Code")
        seen.type, seen.details = error.get("Type"), error["Details"]


@pytest.fixture
def user(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """Somebody with the sandbox's own profiles, in a hurry."""
    sandbox.reset(HURRIED)
    monkeypatch.setenv("OSC_CONFIG_FILE", str(sandbox.profiles))
    user = User(sandbox)
    yield user
    user.close()

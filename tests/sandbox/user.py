"""A user of the sandbox: OUTSCALE's own SDK for the API, and steps that many tests share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest
import requests
from osc_sdk_python.call import Call

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign
from tests.support.children import PATIENCE, wait_until

Json = dict[str, Any]
FAST = SandboxSettings(export_seconds=0.1, import_seconds=0.1)
NO_MANIFEST = "http://127.0.0.1:1/b/k?X-Amz-Signature=0"
"""The URL of a manifest that nobody can read."""


@dataclass
class Refused:
    """How a request was refused."""

    status: int = 0
    code: str | None = ""
    type: str | None = ""
    details: str = ""


class User:
    """Uses a sandbox as its users do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._calls: dict[str, Call] = {}

    def api(self, profile: str) -> Call:
        """Returns the SDK's client for a profile, without its own retries."""
        if profile not in self._calls:
            self._calls[profile] = Call(profile=profile, max_retries=0)
        return self._calls[profile]

    def close(self) -> None:
        for call in self._calls.values():
            call.close()

    def set_behaviour(self, **values: Enum) -> None:
        """Resets the sandbox to a behaviour with these values."""
        self.sandbox.reset(replace(FAST, behaviour=Behaviour(**values)))

    def start_export(self, image_id: str, profile: str = "source", **export: str) -> Json:
        """Starts an export and returns its task."""
        asked = {"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"} | export
        answer = self.api(profile).api("CreateImageExportTask", ImageId=image_id, OsuExport=asked)
        return answer["ImageExportTask"]

    def task(self, task_id: str, profile: str = "source") -> Json:
        answer = self.api(profile).api("ReadImageExportTasks", Filters={"TaskIds": [task_id]})
        return answer["ImageExportTasks"][0]

    def export(self, image_id: str, profile: str = "source", **export: str) -> Json:
        """Runs an export until it completes or fails, and returns its task."""
        task_id = self.start_export(image_id, profile, **export)["TaskId"]
        state = self.sandbox.region_state(self.sandbox.accounts[profile].region)
        self.wait(lambda: state.tasks.get(task_id).ended is not None)
        return self.task(task_id, profile)

    def manifest_key(self, task: Json) -> str:
        state = self.sandbox.region_state("eu-west-2")
        return state.tasks.get(task["TaskId"]).manifest_key

    def manifest(self, task: Json) -> Json:
        """Returns the manifest that an export wrote."""
        return requests.get(self.sign(self.manifest_key(task)), timeout=PATIENCE).json()

    def sign(self, key: str, seconds: int = 3600, method: str = "GET", bucket: str = "omi-exports") -> str:
        account = self.sandbox.accounts["source"]
        signer = SigningKey(account.access_key, account.secret_key, account.region)
        return presign(signer, method, f"{self.sandbox.oos_urls[account.region]}/{bucket}/{key}", seconds)

    def manifest_url(self, image_id: str = "ami-00000001") -> str:
        """Exports an image and returns a signed URL of its manifest."""
        return self.sign(self.manifest_key(self.export(image_id)))

    def put(self, key: str, body: bytes | Json) -> str:
        """Uploads an object to the source's bucket and returns a signed URL to read it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        requests.put(self.sign(key, method="PUT"), content, timeout=PATIENCE).raise_for_status()
        return self.sign(key)

    def image(self, image_id: str, profile: str = "target") -> Json:
        return self.api(profile).api("ReadImages", Filters={"ImageIds": [image_id]})["Images"][0]

    def image_names(self, profile: str = "source", **request: Any) -> list[str]:
        return [image["ImageName"] for image in self.api(profile).api("ReadImages", **request)["Images"]]

    def import_(self, url: str, name: str = "copy", profile: str = "target", **more: Any) -> Json:
        """Imports a manifest and returns the image when it is no longer pending."""
        image = self.api(profile).api("CreateImage", ImageName=name, FileLocation=url, **more)["Image"]
        assert image["State"] == "pending"
        self.wait(lambda: self.image(image["ImageId"], profile)["State"] != "pending")
        return self.image(image["ImageId"], profile)

    def import_changed(self, change: Callable[[Json], object]) -> Json:
        """Imports a manifest after `change`, and returns the image."""
        document = requests.get(self.manifest_url(), timeout=PATIENCE).json()
        change(document)
        return self.import_(self.put("changed.json", document))

    def wait(self, done: Callable[[], object]) -> None:
        wait_until(done)

    @contextlib.contextmanager
    def refused(self) -> Iterator[Refused]:
        """Expects a refusal. Afterwards its object says which."""
        seen = Refused()
        with pytest.raises(requests.HTTPError) as caught:
            yield seen
        error = caught.value.response.json()["Errors"][0]
        seen.status, seen.code = caught.value.response.status_code, error.get("Code")
        seen.type, seen.details = error.get("Type"), error["Details"]


def failure_message(image: Json) -> str:
    """Returns the message of a failed image, which contains no signature."""
    assert image["State"] == "failed"
    assert set(image["StateComment"]) == {"StateCode", "StateMessage"}
    assert "X-Amz-Signature" not in image["StateComment"]["StateMessage"]
    return image["StateComment"]["StateMessage"]

"""The command as its users run it, in a process of its own, and hands to see and bend what it works on."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from osc_sdk_python.call import Call

from omicopy.exit_codes import COMMANDS, codes_of
from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.region_state import ImageExportTask, Omi, RegionState
from omicopy.sandbox.model.request_log import RecordedRequest
from omicopy.sandbox.model.settings import EXPORT_BUCKET, SOURCE_REGION, TARGET_REGION, SandboxSettings
from omicopy.sandbox.model.signing import SigningKey
from omicopy.sandbox.storage.presign import presign
from tests.support.children import PATIENCE, Child, wait_until
from tests.support.warm import Warm

LINUX, THREE = "ami-00000001", "ami-00000002"
QUICK = SandboxSettings(export_seconds=0.05, import_seconds=0.05)
QUICK_OPTIONS = {
    "OMICOPY_POLL_MIN": "0.02s",
    "OMICOPY_POLL_MAX": "0.05s",
    "OMICOPY_GRACE": "0.5s",
    "OMICOPY_RETRY": "2m",
    "OMICOPY_HTTP_TIMEOUT": "60s",
}
ENTRY = "import omicopy.__main__ as entry; entry.UNHEARD_SECONDS = entry.LAST_WORDS_SECONDS = 600; entry.main()"
"""`python -m omicopy`, but on a busy machine, too, a first signal has the time to be heard and to say its message."""
SIGNATURE = re.compile(r"Signature(?:=|%3D)(?!REDACTED)", re.IGNORECASE)
WRITES = ("Create", "Update", "Delete", "Put", "Post", "Copy")


@dataclass(frozen=True)
class Ran:
    """How one command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def copy(self) -> dict[str, Any]:
        """The only entry of `copies`."""
        (entry,) = self.json["copies"]
        return entry

    @property
    def row(self) -> list[str]:
        """The only line on stdout, taken apart at its tabs."""
        (line,) = self.out.splitlines()
        return line.split("\t")


class Tool:
    """`omicopy` with a home folder of its own, and hands in the sandbox that it doesn't know of."""

    def __init__(self, sandbox: Sandbox, home: Path, warm: Warm) -> None:
        self.sandbox = sandbox
        self.warm = warm
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        own = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "COLUMNS": "200"}
        self.env = sandbox.env | QUICK_OPTIONS | own
        self._secrets = [secret for a in sandbox.accounts.values() for secret in (a.access_key, a.secret_key)]

    def on_other_machine(self) -> Tool:
        """The same tool on another machine: nothing in its home, nothing in its state folder."""
        return Tool(self.sandbox, self.home.with_name(self.home.name + "-elsewhere"), self.warm)

    def again(self, **settings: Any) -> None:
        """The sandbox from the beginning, with other settings."""
        self.sandbox.reset(replace(QUICK, **settings))

    def change_settings(self, **settings: Any) -> None:
        """Other settings, and all that there is stays."""
        for state in (self.source, self.target):
            state.settings = replace(state.settings, **settings)

    # --- the sandbox's clock

    def hold(self) -> None:
        """Exports and imports get no further, and reads that lag see nothing new, until `advance` or `go`."""
        self.sandbox.scheduler.hold()

    def advance(self, seconds: float) -> None:
        """So many seconds pass at once, and no more."""
        self.sandbox.scheduler.advance(seconds)

    def go(self) -> None:
        """Time passes again."""
        self.sandbox.scheduler.resume()

    # --- what is configured

    def profiles(self, **changes: Mapping[str, Any]) -> dict[str, str]:
        """The environment in which profiles have other values; None takes a value away."""
        profiles = json.loads(self.sandbox.profiles.read_text())
        for name, values in changes.items():
            merged = profiles.get(name, {}) | values
            profiles[name] = {key: value for key, value in merged.items() if value is not None}
        file = self.home / f"profiles-{len(list(self.home.iterdir()))}.json"
        file.write_text(json.dumps(profiles))
        return {"OSC_CONFIG_FILE": str(file)}

    # --- running it

    def run(self, *args: str, code: int | None = 0, stdin: str = "", **env: str) -> Ran:
        """Runs a command to its end; it must end with `code` (None: with any), without a traceback or a secret."""
        return self.checked(Ran(*self.warm.run(args, self.env | env, stdin, PATIENCE)), args, code)

    def copy(self, image: str, *args: str, to: Iterable[str] = ("target",), code: int | None = 0, **env: str) -> Ran:
        """`omicopy copy IMAGE --from source --to target --bucket omi-exports -o json`, and what else is given."""
        targets = [word for profile in to for word in ("--to", profile)]
        words = ["copy", image, "--from", "source", *targets, "--bucket", EXPORT_BUCKET, "-o", "json"]
        return self.run(*words, *args, code=code, **env)

    def export(self, image: str = LINUX, *args: str, code: int | None = 0, **env: str) -> Ran:
        return self.run("export", image, "--from", "source", "--bucket", EXPORT_BUCKET, *args, code=code, **env)

    def url(self, source: str, *args: str, code: int | None = 0, **env: str) -> Ran:
        return self.run("url", source, "--from", "source", *args, code=code, **env)

    def import_(self, source: str, *args: str, code: int | None = 0, stdin: str = "", **env: str) -> Ran:
        return self.run("import", source, "--to", "target", "-o", "json", *args, code=code, stdin=stdin, **env)

    def together(self, commands: Iterable[Callable[[], Ran]]) -> list[Ran]:
        """Several commands at once, to save time; what they end with, in their order."""
        with ThreadPoolExecutor(4) as threads:
            return [future.result() for future in [threads.submit(command) for command in commands]]

    def start(self, *args: str, ignoring: str = "", **env: str) -> Child:
        """A command that runs on, from a cold start; see `finish`. `ignoring` names signals that it is told to ignore,
        as `nohup` and scripts tell those that they start."""
        command = [sys.executable, "-c", ENTRY, *args]
        parts = ["sh", "-c", f"trap '' {ignoring}; exec \"$@\"", "sh"] if ignoring else []
        return Child([*parts, *command], self.env | env)

    def finish(self, process: Child, send: signal.Signals | None = None) -> Ran:
        """Sends a signal, if any, and waits for the end."""
        if send is not None:
            process.send_signal(send)
        out, err = process.communicate()
        return self.checked(Ran(process.returncode, out, err), process.args[process.args.index(ENTRY) + 1 :], None)

    def checked(self, ran: Ran, args: Iterable[str], code: int | None) -> Ran:
        message = f"{' '.join(args)}\nexit {ran.code}\n--- stdout\n{ran.out}\n--- stderr\n{ran.err}"
        assert code is None or ran.code == code, message
        words = [*args]
        name = " ".join(words[:2]) if words[0] == "manifest" else words[0]
        assert ran.code < 0 or name not in COMMANDS or ran.code in codes_of(name), f"not in exit_codes.py: {message}"
        assert "Traceback" not in ran.err + ran.out, message
        asked_for = [line for line in ran.err.splitlines() if line.startswith("curl ") and "--show-command" in args]
        err = "\n".join(line for line in ran.err.splitlines() if line not in asked_for)
        streams = err if next(iter(args)) == "url" else ran.out + err
        assert not [secret for secret in self._secrets if secret in streams], message
        assert not SIGNATURE.search(streams), message
        if ran.code not in (0, 129, 130, 143) and "Usage:" not in ran.err:
            assert re.search(r"^Error: .+", ran.err, re.MULTILINE), message
        return ran

    # --- the API, as somebody else uses it

    def call(self, profile: str, action: str, **parameters: Any) -> dict[str, Any]:
        """One request with OUTSCALE's own SDK."""
        os.environ["OSC_CONFIG_FILE"] = str(self.sandbox.profiles)
        try:
            client = Call(profile=profile, max_retries=0)
        finally:
            del os.environ["OSC_CONFIG_FILE"]
        try:
            return client.api(action, **parameters)
        finally:
            client.close()

    def start_export(self, image_id: str = LINUX, profile: str = "source", **export: str) -> str:
        """An export that somebody else starts; its ID."""
        asked = {"DiskImageFormat": "qcow2", "OsuBucket": EXPORT_BUCKET} | export
        answer = self.call(profile, "CreateImageExportTask", ImageId=image_id, OsuExport=asked)
        return answer["ImageExportTask"]["TaskId"]

    def exported(self, image_id: str = LINUX, **export: str) -> str:
        """An export that somebody else made and that is complete; its manifest's key."""
        task_id = self.start_export(image_id, **export)
        self.wait(lambda: self.source.tasks.get(task_id).ended is not None)
        return self.source.tasks.get(task_id).manifest_key

    # --- what there is

    @property
    def source(self) -> RegionState:
        return self.sandbox.region_state(SOURCE_REGION)

    @property
    def target(self) -> RegionState:
        return self.sandbox.region_state(TARGET_REGION)

    def tasks(self) -> list[ImageExportTask]:
        return self.source.tasks.all()

    def copies(self, profile: str = "target") -> list[Omi]:
        """The images of a target account that were not there in the beginning."""
        own = self.target.owned(self.sandbox.accounts[profile])
        return [image for image in own if not image.image_id.startswith("ami-000000")]

    def existing(self, name: str, description: str = "", **more: Any) -> Omi:
        """An image that has always been in the target account."""
        account = self.sandbox.accounts["target"]
        (resident,) = [image for image in self.target.owned(account) if image.name == "resident"]
        made = replace(resident, image_id=self.target.new_id("ami"), name=name, description=description, **more)
        self.target.images.put(made.image_id, made)
        self.target.forget_history()
        return made

    # --- what is asked of the service

    def forget(self) -> None:
        """Whatever was recorded so far does not count."""
        self.sandbox.request_log.clear()

    def count(self, action: str, **more: Any) -> int:
        return self.sandbox.request_log.count(action, **more)

    def writes(self) -> list[str]:
        """Every request of anybody but the service itself that may change something."""
        return [request.action for request in self.sandbox.request_log.requests() if request.action.startswith(WRITES)]

    def calls(self) -> list[str]:
        """Every request to the API."""
        return [request.action for request in self.sandbox.request_log.requests(service="api")]

    def await_request(self, action: str, times: int = 1) -> RecordedRequest:
        """Waits until a request has had its effect, whatever becomes of its answer."""
        self.wait(lambda: self.count(action) >= times)
        return self.sandbox.request_log.requests(action)[-1]

    def await_polls(self, action: str) -> None:
        """Waits until what is there now was seen by whoever looks again and again, and what it did about it is done:
        one look may have been under way, and the next one is over when another begins."""
        self.await_request(action, self.count(action) + 3)

    def wait(self, done: Callable[[], object]) -> None:
        wait_until(done)

    # --- what lies in the bucket

    def sign(self, key: str, seconds: int = 3600) -> str:
        """A URL of an object, made by other hands than the tool's."""
        account = self.sandbox.accounts["source"]
        url = f"{self.sandbox.oos_urls[SOURCE_REGION]}/{EXPORT_BUCKET}/{key}"
        return presign(SigningKey(account.access_key, account.secret_key, account.region), "GET", url, seconds)

    def put(self, key: str, body: bytes | Mapping[str, Any]) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._s3.put_object(Bucket=EXPORT_BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=EXPORT_BUCKET, Key=key)["Body"].read()

    def manifest(self, key: str) -> dict[str, Any]:
        return json.loads(self.get(key))

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=EXPORT_BUCKET, Key=key)

    def keys(self, end: str) -> list[str]:
        """Every key in the bucket that ends so."""
        listed = self._s3.list_objects_v2(Bucket=EXPORT_BUCKET).get("Contents", [])
        return [item["Key"] for item in listed if item["Key"].endswith(end)]

    def manifests(self) -> list[str]:
        """The keys of all manifests in the bucket."""
        return [key for key in self.keys("") if "manifest" in key.rpartition("/")[2]]

    @property
    def _s3(self) -> Any:
        account = self.sandbox.accounts["source"]
        return s3_client(self.sandbox.oos_urls[SOURCE_REGION], account.access_key, account.secret_key, account.region)


@cache
def s3_client(url: str, access_key: str, secret_key: str, region: str) -> Any:
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.Session(access_key, secret_key, region_name=region)
    return session.client("s3", endpoint_url=url, config=config)

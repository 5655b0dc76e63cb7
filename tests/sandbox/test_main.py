"""The sandbox as a whole: exit codes, reset, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import requests

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.settings import EXPORT_BUCKET as BUCKET, SandboxSettings
from tests.sandbox.s3 import Connect, allow_uploads_from, refused
from tests.support.children import PATIENCE, Child, wait_until

PROGRAM = """
import sys
from omicopy.sandbox.main import main
from omicopy.sandbox.model.settings import SandboxSettings
sys.exit(main(sys.argv[1:], SandboxSettings()))
"""


def sandbox_process(*command: str, tmp: str) -> Child:
    env = os.environ | {"TMPDIR": tmp, "OSC_ACCESS_KEY": "leaked", "AWS_PROFILE": "leaked"}
    return Child([sys.executable, "-c", PROGRAM, *command], env)


def test_the_sandbox_returns_the_command_s_exit_code(tmp_path) -> None:
    shown = "import os; print(sorted(n for n in os.environ if n[:4] in ('OSC_', 'AWS_'))); raise SystemExit(7)"
    process = sandbox_process("python", "-c", shown, tmp=str(tmp_path))
    variables = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "OSC_CONFIG_FILE"]
    out, err = process.communicate()
    assert (process.returncode, out.strip(), err) == (7, str(variables), "")
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_it_runs_until_a_signal(tmp_path) -> None:
    process = sandbox_process(tmp=str(tmp_path))
    assert "until Ctrl-C" in process.line("stderr")
    process.terminate()
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_sigterm_ends_the_command_and_the_sandbox(tmp_path) -> None:
    script = (
        "trap 'kill $!; echo told; exit 9' TERM; echo $HOME; sleep 3600 & tr -d '\\n' <$OSC_CONFIG_FILE; echo; wait"
    )
    process = sandbox_process("sh", "-c", script, tmp=str(tmp_path))
    folder = Path(process.line().strip()).parent
    assert '"target": {' in process.line()
    stores = [int(file.read_text()) for file in folder.glob("*/process")]
    assert len(stores) == 2

    process.terminate()

    assert process.wait() == 9
    assert process.line() == "told\n"
    assert not folder.exists()
    assert not any(Path(f"/proc/{store}").exists() for store in stores)


def test_a_stopped_sandbox_leaves_no_thread(running_sandbox: Sandbox) -> None:
    before = set(threading.enumerate())
    with Sandbox() as second:
        assert second.accounts["source"].access_key != running_sandbox.accounts["source"].access_key
        assert set(second.api_urls.values()).isdisjoint(running_sandbox.api_urls.values())

    def left() -> list[str]:
        return [thread.name for thread in set(threading.enumerate()) - before if "sandbox-store" not in thread.name]

    wait_until(lambda: left() == [])


def test_a_reset_forgets_everything(user) -> None:
    """Faults, requests, objects and a held clock."""
    user.put("thing", b"content")
    user.sandbox.faults.add(Fault(FaultKind.ERROR_500, times=None))
    user.sandbox.scheduler.hold()
    user.sandbox.reset(SandboxSettings(export_seconds=0.1))
    assert len(user.sandbox.request_log) == 0
    user.api("source").api("ReadAccounts")
    assert requests.get(user.sign("thing"), timeout=PATIENCE).status_code == 404
    assert user.export("ami-00000001")["State"] == "completed"


def test_a_reset_empties_buckets_and_their_rules(sandbox: Sandbox, connect: Connect) -> None:
    s3 = connect()
    for number in range(30):
        s3.put_object(Bucket=BUCKET, Key=f"folder {number}/é&<key>", Body=b"text")
    s3.create_multipart_upload(Bucket=BUCKET, Key="unfinished & <odd>")
    allow_uploads_from(s3, "*")
    sandbox.reset()
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    assert refused(s3.get_bucket_cors, Bucket=BUCKET)[1] == "NoSuchCORSConfiguration"


def test_a_reset_brings_back_a_deleted_bucket(sandbox: Sandbox, connect: Connect) -> None:
    s3 = connect()
    s3.delete_bucket(Bucket=BUCKET)
    assert refused(s3.list_objects_v2, Bucket=BUCKET)[1] == "NoSuchBucket"
    sandbox.reset()
    s3.put_object(Bucket=BUCKET, Key="key", Body=b"text")

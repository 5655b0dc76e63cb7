"""A copy whose source has two keys: an EIM user's for the API, the account's own for object storage."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from omicopy import api
from omicopy.api import RunMode, RunOptions
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.settings import EXPORT_BUCKET
from tests.support.tool import LINUX, Tool

EIM = ("--from", "source-eim")
OWN = ("--storage", "aws:source")
BUCKET = ("--bucket", EXPORT_BUCKET)
PLAN = """
version: 1
defaults: {{from: source-eim, bucket: omi-exports, storage: {storage}}}
jobs: [{{name: golden, images: [{{id: {image}}}], to: [{{profile: target}}]}}]
"""


def write_plan(tool: Tool, storage: str = "aws:source") -> str:
    file = tool.home / "plan.yaml"
    file.write_text(PLAN.format(storage=storage, image=LINUX))
    return str(file)


def test_a_copy_reads_and_signs_with_the_storage_key(tool: Tool) -> None:
    ran = tool.run("copy", LINUX, *EIM, *OWN, "--to", "target", *BUCKET, "-o", "json")
    assert ran.copy["status"] == "copied"
    assert ran.copy["source"]["profile"] == "source-eim"
    assert tool.sandbox.request_log.count(service="oos", account="source-eim") == 0
    assert tool.sandbox.request_log.count(service="api", account="source") == 0
    assert tool.count("ListObjects", account="source") > 0


def test_a_plan_names_the_storage_key(tool: Tool) -> None:
    plan = write_plan(tool)
    assert tool.run("run", plan, "-o", "json").copy["status"] == "copied"
    assert tool.run("status", plan, "-o", "json").json["copies"][0]["state"] == "available"
    tool.run("prune", plan)
    assert tool.sandbox.request_log.count(service="oos", account="source-eim") == 0
    ran = tool.run("prune", plan, *OWN, code=2)
    assert "Leave out --storage" in ran.err


def test_every_command_that_reads_a_bucket_has_storage(tool: Tool) -> None:
    env = {"OMICOPY_STORAGE": "aws:source", "OMICOPY_FROM": "source-eim"}
    location = tool.run("export", LINUX, *BUCKET, **env).out.strip()
    for words in (
        ("url", location),
        ("resign", location),
        ("inspect", location),
        ("status", LINUX),
        ("cors", f"s3://{EXPORT_BUCKET}"),
        ("doctor", *BUCKET),
        ("manifest", "build", location.rpartition("/")[0], "--name", "golden", "--dry-run"),
    ):
        ran = tool.run(*words, code=None, **env)
        assert "InvalidAccessKeyId" not in ran.err + ran.out, words
    assert tool.sandbox.request_log.count(service="oos", account="source-eim") == 0


def test_a_url_is_signed_offline_with_the_storage_key(tool: Tool) -> None:
    location = f"s3://{EXPORT_BUCKET}/some/manifest"
    url = tool.run("url", location, *EIM, *OWN, "--no-check").out
    assert tool.sandbox.accounts["source"].access_key in url
    assert list(tool.sandbox.request_log) == []


def test_an_invalid_key_ends_the_command_before_any_request(tool: Tool) -> None:
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(tool.home / "credentials")}
    Path(files["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
        "[source]\naws_access_key_id = A\naws_secret_access_key = B\naws_session_token = C\n"
    )
    words = ("copy", LINUX, *EIM, "--to", "target", *BUCKET)
    assert "has a session token" in tool.run(*words, *OWN, code=2, **files).err
    assert "There is no AWS profile 'nobody'" in tool.run(*words, "--storage", "aws:nobody", code=2).err
    assert "belongs to us-east-2" in tool.run(*words, "--storage", "target", code=2).err
    assert list(tool.sandbox.request_log) == []


def test_a_key_of_another_account_is_named(tool: Tool) -> None:
    key, other = tool.exported(), ("--storage", "aws:source-other")
    ran = tool.run("copy", LINUX, *EIM, *other, "--to", "target", *BUCKET, code=12)
    assert "with the key of aws:source-other" in ran.err
    ran = tool.run("url", f"s3://{EXPORT_BUCKET}/{key}", *EIM, *other, code=12)
    assert "signed with the profile 'aws:source-other'" in ran.err
    assert tool.copies() == []


def wrong_secrets(tool: Tool) -> dict[str, str]:
    return tool.profiles(source={"secret_key": "W" * 40}, target={"secret_key": "V" * 40})


@pytest.mark.parametrize(
    "words",
    [
        ("copy", LINUX, "--from", "source", "--to", "target", *BUCKET),
        ("doctor", LINUX, "--from", "source", "--to", "target", *BUCKET),
        ("status", LINUX, "--from", "source", "--to", "target"),
        ("run", "PLAN"),
    ],
    ids=lambda words: words[0],
)
def test_a_wrong_secret_is_tried_once_per_key(tool: Tool, words: tuple[str, ...]) -> None:
    plan = tool.home / "plan.yaml"
    jobs = [{"name": name, "images": [{"id": LINUX}], "to": [{"profile": "target"}]} for name in ("one", "two")]
    defaults = {"from": "source", "bucket": EXPORT_BUCKET}
    plan.write_text(json.dumps({"version": "1", "defaults": defaults, "jobs": jobs}))
    tool.run(*[str(plan) if word == "PLAN" else word for word in words], code=12, **wrong_secrets(tool))
    asked = Counter(request.account for request in tool.sandbox.request_log.requests())
    assert max(asked.values()) == 1, asked


def test_doctor_skips_a_bucket_without_a_working_key(tool: Tool) -> None:
    words = ("doctor", "--from", "source", *BUCKET, "-o", "json")
    ran = tool.run(*words, code=12, **wrong_secrets(tool))
    (bucket,) = [check for check in ran.json["findings"] if check["subject"].startswith("s3://")]
    assert (bucket["status"], bucket["message"]) == ("warn", "not checked: the keys of 'source' have to work first")


def test_a_wrong_secret_for_object_storage_is_tried_once(tool: Tool) -> None:
    tool.exported()
    tool.forget()
    env = {"OWN_ACCESS_KEY": tool.sandbox.accounts["source"].access_key, "OWN_SECRET_KEY": "W" * 40}
    words = ("copy", LINUX, *EIM, "--storage", "env:OWN", "--to", "target", *BUCKET)
    assert "SignatureDoesNotMatch" in tool.run(*words, code=12, **env).err
    assert tool.sandbox.request_log.count(service="oos") == 1


def refuse(tool: Tool, *actions: str) -> None:
    for action in actions:
        tool.sandbox.faults.add(Fault(FaultKind.DENIED, action, times=None, account="source-eim"))


def test_without_read_accounts_the_quotas_give_the_account(tool: Tool) -> None:
    refuse(tool, "ReadAccounts")
    ran = tool.run("copy", LINUX, *EIM, *OWN, "--to", "target", *BUCKET, "-o", "json")
    assert ran.copy["source"]["account_id"] == tool.sandbox.accounts["source"].account_id


def test_without_either_both_rights_are_named(tool: Tool) -> None:
    refuse(tool, "ReadAccounts", "ReadQuotas")
    ran = tool.run("export", LINUX, *EIM, *OWN, *BUCKET, code=12)
    assert "the permission for ReadAccounts or ReadQuotas" in ran.err


def findings(tool: Tool, *words: str) -> dict[str, dict[str, Any]]:
    ran = tool.run("doctor", *EIM, *BUCKET, *words, "-o", "json", code=None)
    return {check["subject"]: check for check in ran.json["findings"]}


def test_doctor_reports_an_eim_users_key_with_a_hint(tool: Tool) -> None:
    key = findings(tool)[f"s3://{EXPORT_BUCKET}: key"]
    assert (key["status"], "an EIM user's" in key["message"]) == ("warn", True)
    assert "--storage PROFILE" in key["hint"]
    assert tool.sandbox.request_log.count(service="oos", account="source-eim") == 1


def test_doctor_tries_the_storage_key(tool: Tool) -> None:
    found = findings(tool, *OWN)
    assert found[f"s3://{EXPORT_BUCKET}: write"]["status"] == "ok"
    assert "does not show that key to 'source-eim'" in found["aws:source: access key's end"]["message"]
    assert "no access key" in findings(tool, "--storage", "none")[f"s3://{EXPORT_BUCKET}: key"]["message"]


def test_the_library_accepts_a_storage_key(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    location = f"s3://{EXPORT_BUCKET}/{tool.exported()}"
    for name in ("OSC_CONFIG_FILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, tool.env[name])
    assert api.presign(location, profile="source-eim", storage="aws:source").manifest is not None
    assert str(api.inspect(location, profile="source-eim", storage="aws:source").location) == location
    (result,) = api.copy(
        [LINUX],
        source="source-eim",
        storage="source",
        targets=["target"],
        bucket=EXPORT_BUCKET,
        options=RunOptions(mode=RunMode(dry_run=True)),
    )
    assert result.status is api.Status.PLANNED

"""The API app: unknown calls, dry runs, and mistakes of the sandbox itself."""

from __future__ import annotations

import pytest
import requests

from omicopy.sandbox.api.actions import ACTIONS
from omicopy.sandbox.main import Sandbox
from tests.sandbox.user import NO_MANIFEST
from tests.support.children import PATIENCE


def test_an_unknown_call_is_refused(user) -> None:
    with user.refused() as refused:
        user.api("source").api("MakeCoffee")
    assert refused.status == 404


def test_a_call_the_sandbox_lacks_is_refused(user) -> None:
    with user.refused() as refused:
        user.api("source").api("ReadVms")
    assert (refused.status, refused.code) == (403, "4")


def test_only_post_is_accepted(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", timeout=PATIENCE).status_code == 405


def test_a_body_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", "{", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["Errors"][0]["Type"]) == (400, "InvalidParameterValue")


def test_a_wrong_answer_is_a_mistake(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setitem(ACTIONS, "ReadRegions", lambda _call, _request: {"Regions": [{"RegionName": 1}]})
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE)
    assert answer.status_code == 500
    assert "ReadRegions 200" in sandbox.mistakes.pop()
    for region in ("eu-west-2", "us-east-2"):
        sandbox._regions[region].api.mistakes.clear()


def test_an_exception_of_an_action_is_a_mistake(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setitem(ACTIONS, "ReadRegions", lambda _call, _request: {}["missing"])
    answer = requests.post(f"{sandbox.api_urls['us-east-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE)
    assert answer.status_code == 500
    assert "KeyError" in sandbox.mistakes[-1]
    sandbox._regions["us-east-2"].api.mistakes.clear()


@pytest.mark.parametrize(
    ("profile", "action", "asked"),
    [
        (
            "source",
            "CreateImageExportTask",
            {"ImageId": "ami-00000001", "OsuExport": {"DiskImageFormat": "qcow2", "OsuBucket": "omi-exports"}},
        ),
        ("target", "CreateImage", {"ImageName": "new", "FileLocation": NO_MANIFEST}),
        ("source", "UpdateImage", {"ImageId": "ami-00000001", "Description": "changed"}),
        ("source", "DeleteImage", {"ImageId": "ami-00000001"}),
        ("source", "DeleteSnapshot", {"SnapshotId": "snap-00000010"}),
        ("source", "DeleteExportTask", {"ExportTaskId": "image-export-12345678"}),
        ("source", "CreateTags", {"ResourceIds": ["ami-00000001"], "Tags": [{"Key": "a", "Value": "b"}]}),
        ("source", "DeleteTags", {"ResourceIds": ["ami-00000001"], "Tags": [{"Key": "env", "Value": "prod"}]}),
    ],
)
def test_a_dry_run_changes_nothing(user, profile, action, asked) -> None:
    region = user.sandbox.accounts[profile].region
    state = user.sandbox.region_state(region)
    before = (state.images.all(), state.snapshots.all(), state.tasks.all())
    assert set(user.api(profile).api(action, DryRun=True, **asked)) == {"ResponseContext"}
    assert (state.images.all(), state.snapshots.all(), state.tasks.all()) == before
    assert user.sandbox.request_log.count(action, dry_run=True, account=profile) == 1


def test_a_dry_run_still_needs_a_valid_request(user) -> None:
    with user.refused():
        user.api("source").api("DeleteImage", DryRun=True)

"""The official OpenAPI file judges requests and the sandbox's own answers."""

from __future__ import annotations

import re
from pathlib import Path

import osc_sdk_python
import pytest
import requests
from ruamel.yaml import YAML

from omicopy.sandbox.api.actions import ACTIONS
from omicopy.sandbox.api.errors import ApiErrorKind
from omicopy.sandbox.api.openapi import official_openapi
from omicopy.sandbox.main import Sandbox
from tests.support.children import PATIENCE

NAMES = {"NO_BUCKET": "bucket-not-found", "BAD_FILTER": "invalid-filter", "BAD_IMAGE_NAME": "invalid-image-name"}
NAMES |= {
    "NO_MANIFEST": "invalid-manifest",
    "BAD_MANIFEST": "invalid-manifest-format",
    "NO_SUCH_IMAGE": "no-such-image",
}
NAMES |= {"OSU_UNREACHABLE": "osu-connection-error", "UNKNOWN_VERSION": "unknown-export-version"}
NAMES |= {"NO_SUCH_TASK": "no-such-task", "IMAGE_STATE": "invalid-image-state", "NAME_TAKEN": "duplicate-name"}
NAMES |= {"EXPORTS_IN_FLIGHT": "too-many-concurrent-snapshots", "WRONG_TYPE": "invalid-parameter-type"}


@pytest.mark.parametrize(
    ("action", "asked", "code"),
    [
        ("ReadImages", {"Filter": {}}, "4045"),
        ("ReadImages", {"Filters": {"ImageIds": "ami-00000001"}}, "4108"),
        ("ReadImageExportTasks", {"Filters": {"States": ["completed"]}}, "4045"),
        ("CreateImageExportTask", {"ImageId": "ami-00000001"}, "4046"),
        ("CreateImageExportTask", {"ImageId": "ami-00000001", "OsuExport": {"OsuBucket": "b"}}, "4046"),
        ("CreateTags", {"ResourceIds": ["ami-00000001"], "Tags": [{"Key": "a", "Value": 1}]}, "4108"),
    ],
)
def test_a_request_that_the_official_file_forbids_is_refused(user, action, asked, code) -> None:
    with user.refused() as refused:
        user.api("source").api(action, **asked)
    assert (refused.status, refused.code) == (400, code)


def test_a_call_that_nobody_knows_is_refused(user) -> None:
    with user.refused() as refused:
        user.api("source").api("MakeCoffee")
    assert refused.status == 404


def test_a_call_that_the_sandbox_lacks_is_refused_as_one_without_the_right(user) -> None:
    with user.refused() as refused:
        user.api("source").api("ReadVms")
    assert (refused.status, refused.code) == (403, "4")


def test_only_post_is_served(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", timeout=PATIENCE).status_code == 405


def test_a_body_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", "{", timeout=PATIENCE)
    assert (answer.status_code, answer.json()["Errors"][0]["Type"]) == (400, "InvalidParameterValue")


def test_an_answer_of_our_own_that_the_file_forbids_is_an_error_and_remembered(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setitem(ACTIONS, "ReadRegions", lambda _call, _request: {"Regions": [{"RegionName": 1}]})
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE)
    assert answer.status_code == 500
    assert "ReadRegions 200" in sandbox.mistakes.pop()
    for region in ("eu-west-2", "us-east-2"):
        sandbox._regions[region].api.mistakes.clear()


def test_the_examples_in_the_official_file_pass_as_answers() -> None:
    schema = official_openapi()
    for action in ACTIONS:
        answer = schema.document["paths"][f"/{action}"]["post"]["responses"]["200"]
        for example in answer["content"]["application/json"]["examples"].values():
            assert schema.answer_error(action, 200, example["value"]) is None


def test_the_examples_in_the_official_file_pass_as_requests() -> None:
    schema = official_openapi()
    for action in ACTIONS:
        request = schema.document["paths"][f"/{action}"]["post"]["requestBody"]
        for example in request["content"]["application/json"]["examples"].values():
            schema.check_request(action, example["value"])


def test_an_action_that_crashes_is_an_error_and_remembered(sandbox: Sandbox, monkeypatch) -> None:
    monkeypatch.setitem(ACTIONS, "ReadRegions", lambda _call, _request: {}["missing"])
    answer = requests.post(f"{sandbox.api_urls['us-east-2']}/api/v1/ReadRegions", "{}", timeout=PATIENCE)
    assert answer.status_code == 500
    assert "KeyError" in sandbox.mistakes[-1]
    sandbox._regions["us-east-2"].api.mistakes.clear()


def test_codes_and_types_are_those_of_the_sdk_s_list() -> None:
    file = Path(osc_sdk_python.__file__).parent / "resources" / "gateway_errors.yaml"
    official = YAML(typ="safe").load(file.read_text())
    listed = [no for no in ApiErrorKind if no.value.code.isdigit() and int(no.value.code) in official]
    assert len(listed) > 20
    for no in listed:
        assert no.value.type == official[int(no.value.code)]["Type"]
    for name, word in NAMES.items():
        assert official[int(ApiErrorKind[name].value.code)]["Name"].strip() == word


def test_an_error_has_the_service_s_shape(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadImages", "{}", timeout=PATIENCE)
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.json()["ResponseContext"]["RequestId"])
    assert set(answer.json()["Errors"][0]) == {"Code", "Type", "Details"}

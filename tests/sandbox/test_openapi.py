"""Requests and answers are checked against the official OpenAPI file."""

from __future__ import annotations

import pytest

from omicopy.sandbox.api.actions import ACTIONS
from omicopy.sandbox.api.openapi import official_openapi


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
def test_a_request_the_official_file_forbids_is_refused(user, action, asked, code) -> None:
    with user.refused() as refused:
        user.api("source").api(action, **asked)
    assert (refused.status, refused.code) == (400, code)


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

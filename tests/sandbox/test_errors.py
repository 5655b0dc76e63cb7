"""The errors of the API have the codes, types and form of the service."""

from __future__ import annotations

import re
from pathlib import Path

import osc_sdk_python
import requests
from ruamel.yaml import YAML

from omicopy.sandbox.api.errors import ApiErrorKind
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


def test_codes_and_types_are_in_the_sdk_s_list() -> None:
    file = Path(osc_sdk_python.__file__).parent / "resources" / "gateway_errors.yaml"
    official = YAML(typ="safe").load(file.read_text())
    listed = [no for no in ApiErrorKind if no.value.code.isdigit() and int(no.value.code) in official]
    assert len(listed) > 20
    for no in listed:
        assert no.value.type == official[int(no.value.code)]["Type"]
    for name, word in NAMES.items():
        assert official[int(ApiErrorKind[name].value.code)]["Name"].strip() == word


def test_an_error_has_the_service_s_form(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.api_urls['eu-west-2']}/api/v1/ReadImages", "{}", timeout=PATIENCE)
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.json()["ResponseContext"]["RequestId"])
    assert set(answer.json()["Errors"][0]) == {"Code", "Type", "Details"}

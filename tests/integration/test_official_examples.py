"""What the official OpenAPI file gives as examples of answers, and its list of error codes, read by our own code."""

from __future__ import annotations

import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import omicopy
from omicopy.cloud.api import Api
from omicopy.cloud.clients import Clients
from omicopy.cloud.errors import Answer, refused
from omicopy.cloud.queries import identify
from omicopy.errors import ErrorCode
from omicopy.model.export import Phase, export_key, parse_task
from omicopy.model.image import parse_image
from omicopy.model.request import AccountRef
from omicopy.sandbox.api.openapi import official_openapi
from tests.support.hostile import NoPause, Reply, hostile, transport

PACKAGE = Path(omicopy.__file__).parent
OURS = [path for path in sorted(PACKAGE.rglob("*.py")) if PACKAGE / "sandbox" not in path.parents]
ACTION = re.compile(r'"((?:Create|Read|Update|Delete(?!Object|On))[A-Z][A-Za-z]+)"')  # neither S3's nor a field
LISTS = {"ReadImages": "Images", "ReadImageExportTasks": "ImageExportTasks", "ReadAccounts": "Accounts"}


def used_actions() -> set[str]:
    """The API's actions that the tool's own code names."""
    return {action for path in OURS for action in ACTION.findall(path.read_text())}


def examples(action: str) -> list[dict[str, Any]]:
    """Of successful answers."""
    answer = official_openapi().document["paths"][f"/{action}"]["post"]["responses"]["200"]
    return [example["value"] for example in answer["content"]["application/json"]["examples"].values()]


def request_examples(action: str) -> list[dict[str, Any]]:
    body = official_openapi().document["paths"][f"/{action}"]["post"]["requestBody"]
    return [example["value"] for example in body["content"]["application/json"]["examples"].values()]


def images() -> list[dict[str, Any]]:
    single = [answer["Image"] for action in ("CreateImage", "UpdateImage") for answer in examples(action)]
    return single + [image for answer in examples("ReadImages") for image in answer["Images"]]


def tasks() -> list[dict[str, Any]]:
    single = [answer["ImageExportTask"] for answer in examples("CreateImageExportTask")]
    return single + [task for answer in examples("ReadImageExportTasks") for task in answer["ImageExportTasks"]]


def test_every_action_that_we_use_exists() -> None:
    used = used_actions()
    assert {"CreateImageExportTask", "ReadImageExportTasks", "CreateImage", "ReadImages", "ReadAccounts"} <= used
    assert [action for action in sorted(used) if not official_openapi().knows(action)] == []


def test_every_example_of_an_answer_is_read_over_http() -> None:
    for action in sorted(used_actions()):
        for example in examples(action):
            with hostile(Reply(body=json.dumps(example).encode())) as server:
                api = Api(server.account, transport(), NoPause())
                assert api.read(action, 0.0, {}) == example
                if action in LISTS:
                    assert api.read_all(action, LISTS[action], 0.0, {}, dict) == example[LISTS[action]]


def test_every_example_image_is_read() -> None:
    assert len(images()) >= 8
    for raw in images():
        image = parse_image(raw)
        assert image is not None
        assert (image.image_id, image.name, image.state) == (raw["ImageId"], raw["ImageName"], raw["State"])
        assert (image.account_id, image.architecture) == (raw["AccountId"], raw["Architecture"])
        assert image.created_at == datetime(2010, 10, 1, 12, 34, 56, 789_000, UTC)
        assert image.product_codes == tuple(raw["ProductCodes"])
        assert image.state_reason == ""
        mapped = [(raw_volume["DeviceName"], raw_volume["Bsu"]) for raw_volume in raw["BlockDeviceMappings"]]
        assert [(volume.device, volume.snapshot_id, volume.size_gib) for volume in image.volumes] == [
            (device, bsu["SnapshotId"], bsu["VolumeSize"]) for device, bsu in mapped
        ]


def test_r8_the_signed_url_that_an_image_echoes_is_not_kept() -> None:
    echoing = [raw for raw in images() if "://" in raw["FileLocation"]]
    assert echoing
    for raw in echoing:
        assert "://" not in repr(parse_image(raw))


def test_every_example_task_is_the_requested_export() -> None:
    [asked] = request_examples("CreateImageExportTask")
    osu = asked["OsuExport"]
    key = export_key(asked["ImageId"], osu["OsuBucket"], osu["OsuPrefix"])
    assert len(tasks()) >= 2
    for raw in tasks():
        task = parse_task(raw)
        assert task is not None
        assert task.key == key
        assert (task.task_id, task.state, task.progress) == (raw["TaskId"], raw["State"], raw["Progress"])
        assert (task.phase, task.comment) == (Phase.RUNNING, raw["Comment"])
        assert task.raw_prefix == key.folder.path


def test_the_account_is_read() -> None:
    for example in examples("ReadAccounts"):
        with hostile(Reply(body=json.dumps(example).encode())) as server:
            account = identify(Clients({"source": server.account}).session("source"))
        assert account == AccountRef("source", example["Accounts"][0]["AccountId"], "eu-west-2")


def error_codes() -> list[tuple[str, str]]:
    """Every code of the official list with its type. The file is read as text: two levels, one value a line."""
    spec = importlib.util.find_spec("osc_sdk_python")
    assert spec is not None
    assert spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / "resources" / "gateway_errors.yaml"
    found = re.findall(r"^(\d+):\n(?:  .*\n)*?  Type: (.+)$", file.read_text(), re.MULTILINE)
    assert len(found) > 300
    return found


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("InvalidParameterValue", ErrorCode.FAILED),
        ("InvalidState", ErrorCode.FAILED),
        ("InvalidResource", ErrorCode.NOT_FOUND),
        ("ResourceConflict", ErrorCode.NAME_CONFLICT),
        ("TooManyResources", ErrorCode.QUOTA),
    ],
)
def test_every_official_error_code_is_classified_by_its_type(kind: str, code: ErrorCode) -> None:
    # An unknown access key comes as 4120 InvalidParameterValue, which is a matter of authentication.
    numbers = [number for number, its_kind in error_codes() if its_kind.startswith(kind) and number != "4120"]
    assert numbers
    for number in numbers:
        status = 409 if kind == "ResourceConflict" else 400
        with_type = refused("CreateImage", "target", Answer(status, number, kind))
        assert with_type.code is code
        assert with_type.is_name_conflict is (kind == "ResourceConflict")
        if kind != "ResourceConflict":
            assert refused("CreateImage", "target", Answer(status, number)).code is code

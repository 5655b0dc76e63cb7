"""From what was typed to requests: which image is meant, what its copies are called, and what is refused at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omicopy.api.copies import copy, copy_requests, export_requests
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import DiskFormat
from omicopy.model.request import Budgets, CopyRequest, Source
from omicopy.model.s3_location import check_bucket
from omicopy.plans.build_request import CopyOptions, ExportOptions, TargetOptions
from tests.support.builders import KEY, NAME, SOURCE, SOURCE_ID, TARGET, a_target, import_request
from tests.support.virtual_cloud import Cloud, FakeClients

EXPORT = ExportOptions("omi-exports")


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="as it was")
    cloud.add_image("source", "ami-0000000b", AccountId=SOURCE.account_id, ImageName="silver")
    cloud.add_image("source", "ami-0000000c", AccountId="333333333333", ImageName="shared")
    return cloud


def requests(
    cloud: Cloud, images: Sequence[str] = (NAME,), targets: Sequence[str] = ("target",), **asked: Any
) -> list[CopyRequest]:
    clients: Any = FakeClients(cloud)
    return copy_requests(clients, images, "source", targets, CopyOptions(EXPORT, TargetOptions(**asked)))


def refusal(cloud: Cloud, *images_and_targets: Sequence[str], **asked: Any) -> OmicopyError:
    with pytest.raises(OmicopyError) as caught:
        requests(cloud, *images_and_targets, **asked)
    assert not cloud.writes
    return caught.value


def origins(found: list[CopyRequest]) -> list[Source]:
    assert all(isinstance(request.source, Source) for request in found)
    return [request.source for request in found if isinstance(request.source, Source)]


def test_a_copy_is_complete_before_the_loop_sees_it(cloud: Cloud) -> None:
    [request] = requests(cloud)
    [origin] = origins([request])
    assert (origin.account, origin.image.image_id, origin.export) == (SOURCE, SOURCE_ID, KEY)
    assert request.target is not None
    assert (request.target.account, request.target.name) == (TARGET, NAME)
    assert request.target.description == "as it was"


@pytest.mark.parametrize("wanted", [[SOURCE_ID], [NAME], [NAME, SOURCE_ID], [SOURCE_ID, NAME, NAME]])
def test_an_image_named_in_several_ways_is_one(cloud: Cloud, wanted: list[str]) -> None:
    assert [origin.image.image_id for origin in origins(requests(cloud, wanted))] == [SOURCE_ID]


def test_an_own_image_is_preferred_to_a_shared_one(cloud: Cloud) -> None:
    cloud.add_image("source", "ami-00000001", AccountId="333333333333", ImageName=NAME)
    assert [origin.image.image_id for origin in origins(requests(cloud))] == [SOURCE_ID]


def test_a_name_of_two_own_images_is_ambiguous(cloud: Cloud) -> None:
    cloud.add_image("source", "ami-00000001", AccountId=SOURCE.account_id)
    error = refusal(cloud)
    assert error.exit_code == 4
    assert SOURCE_ID in error.message
    assert "ami-00000001" in error.message


@pytest.mark.parametrize("wanted", ["ami-99999999", "golde", "GOLDEN", "gold*", ""])
def test_a_missing_image_is_named(cloud: Cloud, wanted: str) -> None:
    error = refusal(cloud, [NAME, wanted])
    assert (error.code, repr(wanted) in error.message) == (ErrorCode.NOT_FOUND, True)


@pytest.mark.parametrize(
    ("images", "targets", "name"),
    [
        pytest.param([NAME], ["source-alias"], "{name}", id="the source under another name"),
        pytest.param([NAME], ["target", "target-alias"], "{name}", id="one target under two names"),
        pytest.param([NAME, "silver"], ["target"], "same", id="two images, one name"),
        pytest.param([NAME], ["target"], "{date", id="a bad template"),
        pytest.param([NAME], ["target"], "a:b", id="a bad name"),
    ],
)
def test_r2_an_impossible_request_is_refused_before_any_write(
    cloud: Cloud, images: list[str], targets: list[str], name: str
) -> None:
    assert refusal(cloud, images, targets, name=name).code is ErrorCode.USAGE


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"bucket": "s3://omi-exports"}, id="a bad bucket"),
        pytest.param({"prefix": "../x"}, id="a bad prefix"),
        pytest.param({"min_validity": timedelta(days=8)}, id="a validity that no URL can have"),
        pytest.param({"images": NAME}, id="a text in the place of a list"),
        pytest.param({"targets": []}, id="no target"),
    ],
)
def test_a_wrong_argument_of_copy_is_refused_and_named(wrong: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"images": [NAME], "source": "none", "targets": ["none"], "bucket": "omi-exports"}
    with pytest.raises(OmicopyError, match=next(iter(wrong))) as caught:
        copy(**arguments | wrong)
    assert caught.value.code is ErrorCode.USAGE


def test_a_template_gives_two_images_two_names_in_every_target(cloud: Cloud) -> None:
    found = requests(cloud, [NAME, "silver"], name="{name}-{image_id}", description="")
    names = [request.target.name for request in found if request.target]
    assert names == [f"{NAME}-{SOURCE_ID}", "silver-ami-0000000b"]
    assert [request.target.description for request in found if request.target] == ["", ""]


def test_an_export_needs_no_target(cloud: Cloud) -> None:
    """It is in the format that was asked for."""
    clients: Any = FakeClients(cloud)
    options = replace(EXPORT, prefix="/a/", disk_format=DiskFormat.RAW)
    [request] = export_requests(clients, [NAME], "source", options)
    assert request.target is None
    assert origins([request])[0].export == replace(KEY, prefix="a")
    assert origins([request])[0].format is DiskFormat.RAW


@pytest.mark.parametrize(("shortest", "longest"), [(0, 60), (-1, 60), (61, 60)])
def test_a_poll_interval_of_zero_or_above_the_maximum_is_refused(shortest: int, longest: int) -> None:
    with pytest.raises(OmicopyError) as caught:
        Budgets(poll_min=timedelta(seconds=shortest), poll_max=timedelta(seconds=longest))
    assert caught.value.code is ErrorCode.USAGE


def test_messages_name_a_copys_image_and_an_imports_name(cloud: Cloud) -> None:
    [request] = requests(cloud, name="another")
    assert request.label == NAME
    assert replace(import_request(), target=a_target(name="another")).label == "another"


@pytest.mark.parametrize("bucket", ["abc", "a-b", "0" * 63, "a--b"])
def test_bucket_names_that_the_store_accepts(bucket: str) -> None:
    assert check_bucket(bucket) == bucket


@pytest.mark.parametrize("bucket", ["", "ab", "a" * 64, "A-b", "a_b", "a.b", "-ab", "ab-", "a/b", "abc\n", "äbc"])
def test_bucket_names_that_the_store_refuses(bucket: str) -> None:
    with pytest.raises(OmicopyError) as caught:
        check_bucket(bucket)
    assert caught.value.code is ErrorCode.USAGE

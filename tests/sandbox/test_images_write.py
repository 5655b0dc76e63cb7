"""CreateImage, UpdateImage, DeleteImage: what they change and what they refuse."""

from __future__ import annotations

import json

import pytest
import requests

from omicopy.sandbox.model.behaviours import Behaviour, BootParameters, DescriptionLimit, NameRule
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.task_behaviours import CopyLimit
from tests.sandbox.user import NO_MANIFEST
from tests.support.children import PATIENCE


def test_update_image_changes_description_and_permissions(user) -> None:
    api, other = user.api("source"), user.sandbox.accounts["source-other"].account_id
    api.api(
        "UpdateImage",
        ImageId="ami-00000002",
        Description="new",
        PermissionsToLaunch={"Additions": {"AccountIds": [other]}},
    )
    assert "golden-three" in user.image_names("source-other")
    image = user.image("ami-00000002", "source")
    assert (image["Description"], image["PermissionsToLaunch"]["AccountIds"]) == ("new", [other])
    api.api("UpdateImage", ImageId="ami-00000002", PermissionsToLaunch={"Removals": {"AccountIds": [other]}})
    assert "golden-three" not in user.image_names("source-other")
    api.api("UpdateImage", ImageId="ami-00000002", PermissionsToLaunch={"Additions": {"GlobalPermission": True}})
    assert "golden-three" in user.image_names("source-other")


def test_an_image_of_another_account_cannot_be_deleted(user) -> None:
    with user.refused() as refused:
        user.api("source").api("DeleteImage", ImageId="ami-00000012")
    assert (refused.status, refused.code) == (401, "5")


@pytest.mark.parametrize("name", ["ab", "x" * 129, "white\tspace", "ümlaut", "semi;colon"])
def test_a_name_with_wrong_characters_or_length_is_refused(user, name) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName=name, FileLocation=NO_MANIFEST)
    assert refused.code == "4026"


def test_a_name_of_another_image_is_refused(user) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="resident", FileLocation=NO_MANIFEST)
    assert (refused.status, refused.code, refused.type) == (409, "9015", "ResourceConflict")


def test_another_account_may_have_the_same_name(user) -> None:
    user.api("target").api("CreateImage", ImageName="public-linux", FileLocation=NO_MANIFEST)


@pytest.mark.parametrize("image_id", ["ami-00000001", "ami-00000011", "ami-00000012"])
def test_an_image_of_the_region_can_be_copied(user, image_id) -> None:
    asked = {"ImageName": "local copy", "SourceImageId": image_id, "SourceRegionName": "eu-west-2"}
    made = user.api("source").api("CreateImage", **asked)["Image"]
    user.wait(lambda: user.image(made["ImageId"], "source")["State"] == "available")
    copy, source = user.image(made["ImageId"], "source"), user.image(image_id, "source")
    assert copy["AccountId"] == user.sandbox.accounts["source"].account_id
    [ours], [theirs] = copy["BlockDeviceMappings"], source["BlockDeviceMappings"]
    assert ours["Bsu"]["SnapshotId"] != theirs["Bsu"]["SnapshotId"]


def test_an_image_of_another_region_cannot_be_copied(user) -> None:
    asked = {"ImageName": "far copy", "SourceImageId": "ami-00000001", "SourceRegionName": "eu-west-2"}
    with user.refused() as refused:
        user.api("target").api("CreateImage", **asked)
    assert (refused.status, refused.code) == (400, "8019")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("bucket/key", "4075"),
        ("file:///etc/hostname", "4074"),
        ("https:bucket", "4075"),
        ("https:///key", "4074"),
        ("https://no host/key", "4074"),
        ("https://[::1/key", "4074"),
    ],
)
def test_text_that_is_no_url_is_refused(user, url, code) -> None:
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="copy", FileLocation=url)
    assert (refused.status, refused.code) == (400, code)


def test_parameters_excluded_by_file_location_are_refused(user) -> None:
    more = {"Architecture": "x86_64", "NoReboot": True, "RootDeviceName": "/dev/sda1", "VmId": "i-12345678"}
    for name, value in {**more, "SourceImageId": "ami-00000021"}.items():
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="copy", FileLocation=NO_MANIFEST, **{name: value})
        assert (refused.status, refused.code) == (400, "3002")


def test_an_import_beyond_a_quota_is_refused(user) -> None:
    user.sandbox.reset(SandboxSettings(snapshots=1))
    with user.refused() as refused:
        user.api("target").api("CreateImage", ImageName="one more", FileLocation=NO_MANIFEST)
    assert (refused.code, refused.type) == ("10026", "TooManyResources (QuotaExceded)")
    for copy_limit, code in ((CopyLimit.COPIES, None), (CopyLimit.IMPORTS_TOO, "10008")):
        user.sandbox.reset(SandboxSettings(copies_in_flight=1, behaviour=Behaviour(copy_limit=copy_limit)))
        user.sandbox.scheduler.hold()
        user.api("target").api("CreateImage", ImageName="one", FileLocation=NO_MANIFEST)
        if code is None:
            user.api("target").api("CreateImage", ImageName="two", FileLocation=NO_MANIFEST)
            continue
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="two", FileLocation=NO_MANIFEST)
        assert refused.code == code


def test_a_used_name_may_be_accepted_or_fail_later(user) -> None:
    user.set_behaviour(names=NameRule.FREE)
    assert user.import_(user.manifest_url(), "resident")["State"] == "available"
    user.set_behaviour(names=NameRule.LATE)
    assert user.import_(user.manifest_url(), "resident")["State"] == "failed"


def test_a_description_beyond_the_limit_is_refused(user) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(description=DescriptionLimit.LIMITED)))
    asked = {"ImageName": "copy", "FileLocation": "http://127.0.0.1:1/b/k"}
    user.api("target").api("CreateImage", **asked, Description="x" * 255)
    with user.refused() as refused:
        user.api("target").api("CreateImage", **(asked | {"ImageName": "copy 2"}), Description="x" * 256)
    assert refused.code == "4106"


@pytest.mark.parametrize(
    ("boot", "modes", "tpm"), [(BootParameters.ACCEPTED, ["uefi"], True), (BootParameters.IGNORED, ["legacy"], False)]
)
def test_boot_modes_of_an_import_apply_or_are_ignored(user, boot, modes, tpm) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, import_seconds=0.1, behaviour=Behaviour(boot=boot)))
    url = user.manifest_url("ami-00000008")
    assert "Boot" not in json.dumps(requests.get(url, timeout=PATIENCE).json())
    made = user.import_(url, BootModes=["uefi"], TpmMandatory=True)
    assert (made["BootModes"], made["TpmMandatory"]) == (modes, tpm)
    plain = user.import_(url, "plain")
    assert (plain["BootModes"], plain["TpmMandatory"]) == (["legacy"], False)


@pytest.mark.parametrize(
    ("boot", "code", "named"),
    [(BootParameters.REFUSED, "3002", ["BootModes", "TpmMandatory"]), (BootParameters.UNKNOWN, "3001", ["BootModes"])],
)
def test_boot_modes_of_an_import_may_be_refused(user, boot, code, named) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(boot=boot)))
    asked = {"ImageName": "copy", "FileLocation": "http://127.0.0.1:1/b/k"}
    with user.refused() as refused:
        user.api("target").api("CreateImage", **asked, BootModes=["uefi"], TpmMandatory=True)
    assert refused.code == code
    assert [name for name in ("BootModes", "TpmMandatory") if name in refused.details] == named
    assert user.api("target").api("CreateImage", **asked)["Image"]["State"] == "pending"


def test_a_copy_in_the_region_can_get_other_boot_modes(user) -> None:
    asked = {"SourceImageId": "ami-00000008", "SourceRegionName": "eu-west-2"}
    same = user.api("source").api("CreateImage", ImageName="same", **asked)["Image"]
    other = user.api("source").api("CreateImage", ImageName="other", BootModes=["legacy"], TpmMandatory=False, **asked)
    assert (same["BootModes"], same["TpmMandatory"]) == (["uefi"], True)
    assert (other["Image"]["BootModes"], other["Image"]["TpmMandatory"]) == (["legacy"], False)

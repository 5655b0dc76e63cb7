"""Imports: what becomes an image of its own, and what is refused or fails."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import requests

from omicopy.sandbox.model.behaviours import BadManifest, Behaviour, BootParameters, DescriptionLimit
from omicopy.sandbox.model.settings import SandboxSettings
from tests.support.children import PATIENCE


def read(url: str) -> dict[str, Any]:
    return requests.get(url, timeout=PATIENCE).json()


def changed(user, change) -> dict[str, Any]:
    """Import a manifest after changing it; the image that became of it."""
    document = read(user.manifest_url())
    change(document)
    return user.import_(user.put("changed.json", document))


def message(image) -> str:
    assert image["State"] == "failed"
    assert set(image["StateComment"]) == {"StateCode", "StateMessage"}
    assert "X-Amz-Signature" not in image["StateComment"]["StateMessage"]
    return image["StateComment"]["StateMessage"]


def test_an_import_makes_an_image_with_new_snapshots_of_the_same_sizes(user) -> None:
    url = user.manifest_url("ami-00000002")
    copy, source = user.import_(url, Description="from afar"), user.image("ami-00000002", "source")
    assert (copy["State"], copy["Description"], copy["FileLocation"]) == ("available", "from afar", url)
    assert copy["AccountId"] == user.sandbox.accounts["target"].account_id
    ours, theirs = copy["BlockDeviceMappings"], source["BlockDeviceMappings"]
    assert [one["DeviceName"] for one in ours] == [one["DeviceName"] for one in theirs]
    for name in ("VolumeSize", "VolumeType", "Iops", "DeleteOnVmDeletion"):
        assert [one["Bsu"].get(name) for one in ours] == [one["Bsu"].get(name) for one in theirs]
    mapped = {one["Bsu"]["SnapshotId"] for one in ours}
    owned = {one["SnapshotId"] for one in user.api("target").api("ReadSnapshots")["Snapshots"]}
    assert mapped <= owned
    assert len(mapped) == 3


def test_tags_and_permissions_do_not_travel_but_product_codes_do(user) -> None:
    copy = user.import_(user.manifest_url("ami-00000001"))
    assert (copy["Tags"], copy["PermissionsToLaunch"]["AccountIds"]) == ([], [])
    assert user.import_(user.manifest_url("ami-00000003"), "windows")["ProductCodes"] == ["0001", "0002"]


def test_a_raw_export_can_be_imported(user) -> None:
    task = user.export("ami-00000001", DiskImageFormat="raw")
    assert user.import_(user.sign(user.manifest_key(task)))["State"] == "available"


def test_the_service_s_own_reads_are_recorded_as_such(user) -> None:
    user.import_(user.manifest_url("ami-00000002"))
    record = user.sandbox.request_log
    assert record.count("GetObject", account="(service)") == 4
    assert record.count("GetObject") == 0


def test_an_expired_manifest_url_fails(user) -> None:
    key = user.manifest_key(user.export("ami-00000001"))
    url = user.sign(key, seconds=1)
    user.wait(lambda: requests.get(url, timeout=PATIENCE).status_code == 403)
    assert "403" in message(user.import_(url))


def test_a_tampered_manifest_url_fails(user) -> None:
    url = user.manifest_url()
    assert "403" in message(user.import_(url[:-1] + ("0" if url[-1] != "0" else "1")))


def test_an_expired_embedded_url_fails(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, import_seconds=0.1, embedded_url_age_seconds=604_801))
    assert "/dev/sda1" in message(user.import_(user.manifest_url()))


@pytest.mark.parametrize(
    "url",
    [
        "https://oos.eu-west-2.outscale.com/b/k?X-Amz-Signature=0",
        "http://127.0.0.1:1/b/k",
        "ftp://oos.eu-west-2.outscale.com/b/k",
    ],
)
def test_only_the_sandbox_s_own_stores_are_reached(user, url) -> None:
    assert "can't be reached" in message(user.import_(url))


@pytest.mark.parametrize("body", [b"no json", b"[]", b"{}", b'{"Version": 1, "Image": []}'])
def test_json_that_is_no_manifest_fails(user, body) -> None:
    image = user.import_(user.put("thing.json", body))
    assert message(image)
    assert image["StateComment"]["StateCode"] == "invalid-manifest"


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(Version=2),
        lambda document: document["Image"].update(Snapshots=[]),
        lambda document: document["Image"]["Snapshots"][0].pop("PreSignedUrl"),
        lambda document: document["Image"]["Snapshots"][0].update(Size="10"),
        lambda document: document["Image"]["Snapshots"][0].update(Iops="100"),
        lambda document: document["Image"]["Snapshots"][0].update(Size=1),
        lambda document: document["Image"]["Snapshots"][0].update(CompressedSize=1),
        lambda document: document["Image"]["Snapshots"][0].update(Device="/dev/sdb"),
        lambda document: document["Image"]["Snapshots"].append(document["Image"]["Snapshots"][0]),
    ],
)
def test_a_manifest_that_is_wrong_fails(user, change) -> None:
    assert message(changed(user, change))


@pytest.mark.parametrize(
    "body",
    [b"not compressed", gzip.compress(b"no disk", mtime=0), gzip.compress(b"QFI\xfb" + bytes(100), mtime=0)[:-9]],
)
def test_a_snapshot_that_is_no_disk_of_that_size_fails(user, body) -> None:
    url = user.put("disk.qcow2.gz", body)
    image = changed(user, lambda it: it["Image"]["Snapshots"][0].update(PreSignedUrl=url, CompressedSize=len(body)))
    assert "/dev/sda1" in message(image)


def test_a_manifest_written_by_hand_is_enough(user) -> None:
    def only_what_is_needed(document):
        for snapshot in document["Image"]["Snapshots"]:
            for name in set(snapshot) - {"Device", "PreSignedUrl", "Size"}:
                del snapshot[name]

    assert changed(user, only_what_is_needed)["State"] == "available"


def test_where_the_service_refuses_a_bad_manifest_at_once_there_is_no_image(user) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(bad_manifest=BadManifest.REFUSED)))
    before = user.sandbox.region_state("us-east-2").images.all()
    for url, code in ((user.put("no.json", {}), "4040"), (user.sign("nothing-there"), "4088")):
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="copy", FileLocation=url)
        assert refused.code == code
    assert user.sandbox.region_state("us-east-2").images.all() == before


def test_where_descriptions_are_limited_a_long_one_is_refused(user) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(description=DescriptionLimit.LIMITED)))
    asked = {"ImageName": "copy", "FileLocation": "http://127.0.0.1:1/b/k"}
    user.api("target").api("CreateImage", **asked, Description="x" * 255)
    with user.refused() as refused:
        user.api("target").api("CreateImage", **(asked | {"ImageName": "copy 2"}), Description="x" * 256)
    assert refused.code == "4106"


@pytest.mark.parametrize(
    ("boot", "modes", "tpm"), [(BootParameters.ACCEPTED, ["uefi"], True), (BootParameters.IGNORED, ["legacy"], False)]
)
def test_boot_modes_given_with_a_manifest_may_have_no_effect(user, boot, modes, tpm) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, import_seconds=0.1, behaviour=Behaviour(boot=boot)))
    url = user.manifest_url("ami-00000008")
    assert "Boot" not in json.dumps(read(url))
    made = user.import_(url, BootModes=["uefi"], TpmMandatory=True)
    assert (made["BootModes"], made["TpmMandatory"]) == (modes, tpm)
    plain = user.import_(url, "plain")
    assert (plain["BootModes"], plain["TpmMandatory"]) == (["legacy"], False)


@pytest.mark.parametrize(
    ("boot", "code", "named"),
    [(BootParameters.REFUSED, "3002", ["BootModes", "TpmMandatory"]), (BootParameters.UNKNOWN, "3001", ["BootModes"])],
)
def test_boot_modes_given_with_a_manifest_may_be_refused_by_name(user, boot, code, named) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(boot=boot)))
    asked = {"ImageName": "copy", "FileLocation": "http://127.0.0.1:1/b/k"}
    with user.refused() as refused:
        user.api("target").api("CreateImage", **asked, BootModes=["uefi"], TpmMandatory=True)
    assert refused.code == code
    assert [name for name in ("BootModes", "TpmMandatory") if name in refused.details] == named
    assert user.api("target").api("CreateImage", **asked)["Image"]["State"] == "pending"


def test_a_copy_within_the_region_can_get_other_boot_modes(user) -> None:
    asked = {"SourceImageId": "ami-00000008", "SourceRegionName": "eu-west-2"}
    same = user.api("source").api("CreateImage", ImageName="same", **asked)["Image"]
    other = user.api("source").api("CreateImage", ImageName="other", BootModes=["legacy"], TpmMandatory=False, **asked)
    assert (same["BootModes"], same["TpmMandatory"]) == (["uefi"], True)
    assert (other["Image"]["BootModes"], other["Image"]["TpmMandatory"]) == (["legacy"], False)

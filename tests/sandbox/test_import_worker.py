"""Imports: what becomes of a manifest and its disks, and what fails."""

from __future__ import annotations

import gzip

import pytest
import requests

from omicopy.sandbox.model.behaviours import BadManifest, Behaviour
from omicopy.sandbox.model.settings import SandboxSettings
from tests.sandbox.user import failure_message
from tests.support.children import PATIENCE


def test_an_import_makes_new_snapshots_of_the_same_sizes(user) -> None:
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


def test_an_import_keeps_product_codes_but_no_tags(user) -> None:
    copy = user.import_(user.manifest_url("ami-00000001"))
    assert (copy["Tags"], copy["PermissionsToLaunch"]["AccountIds"]) == ([], [])
    assert user.import_(user.manifest_url("ami-00000003"), "windows")["ProductCodes"] == ["0001", "0002"]


def test_a_raw_export_can_be_imported(user) -> None:
    task = user.export("ami-00000001", DiskImageFormat="raw")
    assert user.import_(user.sign(user.manifest_key(task)))["State"] == "available"


def test_reads_of_the_service_are_recorded_as_its_own(user) -> None:
    user.import_(user.manifest_url("ami-00000002"))
    record = user.sandbox.request_log
    assert record.count("GetObject", account="(service)") == 4
    assert record.count("GetObject") == 0


def test_an_expired_manifest_url_fails(user) -> None:
    key = user.manifest_key(user.export("ami-00000001"))
    url = user.sign(key, seconds=1)
    user.wait(lambda: requests.get(url, timeout=PATIENCE).status_code == 403)
    assert "403" in failure_message(user.import_(url))


def test_a_tampered_manifest_url_fails(user) -> None:
    url = user.manifest_url()
    assert "403" in failure_message(user.import_(url[:-1] + ("0" if url[-1] != "0" else "1")))


def test_an_expired_embedded_url_fails(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, import_seconds=0.1, embedded_url_age_seconds=604_801))
    assert "/dev/sda1" in failure_message(user.import_(user.manifest_url()))


@pytest.mark.parametrize(
    "url",
    [
        "https://oos.eu-west-2.outscale.com/b/k?X-Amz-Signature=0",
        "http://127.0.0.1:1/b/k",
        "ftp://oos.eu-west-2.outscale.com/b/k",
    ],
)
def test_an_import_reaches_only_the_sandbox_s_stores(user, url) -> None:
    assert "can't be reached" in failure_message(user.import_(url))


@pytest.mark.parametrize(
    "body",
    [b"not compressed", gzip.compress(b"no disk", mtime=0), gzip.compress(b"QFI\xfb" + bytes(100), mtime=0)[:-9]],
)
def test_a_wrong_disk_fails_the_import(user, body) -> None:
    url = user.put("disk.qcow2.gz", body)
    image = user.import_changed(
        lambda it: it["Image"]["Snapshots"][0].update(PreSignedUrl=url, CompressedSize=len(body))
    )
    assert "/dev/sda1" in failure_message(image)


def test_a_bad_manifest_may_be_refused_at_once(user) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(bad_manifest=BadManifest.REFUSED)))
    before = user.sandbox.region_state("us-east-2").images.all()
    for url, code in ((user.put("no.json", {}), "4040"), (user.sign("nothing-there"), "4088")):
        with user.refused() as refused:
            user.api("target").api("CreateImage", ImageName="copy", FileLocation=url)
        assert refused.code == code
    assert user.sandbox.region_state("us-east-2").images.all() == before

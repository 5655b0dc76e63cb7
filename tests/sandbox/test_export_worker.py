"""Exports: disks and manifest in a bucket, states, and failures."""

from __future__ import annotations

import gzip
import struct

import pytest
import requests

from omicopy.sandbox.model.behaviours import (
    BadBucket,
    Behaviour,
    ManifestFilename,
    ManifestKeySet,
    ManifestUrl,
    ShownPrefix,
)
from omicopy.sandbox.model.settings import SandboxSettings
from tests.sandbox.user import FAST
from tests.support.children import PATIENCE

GIB = 1 << 30


def test_an_export_writes_a_manifest_with_every_documented_key(user) -> None:
    task = user.export("ami-00000002", OsuPrefix="some/where")
    assert (task["State"], task["Progress"]) == ("completed", 100)
    assert task["OsuExport"]["OsuPrefix"] == "some/where/ami-00000002/"
    document = user.manifest(task)
    assert document["Version"] == 1
    image = document["Image"]
    assert (image["Name"], image["User"]) == ("golden-three", user.sandbox.accounts["source"].account_id)
    assert set(image) == {"Name", "Description", "Architecture", "Type", "ProductTypes", "Public", "User", "Snapshots"}
    documented = {"Device", "Filename", "PreSignedUrl", "Size", "CompressedSize", "VolumeType", "Iops"}
    assert all(set(one) == documented | {"DeleteOnTermination", "Ordering"} for one in image["Snapshots"])
    volumes = [(one["Device"], one["Size"] // GIB, one["VolumeType"], one["Iops"]) for one in image["Snapshots"]]
    assert volumes == [("/dev/sda1", 10, "standard", None), ("/dev/sdb", 20, "io1", 500), ("/dev/xvdc", 4, "gp2", None)]


def test_every_snapshot_is_a_real_qcow2_behind_its_embedded_url(user) -> None:
    for snapshot in user.manifest(user.export("ami-00000002"))["Image"]["Snapshots"]:
        body = requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).content
        assert len(body) == snapshot["CompressedSize"]
        magic, version = struct.unpack_from(">4sI", gzip.decompress(body))
        assert (magic, version) == (b"QFI\xfb", 3)
        assert struct.unpack_from(">Q", gzip.decompress(body), 24)[0] == snapshot["Size"]


def test_a_raw_export_is_a_raw_disk(user) -> None:
    task = user.export("ami-00000001", DiskImageFormat="raw")
    [snapshot] = user.manifest(task)["Image"]["Snapshots"]
    assert snapshot["Filename"].endswith(".raw.gz")
    assert gzip.decompress(requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).content)[-2:] == b"\x55\xaa"


def test_the_manifest_has_the_product_codes(user) -> None:
    assert user.manifest(user.export("ami-00000003"))["Image"]["ProductTypes"] == ["0001", "0002"]


def test_without_a_prefix_the_image_s_id_is_the_prefix(user) -> None:
    assert user.export("ami-00000001")["OsuExport"]["OsuPrefix"] == "ami-00000001/"


def test_state_and_progress_of_a_task(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=10))
    clock = user.sandbox.scheduler
    clock.hold()
    task = user.start_export("ami-00000001")
    assert (task["State"], task["Progress"], task["Comment"]) == ("pending/queued", 0, "Export of image ami-00000001")
    clock.advance(1)
    assert user.task(task["TaskId"])["State"] == "pending/queued"
    clock.advance(1.1)
    user.wait(lambda: user.task(task["TaskId"])["State"] == "pending")
    progress = []
    for _ in range(7):
        progress.append(user.task(task["TaskId"])["Progress"])
        clock.advance(1)
    assert user.task(task["TaskId"])["State"] == "pending"
    assert progress == [1, 13, 26, 38, 51, 63, 76]
    clock.advance(1)
    user.wait(lambda: user.task(task["TaskId"])["State"] == "completed")
    assert user.task(task["TaskId"])["Progress"] == 100


def test_the_manifest_is_written_last(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=10))
    clock = user.sandbox.scheduler
    clock.hold()
    task = user.start_export("ami-00000002")
    listing = f"{user.sandbox.oos_urls['eu-west-2']}/omi-exports"
    key = user.manifest_key(task)
    clock.advance(9)
    user.wait(lambda: requests.get(user.sign(""), timeout=PATIENCE).text.count("<Key>") == 3)
    assert requests.get(user.sign(key), timeout=PATIENCE).status_code == 404
    assert user.task(task["TaskId"])["State"] == "pending"
    clock.advance(1)
    user.wait(lambda: user.task(task["TaskId"])["State"] == "completed")
    assert requests.get(user.sign(key), timeout=PATIENCE).status_code == 200
    assert requests.get(listing, timeout=PATIENCE).status_code == 403


def test_the_same_export_twice_makes_two_tasks(user) -> None:
    first, second = user.export("ami-00000001"), user.export("ami-00000001")
    assert first["TaskId"] != second["TaskId"]
    assert first["OsuExport"]["OsuPrefix"] == second["OsuExport"]["OsuPrefix"]
    assert user.sandbox.request_log.count("CreateImageExportTask", account="source") == 2


def test_a_missing_bucket_is_created_for_the_account(user) -> None:
    for profile in ("source", "source-other"):
        user.sandbox.reset(FAST)
        task = user.export("ami-00000001" if profile == "source" else "ami-00000013", profile, OsuBucket="a-typo")
        assert task["State"] == "completed"
        url = user.sign(user.manifest_key(task), bucket="a-typo")
        assert requests.get(url, timeout=PATIENCE).status_code == (200 if profile == "source" else 403)
    user.sandbox.reset(FAST)
    assert requests.get(user.sign("", bucket="a-typo"), timeout=PATIENCE).status_code == 404


@pytest.mark.parametrize("bucket", ["no-such-bucket", "other-exports"])
def test_an_export_to_a_bad_bucket_fails_and_names_it(user, bucket) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, behaviour=Behaviour(bad_bucket=BadBucket.FAILS)))
    task = user.export("ami-00000001", OsuBucket=bucket)
    assert task["State"] == "failed"
    assert bucket in task["Comment"]


@pytest.mark.parametrize("bucket", ["no-such-bucket", "other-exports"])
def test_a_bad_bucket_may_be_refused_at_once(user, bucket) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, behaviour=Behaviour(bad_bucket=BadBucket.REFUSED)))
    with user.refused() as refused:
        user.start_export("ami-00000001", OsuBucket=bucket)
    assert (refused.status, refused.code) == (400, "4002")
    assert user.export("ami-00000001")["State"] == "completed"


def test_osu_api_key_writes_and_signs(user) -> None:
    other = user.sandbox.accounts["source-other"]
    key = {"ApiKeyId": other.access_key, "SecretKey": other.secret_key}
    task = user.export("ami-00000001", OsuBucket="other-exports", OsuApiKey=key)
    assert task["State"] == "completed"


def test_the_age_of_embedded_urls_is_a_setting(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, embedded_url_age_seconds=604_800 - 3600))
    [alive] = user.manifest(user.export("ami-00000001"))["Image"]["Snapshots"]
    assert requests.get(alive["PreSignedUrl"], timeout=PATIENCE).status_code == 200
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, embedded_url_age_seconds=604_800 + 3600))
    [dead] = user.manifest(user.export("ami-00000001"))["Image"]["Snapshots"]
    assert requests.get(dead["PreSignedUrl"], timeout=PATIENCE).status_code == 403


@pytest.mark.parametrize("way", list(ManifestUrl))
def test_the_manifest_url_of_a_task(user, way) -> None:
    user.set_behaviour(manifest_url=way)
    first = user.start_export("ami-00000001")
    user.wait(lambda: user.task(first["TaskId"])["State"] == "completed")
    last = user.task(first["TaskId"])
    assert ("OsuManifestUrl" in first["OsuExport"]) == (way is ManifestUrl.FROM_START)
    assert ("OsuManifestUrl" in last["OsuExport"]) == (way is not ManifestUrl.NEVER)
    if way in (ManifestUrl.SIGV2, ManifestUrl.SIGV4):
        url = last["OsuExport"]["OsuManifestUrl"]
        assert ("AWSAccessKeyId" in url) == (way is ManifestUrl.SIGV2)
        assert requests.get(url, timeout=PATIENCE).json()["Version"] == 1
        assert user.import_(url)["State"] == "available"  # as OUTSCALE's own test does (DOMAIN.md §2)


def test_the_task_url_may_expire_before_embedded_urls(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, task_url_age_seconds=604_801))
    task = user.export("ami-00000001")
    assert requests.get(task["OsuExport"]["OsuManifestUrl"], timeout=PATIENCE).status_code == 403
    inside = user.sandbox.region_state("eu-west-2").tasks.get(task["TaskId"])
    assert "Signature" not in repr(inside)


@pytest.mark.parametrize(
    ("way", "shown"),
    [
        (ShownPrefix.TIDY, "a/b/ami-00000001/"),
        (ShownPrefix.AS_ASKED, "/a/b//ami-00000001/"),
        (ShownPrefix.NO_END, "a/b/ami-00000001"),
    ],
)
def test_the_slashes_of_a_prefix(user, way, shown) -> None:
    user.set_behaviour(prefix=way)
    task = user.export("ami-00000001", OsuPrefix="/a/b/")
    assert task["OsuExport"]["OsuPrefix"] == shown
    assert user.manifest_key(task).startswith("a/b/ami-00000001/")


def test_file_names_may_be_whole_keys(user) -> None:
    user.set_behaviour(filename=ManifestFilename.KEY)
    [snapshot] = user.manifest(user.export("ami-00000001", OsuPrefix="p"))["Image"]["Snapshots"]
    assert snapshot["Filename"].startswith("p/ami-00000001/snap-00000010-")


def test_manifest_keys_may_be_missing_or_undocumented(user) -> None:
    user.set_behaviour(fields=ManifestKeySet.SPARSE)
    sparse = user.manifest(user.export("ami-00000001"))["Image"]
    user.set_behaviour(fields=ManifestKeySet.EXTRA)
    extra = user.manifest(user.export("ami-00000001"))["Image"]
    assert {"Name", "User"} & set(sparse) == set()
    assert {"CompressedSize", "Iops", "Ordering"} & set(sparse["Snapshots"][0]) == set()
    assert {"Platform", "Hypervisor"} <= set(extra)

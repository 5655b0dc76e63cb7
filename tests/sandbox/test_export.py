"""Exports: real disks in a real bucket, states that move, and every way to fail."""

from __future__ import annotations

import gzip
import struct
import threading

import pytest
import requests

from omicopy.sandbox.model.behaviours import BadBucket, Behaviour, CancelWindow
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.task_behaviours import LimitCode
from tests.sandbox.conftest import HURRIED
from tests.support.children import PATIENCE

GIB = 1 << 30


def manifest(user, task):
    return requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).json()


def test_an_export_writes_a_manifest_with_every_documented_key(user) -> None:
    task = user.export("ami-00000002", OsuPrefix="some/where")
    assert (task["State"], task["Progress"]) == ("completed", 100)
    assert task["OsuExport"]["OsuPrefix"] == "some/where/ami-00000002/"
    document = manifest(user, task)
    assert document["Version"] == 1
    image = document["Image"]
    assert (image["Name"], image["User"]) == ("golden-three", user.sandbox.accounts["source"].account_id)
    assert set(image) == {"Name", "Description", "Architecture", "Type", "ProductTypes", "Public", "User", "Snapshots"}
    documented = {"Device", "Filename", "PreSignedUrl", "Size", "CompressedSize", "VolumeType", "Iops"}
    assert all(set(one) == documented | {"DeleteOnTermination", "Ordering"} for one in image["Snapshots"])
    volumes = [(one["Device"], one["Size"] // GIB, one["VolumeType"], one["Iops"]) for one in image["Snapshots"]]
    assert volumes == [("/dev/sda1", 10, "standard", None), ("/dev/sdb", 20, "io1", 500), ("/dev/xvdc", 4, "gp2", None)]


def test_every_snapshot_is_a_real_qcow2_behind_its_embedded_url(user) -> None:
    for snapshot in manifest(user, user.export("ami-00000002"))["Image"]["Snapshots"]:
        body = requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).content
        assert len(body) == snapshot["CompressedSize"]
        magic, version = struct.unpack_from(">4sI", gzip.decompress(body))
        assert (magic, version) == (b"QFI\xfb", 3)
        assert struct.unpack_from(">Q", gzip.decompress(body), 24)[0] == snapshot["Size"]


def test_a_raw_export_is_a_raw_disk(user) -> None:
    task = user.export("ami-00000001", DiskImageFormat="raw")
    [snapshot] = manifest(user, task)["Image"]["Snapshots"]
    assert snapshot["Filename"].endswith(".raw.gz")
    assert gzip.decompress(requests.get(snapshot["PreSignedUrl"], timeout=PATIENCE).content)[-2:] == b"\x55\xaa"


def test_the_product_code_travels_in_the_manifest(user) -> None:
    assert manifest(user, user.export("ami-00000003"))["Image"]["ProductTypes"] == ["0001", "0002"]


def test_without_a_prefix_the_image_s_id_is_the_prefix(user) -> None:
    assert user.export("ami-00000001")["OsuExport"]["OsuPrefix"] == "ami-00000001/"


def test_states_and_progress_move(user) -> None:
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


def test_the_same_export_twice_makes_two_tasks_and_other_objects(user) -> None:
    first, second = user.export("ami-00000001"), user.export("ami-00000001")
    assert first["TaskId"] != second["TaskId"]
    assert first["OsuExport"]["OsuPrefix"] == second["OsuExport"]["OsuPrefix"]
    assert user.sandbox.request_log.count("CreateImageExportTask", account="source") == 2


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        ("ami-00000004", "6001"),
        ("ami-00000005", "6001"),
        ("ami-00000011", "8017"),
        ("ami-00000012", "8017"),
        ("ami-00000013", "5023"),
        ("ami-99999999", "5023"),
    ],
)
def test_only_an_own_available_image_can_be_exported(user, image_id, code) -> None:
    with user.refused() as refused:
        user.start_export(image_id)
    assert refused.code == code


def test_an_unknown_format_is_refused(user) -> None:
    with user.refused() as refused:
        user.start_export("ami-00000001", DiskImageFormat="vmdk")
    assert refused.code == "4047"


def test_a_bucket_that_is_not_there_is_made_and_is_the_account_s(user) -> None:
    for profile in ("source", "source-other"):
        user.sandbox.reset(HURRIED)
        task = user.export("ami-00000001" if profile == "source" else "ami-00000013", profile, OsuBucket="a-typo")
        assert task["State"] == "completed"
        url = user.sign(user.manifest_key(task), bucket="a-typo")
        assert requests.get(url, timeout=PATIENCE).status_code == (200 if profile == "source" else 403)
    user.sandbox.reset(HURRIED)
    assert requests.get(user.sign("", bucket="a-typo"), timeout=PATIENCE).status_code == 404


@pytest.mark.parametrize("bucket", ["no-such-bucket", "other-exports"])
def test_an_export_to_a_bucket_that_can_t_be_written_fails_and_says_why(user, bucket) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, behaviour=Behaviour(bad_bucket=BadBucket.FAILS)))
    task = user.export("ami-00000001", OsuBucket=bucket)
    assert task["State"] == "failed"
    assert bucket in task["Comment"]


@pytest.mark.parametrize("bucket", ["no-such-bucket", "other-exports"])
def test_where_the_service_refuses_a_bad_bucket_at_once_there_is_no_task(user, bucket) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, behaviour=Behaviour(bad_bucket=BadBucket.REFUSED)))
    with user.refused() as refused:
        user.start_export("ami-00000001", OsuBucket=bucket)
    assert (refused.status, refused.code) == (400, "4002")
    assert user.export("ami-00000001")["State"] == "completed"


def test_the_keys_in_the_request_write_and_sign(user) -> None:
    other = user.sandbox.accounts["source-other"]
    key = {"ApiKeyId": other.access_key, "SecretKey": other.secret_key}
    task = user.export("ami-00000001", OsuBucket="other-exports", OsuApiKey=key)
    assert task["State"] == "completed"


@pytest.mark.parametrize(
    ("way", "code", "kind"),
    [
        (LimitCode.KNOWN, "10008", "TooManyResources (QuotaExceded)"),
        (LimitCode.OLDER, "PendingImageLimitExceeded", ""),
        (LimitCode.WORDS, None, None),
    ],
)
def test_no_more_exports_in_flight_than_the_limit(user, way, code, kind) -> None:
    user.sandbox.reset(SandboxSettings(exports_in_flight=1, export_seconds=0.1, behaviour=Behaviour(limit_code=way)))
    user.sandbox.scheduler.hold()
    running = user.start_export("ami-00000001")["TaskId"]
    with user.refused() as refused:
        user.start_export("ami-00000002")
    assert (refused.status, refused.code, refused.type) == (400, code, kind)
    assert "Limit for Image Exports has been reached" in refused.details
    user.sandbox.scheduler.resume()
    user.wait(lambda: user.task(running)["State"] == "completed")
    user.start_export("ami-00000002")


def test_a_queued_export_can_be_cancelled_and_writes_nothing(user) -> None:
    clock, later = user.sandbox.scheduler, threading.Event()
    clock.hold()
    task = user.start_export("ami-00000001")
    user.api("source").api("DeleteExportTask", ExportTaskId=task["TaskId"])
    clock.at(clock.now() + 3600, later.set)
    clock.advance(3600)
    assert later.wait(PATIENCE)
    clock.clear()  # waits for what has begun
    assert user.task(task["TaskId"])["State"] == "cancelled"
    assert requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).status_code == 404


@pytest.mark.parametrize(("cancel", "accepted"), [(CancelWindow.QUEUED, False), (CancelWindow.RUNNING, True)])
def test_whether_a_running_export_can_be_cancelled_varies(user, cancel, accepted) -> None:
    user.sandbox.reset(SandboxSettings(queued_share=0, behaviour=Behaviour(cancel=cancel)))
    user.sandbox.scheduler.hold()
    task_id = user.start_export("ami-00000001")["TaskId"]
    user.wait(lambda: user.task(task_id)["State"] == "pending")
    if accepted:
        user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
        assert user.task(task_id)["State"] == "cancelled"
        return
    with user.refused() as refused:
        user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
    assert refused.type == "InvalidState"


def test_what_can_t_be_a_task_s_id_is_refused(user) -> None:
    for task_id, code in (("export-12345678", "4104"), ("image-export-x", "4105"), ("image-export-12345678", "5058")):
        with user.refused() as refused:
            user.api("source").api("DeleteExportTask", ExportTaskId=task_id)
        assert (refused.status, refused.code) == (400, code)
    assert user.api("source").api("ReadImageExportTasks", Filters={"TaskIds": ["x"]})["ImageExportTasks"] == []


def test_a_task_of_somebody_else_can_t_be_seen_or_cancelled(user) -> None:
    task_id = user.start_export("ami-00000001")["TaskId"]
    assert user.api("source-other").api("ReadImageExportTasks")["ImageExportTasks"] == []
    with user.refused() as refused:
        user.api("source-other").api("DeleteExportTask", ExportTaskId=task_id)
    assert refused.code == "5058"


def test_task_101_is_on_the_second_page(user) -> None:
    user.sandbox.reset(SandboxSettings(exports_in_flight=0))
    user.sandbox.scheduler.hold()
    made = {user.start_export("ami-00000001")["TaskId"] for _ in range(101)}
    first = user.api("source").api("ReadImageExportTasks", Filters={"ImageIds": ["ami-00000001"]})
    assert len(first["ImageExportTasks"]) == 100
    second = user.api("source").api("ReadImageExportTasks", NextPageToken=first["NextPageToken"])
    assert {task["TaskId"] for page in (first, second) for task in page["ImageExportTasks"]} == made


def test_an_embedded_url_s_lifetime_and_age_are_settings(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, embedded_url_age_seconds=604_800 - 3600))
    [alive] = manifest(user, user.export("ami-00000001"))["Image"]["Snapshots"]
    assert requests.get(alive["PreSignedUrl"], timeout=PATIENCE).status_code == 200
    user.sandbox.reset(SandboxSettings(export_seconds=0.2, embedded_url_age_seconds=604_800 + 3600))
    [dead] = manifest(user, user.export("ami-00000001"))["Image"]["Snapshots"]
    assert requests.get(dead["PreSignedUrl"], timeout=PATIENCE).status_code == 403

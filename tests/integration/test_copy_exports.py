"""A copy and the exports that exist already: adopted, re-signed, made again, or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, ManifestKey, ShownPrefix, TaskRetention
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import TaskState
from tests.support.tool import LINUX

WEEK = 604_800


def test_an_export_started_by_somebody_else_is_adopted(tool) -> None:
    tool.again(behaviour=Behaviour(prefix=ShownPrefix.AS_ASKED))
    task_id = tool.start_export(OsuPrefix="/theirs/")
    tool.forget()
    ran = tool.copy("golden-linux", "--prefix", "theirs")
    assert ran.copy["export_task_id"] == task_id
    assert tool.count("CreateImageExportTask") == 0
    assert tool.source.tasks.get(task_id).tags == ()


def test_an_export_to_another_folder_is_ignored(tool) -> None:
    other = tool.start_export(OsuPrefix="elsewhere")
    ran = tool.copy("golden-linux", "--prefix", "here")
    assert len(tool.tasks()) == 2
    assert ran.copy["export_task_id"] != other


def test_of_two_equal_exports_the_smallest_id_is_followed(tool) -> None:
    tool.again(behaviour=Behaviour(manifest_key=ManifestKey.NAMED_AFTER_TASK), export_seconds=0.5, seed=1)
    smallest, later = tool.start_export(), tool.start_export()
    assert smallest < later  # the other way round the later one might be followed because it is complete
    ran = tool.copy("golden-linux")
    assert ran.copy["export_task_id"] == smallest
    assert len(tool.tasks()) == 2


def test_an_export_whose_task_aged_out_is_found_in_the_bucket(tool) -> None:
    tool.again(behaviour=Behaviour(ageing=TaskRetention.AGES_OUT), ended_task_seconds=0)
    location = f"s3://omi-exports/{tool.exported()}"
    tool.wait(lambda: tool.call("source", "ReadImageExportTasks")["ImageExportTasks"] == [])
    tool.forget()
    ran = tool.copy("golden-linux")
    assert (ran.copy["status"], ran.copy["manifest"], ran.copy["export_task_id"]) == ("copied", location, None)
    assert tool.count("CreateImageExportTask") == 0


def test_an_export_with_a_resized_object_is_made_again_once(tool) -> None:
    tool.exported()
    tool.put(tool.keys(".gz")[0], b"short")
    ran = tool.copy("golden-linux")
    assert ran.copy["status"] == "copied"
    assert [task.task_id for task in tool.tasks()][1:] == [ran.copy["export_task_id"]]


def test_an_export_that_lost_an_object_is_made_again_once(tool) -> None:
    tool.exported()
    (disk,) = tool.keys(".gz")
    tool.delete(disk)
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == 2


def test_a_failed_re_export_of_a_damaged_one_gives_its_reason(tool) -> None:
    tool.exported()
    (disk,) = tool.keys(".gz")
    tool.delete(disk)
    tool.hold()
    process = tool.start("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.wait(lambda: len(tool.tasks()) == 2)
    tool.source.change_task(tool.tasks()[-1].task_id, state=TaskState.FAILED, comment="The disk is on fire.", ended=1.0)
    ran = tool.finish(process)
    assert ran.code == 7
    assert "The disk is on fire." in ran.err


def test_an_old_export_is_re_signed_and_imported(tool) -> None:
    """The new manifest is written beside the old one."""
    tool.again(embedded_url_age_seconds=WEEK + 60)
    old = tool.exported()
    before = {key: tool.get(key) for key in tool.keys("")}
    tool.forget()
    ran = tool.copy("golden-linux")
    (new,) = set(tool.keys("")) - set(before)
    assert ran.copy["manifest"] == f"s3://omi-exports/{new}"
    assert re.fullmatch(rf"{LINUX}/manifest\.resigned-\d{{8}}T\d{{6}}Z\.json", new)
    assert datetime.fromisoformat(ran.copy["expires_at"]) > datetime.now(UTC) + timedelta(days=6)
    assert {key: tool.get(key) for key in before} == before
    assert without_urls(tool.manifest(new)) == without_urls(tool.manifest(old))
    assert tool.writes() == ["PutObject", "CreateImage", *["CreateTags"] * 2]

    tool.forget()
    other = tool.on_other_machine().copy("golden-linux", to=["target-other"])
    assert other.copy["manifest"] == ran.copy["manifest"]
    assert tool.writes() == ["CreateImage", *["CreateTags"] * 2]


def without_urls(manifest):
    for snapshot in manifest["Image"]["Snapshots"]:
        del snapshot["PreSignedUrl"]
    return manifest


def test_only_urls_that_may_expire_too_early_are_re_signed(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK - 3600)
    assert tool.copy("golden-linux", "--import-timeout", "30m").copy["status"] == "copied"
    assert tool.count("PutObject") == 0
    assert tool.copy("golden-linux", "--import-timeout", "2h", to=["target-other"]).copy["status"] == "copied"
    assert tool.count("PutObject") == 1


def test_an_import_timeout_may_exceed_any_urls_validity(tool) -> None:
    assert tool.copy("golden-linux", "--import-timeout", "10d").copy["status"] == "copied"
    assert tool.count("PutObject") == 0


def test_an_old_export_with_sigv2_urls_is_re_signed_too(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK + 60, behaviour=Behaviour.named("older-samples"))
    assert tool.copy("golden-three", "--prefix", "old").copy["status"] == "copied"
    assert tool.count("PutObject") == 1


@pytest.mark.parametrize(
    ("age", "outside"),
    [
        (0, [f"/omi-private/{LINUX}/", "/omi-exports/secret/"]),
        (WEEK + 60, [f"/omi-exports/{LINUX}/%2e%2e/secret/"]),
    ],
    ids=["alive", "expired"],
)
def test_a_manifest_that_points_outside_its_export_is_refused(tool, age, outside) -> None:
    tool.again(embedded_url_age_seconds=age)
    key = tool.exported()
    whole = tool.get(key)
    for elsewhere in outside:
        tool.put(key, whole.replace(f"/omi-exports/{LINUX}/".encode(), elsewhere.encode()))
        tool.forget()
        ran = tool.copy("golden-linux", code=8)
        assert ran.copy["error"]["code"] == "damaged"
        assert "points outside its export" in ran.copy["error"]["message"]
        assert tool.writes() == []


def test_a_broken_manifest_is_named_and_left_as_it_is(tool) -> None:
    key = tool.exported()
    for body in (b'{"Version": 2, "Image": {"Snapshots": []}}', b""):
        tool.put(key, body)
        tool.forget()
        ran = tool.copy("golden-linux", code=8)
        assert ran.copy["error"]["code"] == "damaged"
        assert f"s3://omi-exports/{key}" in ran.err
        assert tool.writes() == []


def test_a_broken_manifest_beside_a_good_one_is_ignored(tool) -> None:
    tool.exported()
    tool.put(f"{LINUX}/aaa.json", b"no json")
    tool.put(f"{LINUX}/zzz.json", b"{}")
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert len(tool.tasks()) == 1


def test_an_export_without_manifest_is_redone_only_on_demand(tool) -> None:
    tool.delete(tool.exported())
    tool.forget()
    ran = tool.copy("golden-linux", code=4)
    assert ran.copy["error"]["code"] == "not-found"
    assert "--re-export" in ran.copy["error"]["hint"]
    assert tool.writes() == []
    assert tool.copy("golden-linux", "--re-export").copy["status"] == "copied"
    assert len(tool.tasks()) == 2


def test_a_bucket_that_lists_objects_late_is_waited_for(tool) -> None:
    tool.exported()
    tool.sandbox.faults.add(Fault(FaultKind.LAG, "ListObjects", account="source", times=2))
    tool.sandbox.faults.add(Fault(FaultKind.LAG, "GetObject", account="source"))
    assert tool.copy("golden-linux", "--grace", "1h").copy["status"] == "copied"
    assert len(tool.tasks()) == 1

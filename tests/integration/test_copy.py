"""`omicopy copy` from Region to Region: what it makes, what it finds, what it adopts, and what it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omicopy import __version__
from omicopy.sandbox.model.behaviours import (
    Behaviour,
    DescriptionLimit,
    ManifestKey,
    NameRule,
    ShownPrefix,
    TaskRetention,
)
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import Omi, TaskState, VersionedTable
from tests.support.tool import LINUX, THREE, Tool

WEEK = 604_800
VARIANTS = [
    *(pytest.param(behaviour, id=behaviour.name) for behaviour in [*Behaviour.every(), Behaviour.from_seed(1)]),
    *(pytest.param(Behaviour.from_seed(seed), id=f"seed-{seed}", marks=pytest.mark.proof) for seed in range(2, 14)),
]
"""Each guess is in one of the first; of how guesses meet, some are drawn."""


def shape(image: Omi) -> list[tuple[object, ...]]:
    return [(one.name, one.size_gib, one.volume_type, one.iops, one.delete_on_vm_deletion) for one in image.devices]


def snapshots(image: Omi) -> set[str]:
    return {device.snapshot_id for device in image.devices}


def assert_copied(tool: Tool, source_id: str, copy: Omi, *, whole_shape: bool = True) -> None:
    """The copy is available, has new snapshots of the same sizes, and says where it comes from."""
    source = tool.source.images.get(source_id)
    assert copy.state == "available"
    assert copy.account_id in {account.account_id for account in tool.sandbox.accounts.values()} - {source.account_id}
    parts = 5 if whole_shape else 2
    assert [one[:parts] for one in shape(copy)] == [one[:parts] for one in shape(source)]
    owned = {one.snapshot_id for one in tool.target.snapshots.all() if one.account_id == copy.account_id}
    assert snapshots(copy) <= owned
    assert not snapshots(copy) & snapshots(source)
    assert copy.description.endswith(f"[omicopy eu-west-2 {source_id}]")
    assert dict(copy.tags) == dict(source.tags) | {
        "omicopy:copy": copy.image_id,
        "omicopy:source-image": source_id,
        "omicopy:source-region": "eu-west-2",
        "omicopy:source-account": source.account_id,
        "omicopy:source-name": source.name,
        "omicopy:source-date": source.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "omicopy:version": __version__,
    }


@pytest.mark.parametrize(("wanted", "image_id", "form"), [("golden-linux", LINUX, "qcow2"), (THREE, THREE, "raw")])
def test_a_copy_is_available_with_its_own_snapshots(tool, wanted, image_id, form) -> None:
    """Its JSON says so."""
    ran = tool.copy(wanted, "--format", form)
    (copy,), (task,) = tool.copies(), tool.tasks()
    source = tool.source.images.get(image_id)
    assert_copied(tool, image_id, copy)
    assert (copy.name, copy.description) == (source.name, f"{source.description} [omicopy eu-west-2 {image_id}]")
    assert task.image_format == form
    assert dict(task.tags)["omicopy:export"] == __version__
    assert len(tool.keys(f".{form}.gz")) == len(source.devices)

    expires_at, seconds = ran.copy.pop("expires_at"), ran.copy.pop("seconds")
    assert set(ran.json) == {"schema", "copies", "api_calls"}
    entry = ran.copy
    left = datetime.fromisoformat(entry.pop("expires_at")) - datetime.now(UTC)
    assert expires_at.endswith("Z")
    assert timedelta(days=6.9) < left < timedelta(days=7)
    assert 0.2 <= seconds == entry.pop("seconds") < 10
    assert entry == {
        "source": {
            "profile": "source",
            "account_id": "100000000001",
            "region": "eu-west-2",
            "image_id": image_id,
        },
        "target": {
            "profile": "target",
            "account_id": "200000000001",
            "region": "us-east-2",
            "image_id": copy.image_id,
            "image_name": source.name,
        },
        "status": "copied",
        "changed": True,
        "export_task_id": task.task_id,
        "manifest": f"s3://omi-exports/{image_id}/manifest",
        "error": None,
    }
    for profile, region in (("source", "eu-west-2"), ("target", "us-east-2")):
        actions = [request.action for request in tool.sandbox.request_log.requests(service="api", region=region)]
        reads = sum(action.startswith("Read") for action in actions)
        assert ran.json["api_calls"][profile] == {"reads": reads, "writes": len(actions) - reads, "retries": 0}
    ours_then_the_source_s = ["CreateTags"] * (2 if source.tags else 1)
    assert tool.writes() == ["CreateImageExportTask", "CreateTags", "CreateImage", *ours_then_the_source_s]


def test_a_run_on_another_machine_finds_the_copy(tool) -> None:
    made = tool.copy("golden-three").copy["target"]["image_id"]
    tool.forget()
    elsewhere = tool.elsewhere()
    for again in (elsewhere.copy("golden-three"), elsewhere.copy(THREE)):
        assert (again.copy["status"], again.copy["changed"]) == ("present", False)
        assert again.copy["target"]["image_id"] == made
    assert tool.writes() == []
    assert tool.sandbox.request_log.count(service="oos") == 0


def test_two_images_to_two_targets_need_one_export_each(tool) -> None:
    ran = tool.copy("golden-linux", THREE, LINUX, to=["target", "target-other"])
    ways = [(entry["source"]["image_id"], entry["target"]["profile"]) for entry in ran.json["copies"]]
    assert ways == [(LINUX, "target"), (LINUX, "target-other"), (THREE, "target"), (THREE, "target-other")]
    assert [(entry["status"], entry["changed"]) for entry in ran.json["copies"]] == [("copied", True)] * 4
    assert len(tool.tasks()) == tool.count("CreateImageExportTask") == 2
    assert tool.count("CreateImage") == 4
    for entry in ran.json["copies"]:
        copy = tool.target.images.get(entry["target"]["image_id"])
        assert_copied(tool, entry["source"]["image_id"], copy)
        assert copy in tool.copies(entry["target"]["profile"])


def test_a_target_with_its_copy_is_left_as_it_is(tool) -> None:
    tool.copy("golden-linux", to=["target"])
    ran = tool.copy("golden-linux", "--prefix", "other", to=["target-other", "target"])
    needy, content = ran.json["copies"]
    assert (needy["status"], needy["changed"]) == ("copied", True)
    assert (content["status"], content["changed"]) == ("present", False)


def test_one_account_under_two_profiles_gets_no_two_copies(tool) -> None:
    tool.again(behaviour=Behaviour(names=NameRule.FREE))
    twin = {
        "SRC_ACCESS_KEY": tool.sandbox.accounts["target"].access_key,
        "SRC_SECRET_KEY": tool.sandbox.accounts["target"].secret_key,
        "SRC_REGION": "us-east-2",
        "SRC_ENDPOINT_API": tool.sandbox.api_urls["us-east-2"],
        "SRC_ENDPOINT_OOS": tool.sandbox.oos_urls["us-east-2"],
    }
    tool.copy("golden-linux", to=["target", "env:SRC"], code=None, **twin)
    assert len(tool.copies()) <= 1


@pytest.mark.parametrize("behaviour", VARIANTS)
def test_a_copy_works_with_every_undocumented_behaviour(tool, behaviour) -> None:
    tool.again(behaviour=behaviour, ended_task_seconds=0.1)
    ran = tool.copy("golden-three", "--prefix", "/golden//images/")
    (copy,), (task,) = tool.copies(), tool.tasks()
    assert ran.copy["status"] == "copied"
    assert ran.copy["export_task_id"] == task.task_id
    assert ran.copy["manifest"] == f"s3://omi-exports/{task.manifest_key}"
    assert task.manifest_key.startswith(f"golden/images/{THREE}/")
    assert_copied(tool, THREE, copy, whole_shape=False)
    prefix = f"golden/images/{THREE}/"
    again = tool.elsewhere().copy("golden-three", "--prefix", prefix, to=["target", "target-other"])
    assert [entry["status"] for entry in again.json["copies"]] == ["present", "copied"]
    assert tool.tasks() == [tool.source.tasks.get(task.task_id)]


# --- exports that are there already


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
    other = tool.elsewhere().copy("golden-linux", to=["target-other"])
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


# --- names and descriptions


def test_an_image_whose_last_marker_names_another_is_not_ours(tool) -> None:
    marks = f"somebody's [omicopy eu-west-2 {LINUX}] once, [omicopy us-east-2 {LINUX}]"
    holder = tool.existing("golden-linux", marks)
    ran = tool.copy("golden-linux", code=4)
    assert ran.copy["error"]["code"] == "name-conflict"
    assert holder.image_id in ran.copy["error"]["message"]
    assert "--if-exists" in ran.copy["error"]["hint"]
    assert tool.writes() == []


def test_a_taken_name_is_skipped_or_changed_as_asked(tool) -> None:
    holder = tool.existing("golden-linux")
    skipped = tool.copy("golden-linux", "--if-exists", "skip").copy
    assert (skipped["status"], skipped["changed"], skipped["target"]["image_id"]) == ("skipped", False, holder.image_id)
    assert tool.writes() == []

    renamed = tool.copy("golden-linux", "--if-exists", "rename")
    assert renamed.copy["target"]["image_name"] == f"golden-linux-{LINUX}"
    assert_copied(tool, LINUX, tool.target.images.get(renamed.copy["target"]["image_id"]))
    tool.forget()
    again = tool.elsewhere().copy("golden-linux")
    assert (again.copy["status"], again.copy["target"]) == ("present", renamed.copy["target"])
    assert tool.writes() == []


def test_the_name_is_made_from_facts_of_the_source_image(tool) -> None:
    template = "{name} ({date}) {region}/{image_id}"
    ran = tool.copy("golden-linux", "--name", template, "--dry-run")
    assert ran.copy["target"]["image_name"] == f"golden-linux (2025-01-16) eu-west-2/{LINUX}"


def test_a_template_without_a_valid_name_is_refused_at_once(tool) -> None:
    for name in ("{clock}", "{name!r}"):
        ran = tool.copy("golden-linux", "--name", name, code=2)
        assert (ran.json["copies"], "{name} {date} {region} {image_id}" in ran.err) == ([], True)
    assert tool.writes() == []


def test_two_images_must_not_get_one_name(tool) -> None:
    ran = tool.copy(LINUX, THREE, "--name", "the same", code=2)
    assert "{image_id}" in ran.err
    assert tool.writes() == []


def test_a_description_is_cut_but_never_its_own_marker(tool) -> None:
    """Older markers are removed."""
    tool.again(behaviour=Behaviour(description=DescriptionLimit.LIMITED))
    older = "[omicopy us-east-2 ami-99999999] " + "x" * 300 + " [omicopy us-east-2 ami-99999999]"
    tool.source.change_image(LINUX, description=older)
    assert tool.target.images.get("ami-00000032").name == "public-linux"  # another account's, and so no conflict
    tool.copy("golden-linux", "--name", "public-linux")
    (copy,) = tool.copies()
    assert copy.name == "public-linux"
    marker = f" [omicopy eu-west-2 {LINUX}]"
    assert copy.description == "x" * (255 - len(marker)) + marker


# --- not to the end


def test_a_dry_run_shows_the_next_step_and_writes_nothing(tool) -> None:
    ran = tool.copy("golden-linux", "--dry-run")
    assert (ran.copy["status"], ran.copy["changed"]) == ("planned", False)
    assert "a new export" in ran.err
    assert tool.writes() == []
    tool.exported()
    tool.forget()
    ran = tool.copy("golden-linux", "--dry-run")
    assert (ran.copy["status"], ran.copy["manifest"]) == ("planned", f"s3://omi-exports/{LINUX}/manifest")
    assert "image 'golden-linux'" in ran.err
    assert tool.writes() == []
    assert [path for path in tool.home.rglob("*") if path.is_file()] == []


def test_no_wait_reports_nothing_as_running_that_is_not(tool) -> None:
    ran = tool.copy("still-pending", "--no-wait", code=5)
    assert (ran.copy["status"], ran.copy["error"]["code"]) == ("failed", "temporary")
    assert "Nothing could be started yet: source image ami-00000004 is pending" in ran.err
    assert tool.copy("still-pending", "--dry-run").copy["status"] == "planned"
    assert tool.writes() == []


def test_r9_the_manifest_is_read_through_the_printed_url(tool) -> None:
    tool.copy("golden-linux")
    keys = [request.key for request in tool.sandbox.request_log.requests("GetObject", account="source")]
    assert len([key for key in keys if key.endswith("/manifest")]) == 2, "once with our keys, once as the service will"


def test_with_no_wait_every_run_starts_the_next_step(tool) -> None:
    tool.hold()
    first = tool.copy("golden-linux", "--no-wait")
    assert (first.copy["status"], first.copy["changed"]) == ("running", True)
    assert tool.writes() == ["CreateImageExportTask", "CreateTags"]
    second = tool.copy("golden-linux", "--no-wait")
    assert (second.copy["status"], second.copy["changed"]) == ("running", False)
    assert second.copy["export_task_id"] == first.copy["export_task_id"]
    tool.advance(1)
    tool.wait(lambda: tool.tasks()[0].ended)
    third = tool.copy("golden-linux", "--no-wait")
    assert (third.copy["status"], third.copy["target"]["image_id"]) == ("running", tool.copies()[0].image_id)
    tool.go()
    last = tool.copy("golden-linux")
    assert (last.copy["status"], last.copy["target"]["image_id"]) == ("present", tool.copies()[0].image_id)
    assert_copied(tool, LINUX, tool.copies()[0])
    assert tool.count("CreateImageExportTask") == tool.count("CreateImage") == 1


# --- after the copy


def test_a_copy_gets_the_requested_tags_and_permissions(tool) -> None:
    asked = ("--tag", "team=platform", "--tag", "env=", "--share-with", "333333333333", "--share-with", "444444444444")
    first = tool.copy("golden-linux", *asked)
    (copy,) = tool.copies()
    tags = dict(copy.tags)
    assert (first.copy["status"], tags["team"], tags["env"]) == ("copied", "platform", "")
    assert copy.launch_accounts == ("333333333333", "444444444444")
    tool.forget()
    assert tool.copy("golden-linux", *asked).copy["changed"] is False
    assert tool.copy("golden-linux").copy["changed"] is False
    assert tool.writes() == []
    more = tool.copy("golden-linux", "--tag", "team=other", "--share-with", "555555555555").copy
    assert (more["status"], more["changed"]) == ("present", True)
    assert sorted(tool.writes()) == ["CreateTags", "UpdateImage"]
    (copy,) = tool.copies()
    assert (dict(copy.tags)["team"], copy.launch_accounts[-1]) == ("other", "555555555555")


def test_the_sources_tags_are_not_copied_with_no_copy_tags(tool) -> None:
    tool.copy("golden-linux", "--no-copy-tags")
    assert all(key.startswith("omicopy:") for key in dict(tool.copies()[0].tags))


def test_a_copy_unlike_its_source_is_found_every_time(tool) -> None:
    tool.copy("golden-three")
    (copy,) = tool.copies()
    flawed = replace(copy, devices=copy.devices[:2], product_codes=("0002",))
    tool.target.images.put(copy.image_id, flawed)
    tool.target.forget_history()
    for _ in range(2):
        ran = tool.copy("golden-three", code=8)
        assert ran.copy["error"]["code"] == "different"
        assert ran.copy["target"]["image_id"] == copy.image_id
        assert (
            "product codes 0002 instead of 0001; 2 volumes instead of 3; no /dev/xvdc" in ran.copy["error"]["message"]
        )
    assert len(tool.copies()) == 1


def test_invalid_tags_and_accounts_are_refused(tool) -> None:
    cases = {
        ("--tag", "omicopy:copy=x"): "this tool's own",
        ("--tag", "team"): "KEY=VALUE",
        ("--tag", "=x"): "is no tag",
        ("--share-with", "1234"): "12 digits",
        ("--parallel", "0"): "parallel",
        ("--deadline", "soon"): "no duration",
    }
    ran = tool.together([lambda a=a: tool.copy("golden-linux", *a, code=2) for a in cases])
    assert [message for message, one in zip(cases.values(), ran, strict=True) if message not in one.err] == []


def test_a_deadline_ends_the_run_and_loses_nothing(tool) -> None:
    tool.hold()
    tool.copy("golden-linux", "--no-wait")
    ran = tool.copy("golden-linux", "--deadline", "0.5s", code=6)
    assert "--deadline" in ran.err  # which may be over before there is a copy to tell of
    tool.go()
    assert tool.copy("golden-linux").copy["status"] == "copied"
    assert tool.count("CreateImageExportTask") == 1


def test_parallel_bounds_the_running_copies(tool) -> None:
    done = tool.copy(LINUX, THREE, "ami-00000003", "--parallel", "1", "--no-copy-tags")
    assert [copy["status"] for copy in done.json["copies"]] == ["copied"] * 3
    exports = most_at_once(tool.source.tasks, lambda task: task.ended is None)
    imports = most_at_once(tool.target.images, lambda image: image.state == "pending" and image.file_location)
    assert (exports, imports) == (1, 1)
    assert "queued" in done.err


def most_at_once(table: VersionedTable[Any], is_meant: Callable[[Any], object]) -> int:
    """How many there were at any moment of the past."""
    moments = {moment for past in table._past.values() for moment, _ in past}
    return max(len(list(filter(is_meant, table.all(moment)))) for moment in moments)

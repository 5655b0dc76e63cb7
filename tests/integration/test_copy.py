"""`omicopy copy` from Region to Region: what it makes, what it finds, what it adopts, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omicopy import __version__
from omicopy.sandbox.model.behaviours import Behaviour, NameRule
from omicopy.sandbox.model.region_state import VersionedTable
from tests.support.copying import assert_copied
from tests.support.tool import LINUX, THREE

VARIANTS = [
    *(pytest.param(behaviour, id=behaviour.name) for behaviour in [*Behaviour.every(), Behaviour.from_seed(1)]),
    *(pytest.param(Behaviour.from_seed(seed), id=f"seed-{seed}", marks=pytest.mark.proof) for seed in range(2, 14)),
]
"""Each guess is in one of the first; of how guesses meet, some are drawn."""


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
    elsewhere = tool.on_other_machine()
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
    again = tool.on_other_machine().copy("golden-three", "--prefix", prefix, to=["target", "target-other"])
    assert [entry["status"] for entry in again.json["copies"]] == ["present", "copied"]
    assert tool.tasks() == [tool.source.tasks.get(task.task_id)]


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
    assert "Not started: source image ami-00000004 is pending" in ran.err
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
            "product codes 0002 instead of 0001; 2 volumes instead of 3; /dev/xvdc is missing"
            in ran.copy["error"]["message"]
        )
    assert len(tool.copies()) == 1


def test_invalid_tags_and_accounts_are_refused(tool) -> None:
    cases = {
        ("--tag", "omicopy:copy=x"): "reserved for omicopy",
        ("--tag", "team"): "KEY=VALUE",
        ("--tag", "=x"): "Invalid tag",
        ("--share-with", "1234"): "12 digits",
        ("--parallel", "0"): "parallel",
        ("--deadline", "soon"): "not a duration",
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

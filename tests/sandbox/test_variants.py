"""What is unknown about the service varies, and under every variant exports export and imports import."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import Enum

import pytest
import requests

from omicopy.sandbox.api.actions.shapes import task_shape
from omicopy.sandbox.model.behaviours import (
    Behaviour,
    ListOrder,
    ManifestFilename,
    ManifestKeySet,
    ManifestUrl,
    NameRule,
    ShownPrefix,
    TaskRetention,
    dimensions,
)
from omicopy.sandbox.model.region_state import ImageExportTask, TaskState
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.model.task_behaviours import ImageIdsFilter, TaskStateNames
from tests.support.children import PATIENCE

QUICK = {"export_seconds": 0.1, "import_seconds": 0.1}


def manifest(user, task):
    return requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).json()


def having(user, **values: Enum) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=Behaviour(**values), **QUICK))


def test_every_value_of_what_is_unknown_is_in_some_variant() -> None:
    for name, values in dimensions().items():
        assert {getattr(behaviour, name) for behaviour in Behaviour.every()} == set(values), name


def test_variants_have_names_of_their_own() -> None:
    names = [behaviour.name for behaviour in Behaviour.every()]
    assert len(set(names)) == len(names) <= 6
    assert [Behaviour.named(name) for name in names] == list(Behaviour.every())


def test_a_seed_always_gives_the_same_variant_and_seeds_differ() -> None:
    assert Behaviour.from_seed(7) == Behaviour.named("seed-7")
    assert len({json.dumps([str(v) for v in vars_of(Behaviour.from_seed(seed))]) for seed in range(20)}) > 15


def vars_of(behaviour: Behaviour) -> list[object]:
    return [getattr(behaviour, name) for name in dimensions()]


@pytest.mark.parametrize(
    "behaviour", [*Behaviour.every(), Behaviour.from_seed(1), Behaviour.from_seed(2)], ids=lambda one: one.name
)
def test_an_export_can_be_imported_under_every_variant(user, behaviour) -> None:
    user.sandbox.reset(SandboxSettings(behaviour=behaviour, ended_task_seconds=3600, **QUICK))
    task = user.export("ami-00000002", OsuPrefix="/a/b/")
    assert task["State"] == "completed"
    copy = user.import_(user.sign(user.manifest_key(task)))
    assert (copy["State"], len(copy["BlockDeviceMappings"])) == ("available", 3)


@pytest.mark.parametrize("way", list(ManifestUrl))
def test_what_a_task_says_about_its_manifest_varies(user, way) -> None:
    having(user, manifest_url=way)
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


def test_a_task_s_url_may_be_dead_while_those_inside_live(user) -> None:
    user.sandbox.reset(SandboxSettings(export_seconds=0.1, task_url_age_seconds=604_801))
    task = user.export("ami-00000001")
    assert requests.get(task["OsuExport"]["OsuManifestUrl"], timeout=PATIENCE).status_code == 403
    inside = user.sandbox.region_state("eu-west-2").tasks.get(task["TaskId"])
    assert "Signature" not in repr(inside)


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (ShownPrefix.TIDY, "a/b/ami-00000001/"),
        (ShownPrefix.AS_ASKED, "/a/b//ami-00000001/"),
        (ShownPrefix.NO_END, "a/b/ami-00000001"),
    ],
)
def test_the_slashes_of_a_prefix_vary(user, way, said) -> None:
    having(user, prefix=way)
    task = user.export("ami-00000001", OsuPrefix="/a/b/")
    assert task["OsuExport"]["OsuPrefix"] == said
    assert user.manifest_key(task).startswith("a/b/ami-00000001/")


def test_file_names_are_bare_or_whole_keys(user) -> None:
    having(user, filename=ManifestFilename.KEY)
    [snapshot] = manifest(user, user.export("ami-00000001", OsuPrefix="p"))["Image"]["Snapshots"]
    assert snapshot["Filename"].startswith("p/ami-00000001/snap-00000010-")


def test_keys_may_be_missing_or_unheard_of(user) -> None:
    having(user, fields=ManifestKeySet.SPARSE)
    sparse = manifest(user, user.export("ami-00000001"))["Image"]
    having(user, fields=ManifestKeySet.EXTRA)
    extra = manifest(user, user.export("ami-00000001"))["Image"]
    assert {"Name", "User"} & set(sparse) == set()
    assert {"CompressedSize", "Iops", "Ordering"} & set(sparse["Snapshots"][0]) == set()
    assert {"Platform", "Hypervisor"} <= set(extra)


def test_lists_come_in_any_order_and_pages_still_hold_everything_once(user) -> None:
    seen = {}
    for order in ListOrder:
        having(user, order=order)
        api, ids, token = user.api("source"), [], {}
        while token is not None:
            page = api.api("ReadImages", ResultsPerPage=2, **token)
            ids += [image["ImageId"] for image in page["Images"]]
            token = {"NextPageToken": page["NextPageToken"]} if "NextPageToken" in page else None
        seen[order] = ids
    assert seen[ListOrder.NEWEST_FIRST] == seen[ListOrder.OLDEST_FIRST][::-1]
    assert sorted(seen[ListOrder.SHUFFLED]) == sorted(seen[ListOrder.OLDEST_FIRST])
    assert len({tuple(ids) for ids in seen.values()}) == 3


def test_a_name_may_be_taken_twice_or_fail_late(user) -> None:
    having(user, names=NameRule.FREE)
    assert user.import_(user.manifest_url(), "resident")["State"] == "available"
    having(user, names=NameRule.LATE)
    assert user.import_(user.manifest_url(), "resident")["State"] == "failed"


def test_ended_tasks_age_out(user) -> None:
    user.sandbox.reset(
        SandboxSettings(behaviour=Behaviour(ageing=TaskRetention.AGES_OUT), ended_task_seconds=0.3, **QUICK)
    )
    clock = user.sandbox.scheduler
    clock.hold()
    task = user.start_export("ami-00000001")
    clock.advance(1)
    user.wait(lambda: user.task(task["TaskId"])["State"] == "completed")
    clock.advance(1)
    assert user.api("source").api("ReadImageExportTasks")["ImageExportTasks"] == []
    assert requests.get(user.sign(user.manifest_key(task)), timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize(
    ("states", "called"),
    [
        (TaskStateNames.DOCUMENTED, ["pending/queued", "pending", "pending", "pending", "completed"]),
        (TaskStateNames.NEWER, ["initializing", "preparing", "pending", "uploading", "completed"]),
        (TaskStateNames.SISTERS, ["in-queue", "active", "active", "active", "completed"]),
    ],
)
def test_the_states_of_a_task_vary(states: TaskStateNames, called: list[str]) -> None:
    task = ImageExportTask("t", "1", "ami-1", "raw", "b", "p/", "p/", "p/manifest", TaskState.QUEUED, "", 0.0, 100.0)
    stages = [(TaskState.QUEUED, 0), *((TaskState.PENDING, at) for at in (10, 50, 90)), (TaskState.COMPLETED, 100)]
    shown = [task_shape(replace(task, state=state), at, states)["State"] for state, at in stages]
    assert shown == called


def test_the_new_filter_on_image_ids_is_kept_refused_or_ignored(user) -> None:
    asked = {"Filters": {"ImageIds": ["ami-00000002"]}}
    for way, found in ((ImageIdsFilter.KEPT, 0), (ImageIdsFilter.IGNORED, 1), (ImageIdsFilter.REFUSED, None)):
        having(user, image_ids=way)
        user.start_export("ami-00000001")
        if found is not None:
            assert len(user.api("source").api("ReadImageExportTasks", **asked)["ImageExportTasks"]) == found
            continue
        with user.refused() as refused:
            user.api("source").api("ReadImageExportTasks", **asked)
        assert (refused.status, refused.code) == (400, "4023")

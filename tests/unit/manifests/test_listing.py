"""Where many exports lie side by side, one list tells of all of them, the same as a list for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omicopy.cloud.errors import Cause, ServiceError
from omicopy.manifests import listing
from omicopy.manifests.listing import list_together
from omicopy.model.export import ExportKey
from omicopy.model.request import Source
from omicopy.model.result import Status
from omicopy.reconcile.apply import RunMode
from tests.support.builders import KEY, SOURCE, a_target, copy_request, source_image
from tests.support.virtual_cloud import Cloud, FakeStorage, Machine, failing

IDS = [f"ami-{number:08x}" for number in range(200)]
SPELLINGS = ("nightly/{}/", "nightly//{}/", "/nightly/{}/")


def exports(prefix: str) -> list[ExportKey]:
    return [ExportKey(image_id, KEY.bucket, prefix) for image_id in IDS]


def storage(cloud: Cloud) -> Any:
    return FakeStorage(cloud, "source")


def filled(*folders: str) -> Cloud:
    cloud = Cloud()
    for number, image_id in enumerate(IDS[::3]):
        folder = folders[number % len(folders)].format(image_id)
        cloud.objects |= {f"{folder}disk.gz": b"1" * number, f"{folder}manifest.json": b"22"}
    cloud.objects |= {"nightly/ami-0000000": b"no folder", "nightly/notes": b"", "elsewhere/ami-00000000/disk.gz": b""}
    return cloud


@pytest.mark.parametrize(("prefix", "folders"), [("nightly", SPELLINGS), ("", ("{}/",))])
def test_r7_one_list_gives_what_a_list_per_export_would(prefix: str, folders: tuple[str, ...]) -> None:
    cloud = filled(*folders)
    sizes = list_together(storage(cloud), exports(prefix))
    asked = len(cloud.sent("ListObjects"))
    assert asked == len(folders)
    for image_id in IDS:
        for folder in folders:
            place = folder.format(image_id)
            assert sizes(KEY.bucket, place) == {k: len(v) for k, v in cloud.objects.items() if k.startswith(place)}
    assert len(cloud.sent("ListObjects")) == asked, "whatever is asked for was in the list"


def test_an_export_elsewhere_is_listed_by_itself() -> None:
    cloud = filled("{}/")
    sizes = list_together(storage(cloud), exports("nightly"))
    assert list(sizes(KEY.bucket, "elsewhere/ami-00000000/")) == ["elsewhere/ami-00000000/disk.gz"]
    assert sizes("another-bucket", "nightly/ami-00000000/") == {}
    assert [asked["Key"] for asked in cloud.sent("ListObjects")][-2:] == [
        "elsewhere/ami-00000000/",
        "nightly/ami-00000000/",
    ]


def test_a_few_exports_are_listed_one_by_one() -> None:
    cloud = filled("nightly/{}/")
    sizes = list_together(storage(cloud), exports("nightly")[: listing.MIN_EXPORTS])
    assert not cloud.sent("ListObjects"), "in a bucket full of other things a list of all is the dearer one"
    assert len(sizes(KEY.bucket, f"nightly/{IDS[0]}/")) == 2


def test_a_failed_list_is_unknown_for_all_its_exports() -> None:
    """It is tried once."""
    cloud = filled("nightly/{}/")
    cloud.trouble = failing(cloud.time, Cause.SERVER, "ListObjects")
    sizes = list_together(storage(cloud), exports("nightly"))
    asked = len(cloud.requests)
    for image_id in IDS:
        with pytest.raises(ServiceError):
            sizes(KEY.bucket, f"nightly/{image_id}/")
    assert len(cloud.requests) == asked


def test_r7_a_check_of_many_copies_lists_their_place_once(tmp_path: Path) -> None:
    cloud = Cloud()
    requests = []
    for export in exports(""):
        raw = cloud.add_image("source", export.image_id, AccountId=SOURCE.account_id)
        source = Source(SOURCE, source_image(raw["ImageId"]), export)
        requests.append(replace(copy_request(), source=source, target=a_target(name=export.image_id)))
    results = Machine(tmp_path, cloud).run(*requests, mode=RunMode(dry_run=True))
    assert {result.status for result in results} == {Status.PLANNED}
    assert len(cloud.sent("ListObjects")) == 1

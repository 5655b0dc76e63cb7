"""Which exports retention deletes: only ours, and none that a copy still needs (R4)."""

from __future__ import annotations

from datetime import UTC, datetime

from omicopy.model.own_tags import DATE_TAG
from omicopy.plans.model import Retention
from omicopy.prune.decide_exports import exports_still_needed
from omicopy.prune.entries import StillNeeded
from omicopy.prune.ownership import Scope
from tests.support.builders import KEY, NOON, SOURCE, SOURCE_ID, TARGET, copy_request, image, tagged
from tests.support.pruning import DAY, LATER, deleted, exports, our_copy, our_task


def test_our_export_is_deleted_unless_a_reason_keeps_it() -> None:
    new, old = our_task("t1", "ami-0000000b", 1), our_task("t2", SOURCE_ID, 2)
    assert exports(new, old) == {"t1": "the latest one", "t2": "delete"}
    assert exports(new, our_task("t2", SOURCE_ID, 2, **{"omicopy:export": None})) == {"t1": "the latest one"}
    assert exports(new, our_task("t2", SOURCE_ID, 2, "failed")) == {"t1": "the latest one"}
    shared = our_task("t2", SOURCE_ID, 2, **{"omicopy:handed-out-until": (NOON + DAY).isoformat()})
    assert "handed out" in exports(new, shared)["t2"]
    assert (
        "was not started by omicopy"
        in exports(new, old, our_task("t3", SOURCE_ID, 2, **{"omicopy:export": None}))["t2"]
    )
    assert "writes to the same place" in exports(new, old, our_task("t3", SOURCE_ID, 2, "pending"))["t2"]
    assert "is being made from it" in exports(new, old, images=[image(State="pending")])["t2"]
    assert exports(new, old, images=[image(State="failed")])["t2"] == "delete"
    exports_ = StillNeeded(exports={(SOURCE.account_id, SOURCE.region, old.key)})
    assert "a copy that the plan asks for" in exports(new, old, wanted=exports_)["t2"]
    assert exports(new, old, scope=Scope(SOURCE, Retention(1, None), bucket="elsewhere")) == {}
    assert exports(new, our_task("t2", SOURCE_ID, 2, **{DATE_TAG: None}))["t2"].startswith("its source's creation time")


def test_a_prefix_ending_in_the_image_id_is_the_same_folder() -> None:
    there = our_task("t1", SOURCE_ID, 1)
    for prefix, found in (("", True), (f"/{SOURCE_ID}/", True), ("elsewhere", False)):
        assert (
            "t1" in exports(there, scope=Scope(SOURCE, Retention(1, None), bucket=KEY.bucket, prefix=prefix))
        ) is found


def test_an_export_whose_clean_up_has_begun_does_not_count() -> None:
    begun = our_task("t1", "ami-0000000b", 1, **{"omicopy:cleaned-up": NOON.isoformat()})
    assert exports(begun, our_task("t2", SOURCE_ID, 2)) == {"t1": "delete", "t2": "the latest one"}


def test_an_export_is_needed_until_all_copies_are_known_complete() -> None:
    request = copy_request()
    needed = {(SOURCE.account_id, SOURCE.region, KEY)}
    whole = tagged(image(), request)
    assert exports_still_needed([request], {TARGET: [whole]}) == set()
    assert exports_still_needed([request], {TARGET: [image()]}) == needed  # without its tags
    assert exports_still_needed([request], {TARGET: [tagged(image(State="pending"), request)]}) == needed
    assert exports_still_needed([request], {TARGET: []}) == exports_still_needed([request], {}) == needed


def test_dates_are_compared_with_their_time_of_day() -> None:
    """A date without a zone is UTC; mixing both kinds never crashes."""
    naive = our_copy("ami-000000c2", tags={DATE_TAG: "2025-06-01"})
    assert deleted(our_copy(), naive, LATER) == ["ami-000000c1", "ami-000000c2"]
    assert datetime.min.replace(tzinfo=UTC) < NOON

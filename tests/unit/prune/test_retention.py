"""Which copies and exports retention lets go: the rules alone, and that they are asked about ours only (R4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omicopy.model.image import Image
from omicopy.model.own_tags import COPY_TAG, DATE_TAG, JOB_TAG, NAME_TAG, SOURCE_ACCOUNT_TAG, SOURCE_IMAGE_TAG
from omicopy.plans.model import Retention, Selector
from omicopy.prune.entries import Action, Entry, PruneFacts, StillNeeded
from omicopy.prune.judge_exports import judge_exports, unfed_exports
from omicopy.prune.judge_images import judge_copies, judge_snapshots
from omicopy.prune.ownership import NOT_SELECTED, Scope
from omicopy.prune.retention import Item, apply_retention, series
from tests.support.builders import (
    KEY,
    MARKER,
    NOON,
    SOURCE,
    SOURCE_ID,
    TARGET,
    copy_request,
    image,
    source_image,
    tagged,
    task,
)

DAY = timedelta(days=1)


def items(*days: float | None, group: str = "a") -> list[Item]:
    return [Item(group, None if day is None else NOON - day * DAY, True, str(n)) for n, day in enumerate(days)]


def gone(given_items: list[Item], keep_last: int | None = None, keep_days: float | None = None) -> list[int]:
    within = None if keep_days is None else keep_days * DAY
    fates = apply_retention(given_items, Retention(keep_last, within), NOON)
    return [index for index, fate in enumerate(fates) if fate.goes]


@pytest.mark.parametrize(
    ("days", "keep_last", "keep_days", "expected"),
    [
        ((1, 2, 3), 2, None, [2]),
        ((3, 1, 2), 2, None, [0]),
        ((1, 2, 3), None, 2, [2]),
        ((5, 6, 7), None, 2, [1, 2]),  # the latest one stays
        ((1, 2, 3, 40), 1, 30, [3]),
        ((40, 41, 42), 2, 30, [2]),
        ((1, 2, 3), None, None, []),
        ((1, None, 3), 1, None, [2]),
        ((None, None), 1, None, []),
        ((1, 1, 1), 1, None, [0, 1]),  # of one moment: the greater ID
        ((-1, 1), 1, None, [1]),
    ],
)
def test_an_item_that_either_rule_keeps_is_kept(days, keep_last, keep_days, expected) -> None:
    assert gone(items(*days), keep_last, keep_days) == expected


ITEMS = st.lists(
    st.builds(
        Item,
        st.sampled_from("abc"),
        st.none() | st.integers(-2, 50).map(lambda day: NOON - day * DAY),
        st.booleans(),
        st.text("01", max_size=3),
    ),
    max_size=12,
)


@given(ITEMS, st.none() | st.integers(1, 5), st.none() | st.integers(0, 40))
def test_the_rules_match_their_definition(shown, keep_last, keep_days) -> None:
    goes = gone(shown, keep_last, keep_days)
    for index in goes:
        item = shown[index]
        later = [o for o in shown if o.is_good and o.group == item.group and o.created and o.created >= item.created]
        assert item.is_good
        assert len(later) > (keep_last or 1)
        assert keep_days is None or NOON - item.created > keep_days * DAY
    for group in "abc":
        good = [index for index, item in enumerate(shown) if item.group == group and item.is_good]
        left = [index for index in good if index not in goes]
        assert not good or left
        dated = sum(shown[index].created is not None for index in good)
        assert sum(shown[index].created is not None for index in left) >= min(dated, keep_last or 1)


@given(ITEMS, st.integers(1, 5), st.integers(0, 40))
def test_two_rules_keep_no_less_than_one(shown, keep_last, keep_days) -> None:
    both = set(gone(shown, keep_last, keep_days))
    assert both == set(gone(shown, keep_last)) & set(gone(shown, None, keep_days))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("golden-2026-01-01", "golden-2026-01-02", True),
        ("golden v9", "golden v10", True),
        ("golden-linux", "golden-windows", False),
        ("twin", "twin-ami-0000000a", True),
    ],
)
def test_names_that_differ_only_in_digits_are_one_group(one, other, alike) -> None:
    assert (series(one, "ami-0000000a") == series(other, "ami-0000000a")) is alike


# --- whose they are


def our_copy(image_id: str = "ami-000000c1", days: float = 1, **changed) -> Image:
    tags = {
        COPY_TAG: image_id,
        SOURCE_IMAGE_TAG: SOURCE_ID,
        SOURCE_ACCOUNT_TAG: SOURCE.account_id,
        DATE_TAG: (NOON - days * DAY).isoformat(),
    }
    tags |= changed.pop("tags", {})
    raw = [{"Key": key, "Value": value} for key, value in tags.items() if value is not None]
    return image(image_id, **{"Tags": raw, **changed})


LATER = our_copy("ami-000000cf", days=0)
STRANGERS = {
    "no marker": our_copy(Description="golden"),
    "marker of another image": our_copy(Description="[omicopy eu-west-2 ami-0000000b]"),
    "marker of another Region": our_copy(Description=f"[omicopy eu-west-3 {SOURCE_ID}]"),
    "another marker last": our_copy(Description=f"{MARKER} [omicopy manifest 0123456789ab]"),
    "no tag": our_copy(tags={COPY_TAG: None}),
    "a tag that was copied along": our_copy(tags={COPY_TAG: "ami-000000c2"}),
    "another account's": our_copy(AccountId="333333333333"),
    "from another source account": our_copy(tags={SOURCE_ACCOUNT_TAG: "333333333333"}),
    "pending": our_copy(State="pending"),
    "failed": our_copy(State="failed"),
    "in a state that nobody knows": our_copy(State="reticulating"),
}
SCOPE = Scope(SOURCE, Retention(1, None))


def judged(*images: Image, scope: Scope = SCOPE, sources=(), wanted: StillNeeded | None = None) -> list[Entry]:
    known = PruneFacts({TARGET: images}, {made.image_id: made for made in sources}, wanted or StillNeeded(), NOON)
    return judge_copies(scope, known)


def deleted(*images: Image, **more) -> list[str]:
    return [entry.id for entry in judged(*images, **more) if entry.action is Action.DELETE]


def test_our_copy_is_deleted_when_a_later_one_exists() -> None:
    assert deleted(our_copy(), LATER) == ["ami-000000c1"]


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_r4_other_images_are_kept_and_not_counted(stranger) -> None:
    """Other images are all that are not complete copies of ours."""
    assert deleted(stranger, LATER) == []
    others = our_copy("ami-000000a1", days=5), our_copy("ami-000000a2", days=4)
    assert deleted(*others, stranger) == ["ami-000000a1"]


@given(
    st.lists(
        st.builds(
            lambda number, days, own, account, marker, state: our_copy(
                f"ami-{number:08x}",
                days,
                tags={COPY_TAG: f"ami-{own:08x}"},
                AccountId=account,
                Description=marker,
                State=state,
            ),
            st.integers(1, 9),
            st.integers(0, 9),
            st.integers(1, 9),
            st.sampled_from([TARGET.account_id, TARGET.account_id, "333333333333"]),
            st.sampled_from([MARKER, MARKER, f"{MARKER} copied", "", "[omicopy eu-west-2 ami-0000000b]"]),
            st.sampled_from(["available", "available", "pending", "failed"]),
        ),
        max_size=8,
        unique_by=lambda made: made.image_id,
    ),
    st.integers(1, 3),
)
def test_r4_nothing_without_our_marker_and_tag_is_deleted(images, keep_last) -> None:
    """The last good copy is never deleted."""
    goes = set(deleted(*images, scope=Scope(SOURCE, Retention(keep_last, None))))
    ours = [
        made
        for made in images
        if made.tags[COPY_TAG] == made.image_id
        and made.account_id == TARGET.account_id
        and made.description in (MARKER, f"{MARKER} copied")
        and made.state == "available"
    ]
    assert goes <= {made.image_id for made in ours}
    assert len(ours) - len(goes) == min(len(ours), keep_last)


ANY = Selector(None, None, None, {}, None)


def job(*selectors: Selector, name: str = "nightly") -> Scope:
    return Scope(SOURCE, Retention(1, None), name, selectors or (ANY,))


def test_a_job_counts_its_own_copies() -> None:
    """It keeps every copy that it still asks for."""
    mine = [our_copy(f"ami-000000c{n}", days=n, tags={JOB_TAG: "nightly"}, ImageName=f"x{n}y") for n in (1, 2)]
    other = our_copy("ami-000000d1", days=9, tags={JOB_TAG: "other"})
    assert deleted(*mine, other, LATER, scope=job()) == ["ami-000000c2"]
    wanted = StillNeeded(selected={(SOURCE.account_id, SOURCE.region, SOURCE_ID)})
    assert deleted(*mine, scope=job(), wanted=wanted) == []


@pytest.mark.parametrize(
    ("selector", "name", "is_meant"),
    [
        ({"id": SOURCE_ID}, None, True),
        ({"id": "ami-0000000b"}, "golden-1", False),
        ({"name": "golden-1"}, "golden-1", True),
        ({"name": "golden-1"}, "golden-2", False),
        ({"name": "golden-1"}, None, False),
        ({"name_regex": "^gold"}, "golden-1", True),
        ({"name_regex": "^old"}, "golden-1", False),
        ({"name_regex": "."}, None, False),
        ({"tags": {"stage": "prod"}}, None, True),
        ({"tags": {"stage": "prod"}, "name": "golden-2"}, "golden-1", False),
    ],
)
def test_r4_a_job_deletes_only_copies_its_selectors_match(selector, name, is_meant) -> None:
    """Another plan's job may bear the same name."""
    empty = {"id": None, "name": None, "name_regex": None, "tags": {}, "latest": None}
    scope = job(Selector(**(empty | {"id": "ami-00000099"})), Selector(**(empty | selector)))
    tags = {JOB_TAG: "nightly", NAME_TAG: name}
    old, new = our_copy("ami-000000c2", 2, tags=tags), our_copy("ami-000000c1", 1, tags=tags)
    entries = judged(old, new, scope=scope)
    expected = ["not one of the latest 1", "the latest one"] if is_meant else [NOT_SELECTED, NOT_SELECTED]
    assert [entry.why for entry in entries] == expected
    tasks = [our_task(f"t{n}", SOURCE_ID, n, **{JOB_TAG: "nightly", NAME_TAG: name}) for n in (1,)]
    assert exports(*tasks, scope=scope) == {"t1": "the latest one" if is_meant else NOT_SELECTED}


def test_the_name_of_an_older_copy_is_read_from_its_source() -> None:
    scope = job(Selector(None, "golden", None, {}, None))
    old, new = (our_copy(f"ami-000000c{n}", n, tags={JOB_TAG: "nightly"}) for n in (2, 1))
    assert deleted(old, new, scope=scope, sources=[source_image()]) == ["ami-000000c2"]
    assert deleted(old, new, scope=scope) == []


def test_a_job_groups_images_by_their_sources_names() -> None:
    """Whatever the copies are called: the template may have changed."""

    def kind(image_id: str, days: float, source: str, name: str) -> Image:
        return our_copy(image_id, days, tags={JOB_TAG: "nightly", NAME_TAG: source}, ImageName=name)

    linux = kind("ami-000000c1", 5, "linux-1", "old-1"), kind("ami-000000c2", 4, "linux-2", "linux-2")
    windows = kind("ami-000000c3", 3, "windows-1", "windows-1"), kind("ami-000000c4", 2, "windows-2", "w")
    assert deleted(*linux, *windows, scope=job()) == ["ami-000000c1", "ami-000000c3"]
    assert deleted(*linux, *windows) == []
    tasks = [
        our_task(f"t{n}", f"ami-0000000{n}", n, **{JOB_TAG: "nightly", NAME_TAG: name})
        for n, name in ((1, "linux-2"), (2, "linux-1"), (3, "windows-1"), (4, None), (5, None))
    ]
    assert [key for key, fate in exports(*tasks, scope=job()).items() if fate == "goes"] == ["t2"]


def test_a_copy_unlike_its_source_is_kept_and_not_counted() -> None:
    bad = our_copy("ami-000000c1", 1, BlockDeviceMappings=[])
    good, older = our_copy("ami-000000c2", 2), our_copy("ami-000000c3", 3)
    entries = {entry.id: entry for entry in judged(bad, good, older, sources=[source_image()])}
    assert [entry.action.value for entry in entries.values()] == ["keep", "keep", "delete"]
    assert entries["ami-000000c1"].why.startswith("it is not as its source is: ")
    assert entries["ami-000000c2"].why == "the latest one"
    assert deleted(bad, good, older) == ["ami-000000c2", "ami-000000c3"]  # nobody knows the source any more
    request = copy_request()
    marked = tagged(image(BlockDeviceMappings=[]), request)
    assert unfed_exports([request], {TARGET: [marked]}) == {(SOURCE.account_id, SOURCE.region, KEY)}


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", ""])
def test_an_impossible_date_is_none(date: str) -> None:
    assert deleted(our_copy(tags={DATE_TAG: date}, CreationDate=""), LATER) == []
    assert exports(our_task("t1", SOURCE_ID, 1, **{DATE_TAG: date}))["t1"].startswith("when its source")


def test_r4_only_marked_snapshots_of_deleted_images_remain() -> None:
    def shown(snapshot_id: str, of: str | None, account: str = TARGET.account_id) -> dict:
        tags = [{"Key": "omicopy:of", "Value": of}] if of is not None else []
        return {"SnapshotId": snapshot_id, "AccountId": account, "Tags": tags}

    snapshots = [
        shown("snap-00000001", "ami-0000dead"),
        shown("snap-00000002", "ami-000000c1"),
        shown("snap-00000003", "ami-0000dead", SOURCE.account_id),
        shown("snap-000000c1", "ami-0000dead"),  # an image maps it
        shown("snap-00000004", None),
        shown("snap-00000005", "?"),
        {"SnapshotId": None},
    ]
    [entry] = judge_snapshots(TARGET, snapshots, [image()])
    assert (entry.id, entry.kind.value, entry.action, entry.where) == (
        "snap-00000001", "snapshot", Action.DELETE, TARGET.profile,
    )  # fmt: skip


def test_without_a_source_date_tag_the_copys_date_counts() -> None:
    old = our_copy("ami-000000c2", tags={DATE_TAG: None}, CreationDate="2020-01-01T00:00:00Z")
    assert deleted(our_copy(), old) == ["ami-000000c2"]
    assert deleted(our_copy(), our_copy("ami-000000c2", tags={DATE_TAG: "soon"}, CreationDate="")) == []


# --- exports


def our_task(task_id: str, image_id: str, days: float, state: str = "completed", **tags: str | None):
    """With an image of its own, so that each is an export of its own."""
    own = {"omicopy:export": "1", DATE_TAG: (NOON - days * DAY).isoformat(), "omicopy:source-name": "golden"} | tags
    osu = {"DiskImageFormat": "qcow2", "OsuBucket": KEY.bucket, "OsuPrefix": f"{image_id}/"}
    raw = [{"Key": key, "Value": value} for key, value in own.items() if value is not None]
    return task(task_id, state, ImageId=image_id, OsuExport=osu, Tags=raw)


def exports(*tasks, images=(), wanted: StillNeeded | None = None, scope: Scope | None = None) -> dict[str, str]:
    scope = scope or Scope(SOURCE, Retention(1, None), bucket=KEY.bucket)
    entries = judge_exports(scope, tasks, PruneFacts({TARGET: images}, {}, wanted or StillNeeded(), NOON))
    return {entry.id: "goes" if entry.action is Action.DELETE else entry.why for entry in entries}


def test_our_export_is_deleted_unless_a_reason_keeps_it() -> None:
    new, old = our_task("t1", "ami-0000000b", 1), our_task("t2", SOURCE_ID, 2)
    assert exports(new, old) == {"t1": "the latest one", "t2": "goes"}
    assert exports(new, our_task("t2", SOURCE_ID, 2, **{"omicopy:export": None})) == {"t1": "the latest one"}
    assert exports(new, our_task("t2", SOURCE_ID, 2, "failed")) == {"t1": "the latest one"}
    shared = our_task("t2", SOURCE_ID, 2, **{"omicopy:handed-out-until": (NOON + DAY).isoformat()})
    assert "handed out" in exports(new, shared)["t2"]
    assert "no mark of this tool" in exports(new, old, our_task("t3", SOURCE_ID, 2, **{"omicopy:export": None}))["t2"]
    assert "writes to the same place" in exports(new, old, our_task("t3", SOURCE_ID, 2, "pending"))["t2"]
    assert "is being made from it" in exports(new, old, images=[image(State="pending")])["t2"]
    assert exports(new, old, images=[image(State="failed")])["t2"] == "goes"
    unfed = StillNeeded(unfed={(SOURCE.account_id, SOURCE.region, old.key)})
    assert "still to be made" in exports(new, old, wanted=unfed)["t2"]
    assert exports(new, old, scope=Scope(SOURCE, Retention(1, None), bucket="elsewhere")) == {}
    assert exports(new, our_task("t2", SOURCE_ID, 2, **{DATE_TAG: None}))["t2"].startswith("when its source")


def test_a_prefix_ending_in_the_image_id_is_the_same_folder() -> None:
    there = our_task("t1", SOURCE_ID, 1)
    for prefix, found in (("", True), (f"/{SOURCE_ID}/", True), ("elsewhere", False)):
        assert (
            "t1" in exports(there, scope=Scope(SOURCE, Retention(1, None), bucket=KEY.bucket, prefix=prefix))
        ) is found


def test_an_export_whose_clean_up_has_begun_does_not_count() -> None:
    begun = our_task("t1", "ami-0000000b", 1, **{"omicopy:cleaned-up": NOON.isoformat()})
    assert exports(begun, our_task("t2", SOURCE_ID, 2)) == {"t1": "goes", "t2": "the latest one"}


def test_an_export_is_needed_until_all_copies_are_known_complete() -> None:
    request = copy_request()
    needed = {(SOURCE.account_id, SOURCE.region, KEY)}
    whole = tagged(image(), request)
    assert unfed_exports([request], {TARGET: [whole]}) == set()
    assert unfed_exports([request], {TARGET: [image()]}) == needed  # without its tags
    assert unfed_exports([request], {TARGET: [tagged(image(State="pending"), request)]}) == needed
    assert unfed_exports([request], {TARGET: []}) == unfed_exports([request], {}) == needed


def test_dates_are_compared_with_their_time_of_day() -> None:
    """A date without a zone is UTC; mixing both kinds never crashes."""
    naive = our_copy("ami-000000c2", tags={DATE_TAG: "2025-06-01"})
    assert deleted(our_copy(), naive, LATER) == ["ami-000000c1", "ami-000000c2"]
    assert datetime.min.replace(tzinfo=UTC) < NOON

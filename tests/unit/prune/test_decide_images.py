"""Which copies and snapshots retention deletes: only ours, and never the last good one (R4)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from omicopy.model.image import Image
from omicopy.model.own_tags import COPY_TAG, DATE_TAG, JOB_TAG, NAME_TAG, SOURCE_ACCOUNT_TAG
from omicopy.plans.model import Retention, Selector
from omicopy.prune.decide_exports import exports_still_needed
from omicopy.prune.decide_images import decide_snapshots
from omicopy.prune.entries import Action, StillNeeded
from omicopy.prune.ownership import NOT_SELECTED, Scope
from tests.support.builders import KEY, MARKER, SOURCE, SOURCE_ID, TARGET, copy_request, image, source_image, tagged
from tests.support.pruning import LATER, deleted, exports, judged, our_copy, our_task

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
    assert [key for key, verdict in exports(*tasks, scope=job()).items() if verdict == "delete"] == ["t2"]


def test_a_copy_unlike_its_source_is_kept_and_not_counted() -> None:
    bad = our_copy("ami-000000c1", 1, BlockDeviceMappings=[])
    good, older = our_copy("ami-000000c2", 2), our_copy("ami-000000c3", 3)
    entries = {entry.id: entry for entry in judged(bad, good, older, sources=[source_image()])}
    assert [entry.action.value for entry in entries.values()] == ["keep", "keep", "delete"]
    assert entries["ami-000000c1"].why.startswith("it differs from its source: ")
    assert entries["ami-000000c2"].why == "the latest one"
    assert deleted(bad, good, older) == ["ami-000000c2", "ami-000000c3"]  # nobody knows the source any more
    request = copy_request()
    marked = tagged(image(BlockDeviceMappings=[]), request)
    assert exports_still_needed([request], {TARGET: [marked]}) == {(SOURCE.account_id, SOURCE.region, KEY)}


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", ""])
def test_an_impossible_date_is_none(date: str) -> None:
    assert deleted(our_copy(tags={DATE_TAG: date}, CreationDate=""), LATER) == []
    assert exports(our_task("t1", SOURCE_ID, 1, **{DATE_TAG: date}))["t1"].startswith("its source's creation time")


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
    [entry] = decide_snapshots(TARGET, snapshots, [image()])
    assert (entry.id, entry.kind.value, entry.action, entry.where) == (
        "snap-00000001", "snapshot", Action.DELETE, TARGET.profile,
    )  # fmt: skip


def test_without_a_source_date_tag_the_copys_date_counts() -> None:
    old = our_copy("ami-000000c2", tags={DATE_TAG: None}, CreationDate="2020-01-01T00:00:00Z")
    assert deleted(our_copy(), old) == ["ami-000000c2"]
    assert deleted(our_copy(), our_copy("ami-000000c2", tags={DATE_TAG: "soon"}, CreationDate="")) == []

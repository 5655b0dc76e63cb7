"""Which objects of an export may be deleted: those that our manifests name, and only when no task forbids it (R4)."""

from __future__ import annotations

import json

from hypothesis import given, strategies as st

from omicopy.deletion.export_rules import Deletable, ExportFolder, Kept, deletable_objects, deletable_tasks
from omicopy.model.export import ExportKey, StoredExport
from omicopy.model.manifest import parse_manifest
from omicopy.model.own_tags import CLEANED_TAG, EXPORT_TAG, URL_EXPIRY_TAG
from omicopy.model.s3_location import S3Object
from tests.support.builders import KEY, NOON, SOURCE_ID, raw_manifest, signed, task

OURS = {EXPORT_TAG: "1"}


def test_tasks_decide_whether_anything_may_be_deleted() -> None:
    def decided(*tasks):
        decision = deletable_tasks(tasks, KEY, NOON)
        return decision.why if isinstance(decision, Kept) else [each.task_id for each in decision]

    def ours(task_id: str, state: str = "completed", **tags: str):
        return task(task_id, state, Tags=[{"Key": key, "Value": value} for key, value in (OURS | tags).items()])

    later, earlier = "2026-01-15T12:00:01Z", "2026-01-15T11:59:59Z"
    elsewhere = task("t", OsuExport={"OsuBucket": KEY.bucket, "OsuPrefix": f"x/{SOURCE_ID}/", "DiskImageFormat": "raw"})
    assert decided(ours("a"), ours("b", **{CLEANED_TAG: earlier}), elsewhere) == ["a", "b"]
    assert decided(ours("a"), ours("b", "failed"), task("c", "cancelled")) == ["a"]
    assert decided(ours("a", **{URL_EXPIRY_TAG: earlier})) == ["a"]
    assert "until 2026-01-15T12:00:01Z" in decided(ours("a"), ours("b", **{URL_EXPIRY_TAG: later}))
    assert "until whenever" in decided(ours("a", **{URL_EXPIRY_TAG: "whenever"}))
    assert "was not started by omicopy" in decided(ours("a"), task("b"))
    assert "no finished export" in decided(elsewhere)
    for state in ("pending/queued", "pending", "active", "reticulating", ""):
        assert "writes to the same place" in decided(ours("a"), ours("b", state))


NAMES = st.sampled_from(
    ["snap-1.qcow2.gz", "snap-2.qcow2.gz", "deep/snap-3.qcow2.gz", "deep/m.json", "m.json", "n", "r.raw.gz"]
)
FOLDERS = st.sampled_from(
    ["", "a/", "a/ami-0000000a/", f"a/{SOURCE_ID}x/", f"a/{SOURCE_ID}/", f"b/{SOURCE_ID}/", "a//"]
)
KEYS = st.builds(str.__add__, FOLDERS, NAMES) | st.just(f"a/{SOURCE_ID}/../{SOURCE_ID}/snap-1.qcow2.gz")
EXPORT = ExportKey(SOURCE_ID, KEY.bucket, "a")


def manifest_at(key: str, names: list[str], bucket: str = KEY.bucket) -> StoredExport:
    entries = [{"PreSignedUrl": signed(name, NOON, bucket), "Size": 2**30} for name in names]
    document = raw_manifest() | {"Image": {"Name": "golden", "Snapshots": entries}}
    return StoredExport(S3Object(KEY.bucket, key), parse_manifest(json.dumps(document).encode()))


STORED = st.builds(
    manifest_at, KEYS, st.lists(KEYS, min_size=1, max_size=3), st.sampled_from([KEY.bucket, KEY.bucket, "other"])
)


@given(st.sets(KEYS), st.lists(STORED, max_size=3, unique_by=lambda stored: stored.location.key), st.sets(KEYS))
def test_r4_only_objects_that_our_manifests_name_are_deleted(keys, manifests, named) -> None:
    keys = keys | {stored.location.key for stored in manifests}
    decision = deletable_objects(EXPORT, ExportFolder(keys, manifests, named))
    if isinstance(decision, Kept):
        return
    by_key = {stored.location.key: stored for stored in manifests}
    gone = [*decision.snapshots, *decision.manifests]
    assert len(gone) == len(set(gone))
    assert set(gone) <= keys
    assert all(key.startswith(f"a/{SOURCE_ID}/") and ".." not in key for key in gone)
    ours = set(decision.manifests)
    assert ours <= by_key.keys()
    assert not [key for key in ours if "/" in key.removeprefix("a/").replace("//", "/").removeprefix(f"{SOURCE_ID}/")]
    assert not [key for key in ours if by_key[key].manifest.problem_outside_folder(by_key[key].location)]
    parts = {snapshot.key for key in ours for snapshot in by_key[key].manifest.snapshots}
    assert set(decision.snapshots) <= parts  # foreign objects under the same prefix survive
    assert not set(decision.snapshots) & by_key.keys()
    staying = [stored for key, stored in by_key.items() if key not in ours]
    assert not {snapshot.key for stored in staying for snapshot in stored.manifest.snapshots} & set(decision.snapshots)
    if named & ours:
        sets = {frozenset(s.key for s in by_key[key].manifest.snapshots) for key in ours & named}
        assert all(frozenset(s.key for s in by_key[key].manifest.snapshots) in sets for key in ours)


def test_only_our_tasks_manifest_is_deleted() -> None:
    """Another one beside it is kept."""
    folder = f"a/{SOURCE_ID}/"
    mine = manifest_at(f"{folder}m.json", [f"{folder}snap-1.qcow2.gz"])
    anew = manifest_at(f"{folder}m.resigned-1.json", [f"{folder}snap-1.qcow2.gz"])
    other = manifest_at(f"{folder}o.json", [f"{folder}snap-2.qcow2.gz"])
    raw = manifest_at(f"{folder}r.json", [f"{folder}snap-2.raw.gz"])
    keys = [s.location.key for s in (mine, anew, other, raw)] + [f"{folder}snap-{n}.qcow2.gz" for n in (1, 2)]
    deletable = Deletable((f"{folder}snap-1.qcow2.gz",), (anew.location.key, mine.location.key))
    assert deletable_objects(EXPORT, ExportFolder(keys, [mine, anew, other, raw], [mine.location.key])) == deletable
    assert deletable_objects(EXPORT, ExportFolder(keys, [mine, anew])) == Deletable(
        deletable.snapshots, (mine.location.key, anew.location.key)
    )
    deeper = manifest_at(f"{folder}deep/m.json", [f"{folder}deep/snap-1.qcow2.gz"])
    more = [*keys, deeper.location.key, f"{folder}deep/snap-1.qcow2.gz"]
    assert deletable_objects(EXPORT, ExportFolder(more, [mine, deeper])) == Deletable(
        deletable.snapshots, (mine.location.key,)
    )
    assert deletable_objects(EXPORT, ExportFolder(more, [deeper])) == Deletable((), ())
    for second in (other, raw):
        unclear = deletable_objects(EXPORT, ExportFolder(keys, [mine, second]))
        assert isinstance(unclear, Kept)
        assert "it is unknown which of these manifests omicopy made" in unclear.why
    both = manifest_at(f"{folder}o.json", [f"{folder}snap-1.qcow2.gz", f"{folder}snap-2.qcow2.gz"])
    shared = deletable_objects(EXPORT, ExportFolder(keys, [mine, both], [mine.location.key]))
    assert isinstance(shared, Kept)
    assert "is also named by a manifest that omicopy didn't make" in shared.why

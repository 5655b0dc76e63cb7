"""`prune`: what retention lets go is shown first, then deleted; whatever is not ours, or still needed, stays."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import Device, Omi
from tests.support.tool import LINUX, THREE, Tool


def copy_of_ours(tool: Tool, name: str, day: int, source: str = LINUX, **tags: str | None) -> Omi:
    """As if an earlier run had made it: marker, tags and a snapshot of its own."""
    account = tool.sandbox.accounts["target"]
    snapshot = tool.target.make_snapshot(account.account_id, 10, "")
    devices = (Device("/dev/sda1", snapshot.snapshot_id, 10),)
    made = tool.existing(name, f"golden [omicopy eu-west-2 {source}]", devices=devices)
    own = {
        "omicopy:copy": made.image_id,
        "omicopy:source-image": source,
        "omicopy:source-name": name,
        "omicopy:source-account": tool.sandbox.accounts["source"].account_id,
        "omicopy:source-date": f"2025-06-{day:02}T00:00:00Z",
    } | tags
    changed = replace(made, tags=tuple((key, value) for key, value in own.items() if value is not None))
    tool.target.images.put(made.image_id, changed)
    tool.target.forget_history()
    return changed


def prune(tool: Tool, *args: str, code: int = 0) -> dict[str, str]:
    """What becomes of each thing, by its ID."""
    ran = tool.run("prune", *args, "-o", "json", code=code)
    assert ran.json["schema"] == "omicopy/1"
    return {entry["id"]: entry["action"] for entry in ran.json["pruned"]}


def by_options(tool: Tool, *args: str, code: int = 0) -> dict[str, str]:
    return prune(tool, "--from", "source", "--to", "target", *args, code=code)


def snapshots(tool: Tool) -> set[str]:
    return {snapshot.snapshot_id for snapshot in tool.target.snapshots.all()}


# --- copies


def test_r4_prune_shows_then_deletes_our_images(tool) -> None:
    """With the snapshots that only they map."""
    old, shared, new = (copy_of_ours(tool, f"golden-{day}", day) for day in (1, 2, 3))
    other_kind = copy_of_ours(tool, "silver-1", 1)
    strangers = [
        copy_of_ours(tool, "golden-4", 1, **{"omicopy:copy": old.image_id}),
        copy_of_ours(tool, "golden-5", 1, **{"omicopy:source-account": "100000000002"}),
        tool.existing("golden-6", devices=shared.devices),
    ]
    before = snapshots(tool)
    tool.forget()
    shown = tool.run("prune", "--from", "source", "--to", "target", "--keep-last", "1")
    rows = [line.split("\t") for line in shown.out.splitlines()]
    assert [row[:5] for row in rows] == [
        ["delete", "image", old.image_id, "golden-1", "2025-06-01T00:00:00Z"],
        ["delete", "image", shared.image_id, "golden-2", "2025-06-02T00:00:00Z"],
        ["keep", "image", new.image_id, "golden-3", "2025-06-03T00:00:00Z"],
        ["keep", "image", other_kind.image_id, "silver-1", "2025-06-01T00:00:00Z"],
    ]
    assert "Nothing was deleted" in shown.err
    assert tool.writes() == []
    done = by_options(tool, "--keep-last", "1", "--yes")
    assert done == {
        old.image_id: "deleted",
        shared.image_id: "deleted",
        new.image_id: "keep",
        other_kind.image_id: "keep",
    }
    left = {image.image_id for image in tool.copies()}
    assert left == {image.image_id for image in (new, other_kind, *strangers)}
    assert before - snapshots(tool) == {old.devices[0].snapshot_id}  # golden-6 maps the other one, too
    assert tool.target.snapshots.get(shared.devices[0].snapshot_id).tags == ()
    assert by_options(tool, "--keep-last", "1", "-y") == {new.image_id: "keep", other_kind.image_id: "keep"}


def test_r3_a_failed_deletion_stops_no_other(tool) -> None:
    """A lost answer is no failure."""
    old, middle, _ = (copy_of_ours(tool, f"golden-{day}", day) for day in (1, 2, 3))
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteImage"))
    tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, "DeleteImage"))
    ran = tool.run("prune", "--from", "source", "--to", "target", "--keep-within", "1d", "-y", "-o", "json", code=3)
    entries = {entry["id"]: entry for entry in ran.json["pruned"]}
    assert entries[old.image_id]["action"] == "failed"
    assert entries[old.image_id]["error"]["code"] == "denied"
    assert entries[middle.image_id]["action"] == "deleted"
    assert by_options(tool, "--keep-last", "1", "-y") == {old.image_id: "deleted"} | {
        image.image_id: "keep" for image in tool.copies() if image.image_id != old.image_id
    }
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteImage", times=None))
    copy_of_ours(tool, "golden-1", 1)
    by_options(tool, "--keep-last", "1", "-y", code=12)


def test_r3_an_unreadable_account_hides_no_other(tool) -> None:
    old, _ = copy_of_ours(tool, "golden-1", 1), copy_of_ours(tool, "golden-2", 2)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages", account="target-other", times=None))
    done = by_options(tool, "--to", "target-other", "--keep-last", "1", "-y", code=3)
    assert done[old.image_id] == "deleted"


def test_the_next_prune_deletes_what_an_interrupted_one_left(tool) -> None:
    """Each time the image went and its snapshot did not; and first, that the image was marked and did not go."""
    old, _ = (copy_of_ours(tool, f"golden-{day}", day) for day in (1, 2))
    mapped = old.devices[0].snapshot_id
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteImage"))
    assert by_options(tool, "--keep-last", "1", "-y", code=12)[old.image_id] == "failed"
    assert tool.target.snapshots.get(mapped).tags == (("omicopy:of", old.image_id),)
    tool.target.images.drop(old.image_id)
    assert by_options(tool, "--keep-last", "1")[mapped] == "delete"
    assert by_options(tool, "--keep-last", "1", "-y")[mapped] == "deleted"
    again = copy_of_ours(tool, "golden-1", 1)
    mapped = again.devices[0].snapshot_id
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteSnapshot", times=2))
    ran = tool.run("prune", "--from", "source", "--to", "target", "--keep-last", "1", "-y")
    assert f"{mapped} of the deleted image {again.image_id} was not deleted" in ran.err
    plan = str(plan_file(tool, "^golden-[12]$"))
    assert prune(tool, plan, "-y", code=12) == {mapped: "failed"}
    rows = tool.run("prune", plan, "-y").out.splitlines()
    assert [row.split("\t") for row in rows] == [
        ["deleted", "snapshot", mapped, "-", "-", "its image was deleted", "target"]
    ]
    assert mapped not in snapshots(tool)
    assert prune(tool, plan) == {}


def test_a_failed_mark_or_read_stops_no_other_deletion(tool) -> None:
    old, _ = (copy_of_ours(tool, f"golden-{day}", day) for day in (1, 2))
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None))
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadSnapshots", times=None))
    tool.sandbox.faults.add(Fault(FaultKind.LOST_ANSWER, "DeleteSnapshot"))
    ran = tool.run("prune", "--from", "source", "--to", "target", "--keep-last", "1", "-y")
    assert "Can't look for snapshots of interrupted deletions" in ran.err
    assert "was not deleted" not in ran.err
    assert old.devices[0].snapshot_id not in snapshots(tool)


def test_two_prunes_at_once_report_no_failure(tool) -> None:
    made = [copy_of_ours(tool, f"golden-{day}", day) for day in range(1, 6)]
    words = ("--keep-last", "1", "-y")
    tool.together([lambda: by_options(tool, *words), lambda: by_options(tool, *words)])
    assert [image.image_id for image in tool.copies()] == [made[-1].image_id]
    assert not snapshots(tool) & {image.devices[0].snapshot_id for image in made[:-1]}


def test_a_copy_unlike_its_source_displaces_no_good_one(tool) -> None:
    good, _ = (copy_of_ours(tool, f"golden-{day}", day, source) for day, source in ((1, LINUX), (2, THREE)))
    ran = tool.run("prune", "--from", "source", "--to", "target", "--keep-last", "1", "-y")
    assert "it differs from its source: 1 volumes instead of 3" in ran.out
    assert good.image_id in {image.image_id for image in tool.copies()}


def test_contradicting_options_are_a_usage_error(tool) -> None:
    plan = tool.home / "plan.yaml"
    plan.write_text(
        "version: 1\njobs: [{name: a, from: source, bucket: abc, images: [{name: x}], to: [{profile: target}]}]"
    )
    wrong = [
        ["--from", "source", "--to", "target"],
        ["--to", "target", "--keep-last", "1"],
        ["--from", "source", "--keep-last", "1"],
        ["--from", "source", "--to", "target", "--keep-last", "0"],
        ["--from", "source", "--to", "target", "--keep-within", "long"],
        ["--from", "source", "--to", "source", "--keep-last", "1"],
        ["--from", "source", "--bucket", "s3://x", "--keep-last", "1"],
        [str(plan), "--keep-last", "1"],
    ]
    tool.together([lambda words=words: tool.run("prune", *words, code=2) for words in wrong])


# --- exports, by options


def test_exports_are_pruned_by_the_same_rules(tool) -> None:
    """A clean-up that was begun is finished."""
    for number, image in ((1, LINUX), (2, THREE)):
        same_kind(tool, number, image)
    tool.together([lambda i=i: tool.export(i, "--prefix", "n") for i in (LINUX, THREE)])
    tool.put("n/notes.txt", b"mine")
    linux, three = (next(t.task_id for t in tool.tasks() if t.image_id == i) for i in (LINUX, THREE))
    words = ["--from", "source", "--bucket", "omi-exports", "--keep-last", "1"]
    assert prune(tool, *words) == {}
    words += ["--prefix", "/n/"]
    tool.source.images.drop(LINUX)
    assert prune(tool, *words) == {linux: "delete", three: "keep"}
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteObject", after=1))
    assert prune(tool, *words, "-y", code=12) == {linux: "failed", three: "keep"}
    assert prune(tool, *words, "-y") == {linux: "deleted", three: "keep"}
    assert sorted(tool.keys("")) == sorted(["n/notes.txt", *(key for key in tool.keys("") if f"n/{THREE}/" in key)])
    assert prune(tool, *words, "-y") == {three: "keep"}
    tool.url(THREE)
    assert prune(tool, *words, "-y") == {three: "keep"}


def test_a_missing_export_is_not_reported_as_deleted(tool) -> None:
    older, newer = (same_kind(tool, n, image) for n, image in ((1, LINUX), (2, THREE)))
    tool.together([lambda i=i: tool.export(i) for i in (older, newer)])
    assert set(prune(tool, "--from", "source", "--bucket", "omi-exports", "--prefix", LINUX, "--keep-last", "1")) == {
        task.task_id for task in tool.tasks() if task.image_id == LINUX
    }
    for key in tool.keys(""):
        tool.delete(key)
    done = prune(tool, "--from", "source", "--bucket", "omi-exports", "--keep-last", "1", "-y")
    assert sorted(done.values()) == ["gone", "keep"]


# --- a plan


def same_kind(tool: Tool, number: int, image: str) -> str:
    """The image, called golden-NUMBER from now on."""
    tool.source.change_image(image, name=f"golden-{number}")
    tool.source.forget_history()
    return image


def plan_file(tool: Tool, names: str, extra: str = "", latest: str = "") -> Path:
    file = tool.home / "plan.yaml"
    file.write_text(f"""version: 1
defaults: {{from: source, bucket: omi-exports, prefix: n, retention: {{keep_last: 1}}}}
jobs:
  - name: golden
    images: [{{name_regex: '{names}'{latest}}}]
    to: [{{profile: target}}, {{profile: target-other}}]
{extra}""")
    return file


def test_a_job_prunes_copies_that_the_plan_no_longer_wants(tool) -> None:
    """And their exports."""
    for number, image in ((1, LINUX), (2, THREE)):
        same_kind(tool, number, image)
    plan = str(plan_file(tool, "^golden-[12]$"))
    tool.run("run", plan)
    tool.copy("golden-windows", "--prefix", "n")  # of no job
    linux, three = (next(t.task_id for t in tool.tasks() if t.image_id == i) for i in (LINUX, THREE))
    asked_for = prune(tool, plan, "-y")
    copies = [*tool.copies(), *tool.copies("target-other")]
    assert {asked_for[image.image_id] for image in copies if image.name != "golden-windows"} == {"keep"}
    assert (asked_for[linux], asked_for[three], len(asked_for)) == ("deleted", "keep", 6)
    plan_file(tool, "^golden-[12]$", latest=", latest: 1")
    done = prune(tool, plan, "-y")
    gone = {image.image_id for image in copies if image.name == "golden-1"}
    assert {key for key, action in done.items() if action == "deleted"} == gone
    assert sorted(image.name for image in tool.copies()) == ["golden-2", "golden-windows"]
    assert [image.name for image in tool.copies("target-other")] == ["golden-2"]


def test_an_export_that_a_target_still_needs_is_kept(tool) -> None:
    for number, image in ((1, LINUX), (2, THREE)):
        same_kind(tool, number, image)
    plan = str(plan_file(tool, "^golden-[12]$"))
    tool.run("run", plan)
    (missing,) = [image for image in tool.copies("target-other") if image.name == "golden-1"]
    tool.target.images.drop(missing.image_id)
    linux = next(t.task_id for t in tool.tasks() if t.image_id == LINUX)
    assert prune(tool, plan, "-y")[linux] == "keep"
    tool.run("run", plan)
    assert tool.count("CreateImageExportTask") == 2
    assert prune(tool, plan, "-y")[linux] == "deleted"


def test_nothing_is_deleted_if_the_plans_copies_are_unknown(tool) -> None:
    old, _ = (copy_of_ours(tool, f"golden-{day}", day, **{"omicopy:job": "golden"}) for day in (1, 2))
    entry = "  - {name: other, images: [{id: ami-deadbeef}], to: [{profile: target}]}\n"
    plan = str(plan_file(tool, "^nothing$", entry))
    assert prune(tool, plan, "-y", code=4) == {}
    plan_file(tool, "^golden-[12]$")
    assert prune(tool, plan, "-y")[old.image_id] == "deleted"
    Path(plan).write_text(Path(plan).read_text().replace(", retention: {keep_last: 1}", ""))
    ran = tool.run("prune", plan, "-y")
    assert (ran.out, "all is kept" in ran.err) == ("", True)


def test_r4_equal_job_names_in_two_plans_delete_nothing(tool) -> None:
    """Neither plan deletes the other's copies."""
    names = ("linux-1", "linux-2", "windows-1", "windows-2")
    made = {name: copy_of_ours(tool, name, day, **{"omicopy:job": "golden"}) for day, name in enumerate(names, 1)}
    plan = str(plan_file(tool, "^linux-"))
    ran = tool.run("prune", plan, "-y", "-o", "json")
    message = {entry["name"]: (entry["action"], entry["reason"]) for entry in ran.json["pruned"]}
    assert message.pop("linux-1")[0] == "deleted"
    assert message == {
        "linux-2": ("keep", "the latest one"),
        "windows-1": ("keep", "no entry of the job matches it"),
        "windows-2": ("keep", "no entry of the job matches it"),
    }
    plan_file(tool, "-[0-9]$")
    assert prune(tool, plan, "-y")[made["windows-1"].image_id] == "deleted"
    assert sorted(image.name for image in tool.copies()) == ["linux-2", "windows-2"]


def test_r7_reads_do_not_grow_with_the_number_of_jobs(tool) -> None:
    jobs = "".join(f"  - {{name: j{n}, images: [{{name_regex: '^x'}}], to: [{{profile: target}}]}}\n" for n in range(9))
    plan = str(plan_file(tool, "^nothing$", jobs))
    tool.forget()
    prune(tool, plan)
    assert Counter(tool.calls()) == Counter(ReadAccounts=3, ReadImages=3, ReadImageExportTasks=1, ReadSnapshots=2)


def test_r3_an_interrupted_prune_prints_what_it_deleted(tool) -> None:
    for day in (1, 2, 3):
        copy_of_ours(tool, f"golden-{day}", day)
    hang = tool.sandbox.faults.add(Fault(FaultKind.HANG, "DeleteImage", after=1))
    child = tool.start("prune", "--from", "source", "--to", "target", "--keep-last", "1", "-y", "-o", "json")
    tool.wait(lambda: tool.sandbox.faults.times_applied(hang))
    ran = tool.finish(child, signal.SIGTERM)
    actions = {entry["id"]: entry["action"] for entry in ran.json["pruned"]}
    assert (ran.code, sorted(actions.values())) == (143, ["delete", "deleted", "keep"])
    assert {image.image_id for image in tool.copies()} == {id for id, action in actions.items() if action != "deleted"}

"""`prune`: what retention lets go is shown first, then deleted; whatever is not ours, or still needed, stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from omicopy.sandbox.faults import Fault, FaultKind
from omicopy.sandbox.world import Device, Image
from tests.tool import LINUX, THREE, Tool


def copy_of_ours(tool: Tool, name: str, day: int, source: str = LINUX, **tags: str | None) -> Image:
    """As if an earlier run had made it: marker, tags and a snapshot of its own."""
    account = tool.sandbox.accounts["target"]
    snapshot = tool.target.make_snapshot(account.account_id, 10, "")
    devices = (Device("/dev/sda1", snapshot.snapshot_id, 10),)
    made = tool.existing(name, f"golden [omicopy eu-west-2 {source}]", devices=devices)
    own = {
        "omicopy:copy": made.image_id,
        "omicopy:source-image": source,
        "omicopy:source-account": tool.sandbox.accounts["source"].account_id,
        "omicopy:source-date": f"2025-06-{day:02}T00:00:00Z",
    } | tags
    changed = replace(made, tags=tuple((key, value) for key, value in own.items() if value is not None))
    tool.target.images.put(made.image_id, changed)
    tool.target.settle()
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


def test_r4_it_shows_first_and_deletes_what_is_ours_with_the_snapshots_that_only_it_mapped(tool) -> None:
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
    assert "with --yes it is" in shown.err
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
    assert by_options(tool, "--keep-last", "1", "-y") == {new.image_id: "keep", other_kind.image_id: "keep"}


def test_r3_one_that_can_not_be_deleted_stops_no_other_and_a_lost_answer_is_no_failure(tool) -> None:
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


def test_r3_an_account_that_can_not_be_read_hides_no_other(tool) -> None:
    old, _ = copy_of_ours(tool, "golden-1", 1), copy_of_ours(tool, "golden-2", 2)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages", account="target-other", times=None))
    done = by_options(tool, "--to", "target-other", "--keep-last", "1", "-y", code=3)
    assert done[old.image_id] == "deleted"


def test_what_can_not_be_meant_is_a_mistake_in_typing(tool) -> None:
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


def test_exports_in_the_bucket_go_by_the_same_rules_and_a_begun_clean_up_is_finished(tool) -> None:
    for number, image in ((1, LINUX), (2, THREE)):
        tool.source.change_image(image, name=f"golden-{number}")
    tool.source.settle()
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


# --- a plan


def plan_file(tool: Tool, names: str, extra: str = "") -> Path:
    file = tool.home / "plan.yaml"
    file.write_text(f"""version: 1
defaults: {{from: source, bucket: omi-exports, prefix: n, retention: {{keep_last: 1}}}}
jobs:
  - name: golden
    images: [{{name_regex: '{names}'}}]
    to: [{{profile: target}}, {{profile: target-other}}]
{extra}""")
    return file


def test_a_job_prunes_its_own_copies_and_exports_once_the_plan_does_not_ask_for_them(tool) -> None:
    plan = str(plan_file(tool, "^golden-(linux|three)$"))
    tool.run("run", plan)
    tool.copy("golden-windows", "--prefix", "n")  # of no job
    linux, three = (next(t.task_id for t in tool.tasks() if t.image_id == i) for i in (LINUX, THREE))
    asked_for = prune(tool, plan, "-y")
    copies = [*tool.copies(), *tool.copies("target-other")]
    assert {asked_for[image.image_id] for image in copies if image.name != "golden-windows"} == {"keep"}
    assert (asked_for[linux], asked_for[three], len(asked_for)) == ("deleted", "keep", 6)
    plan_file(tool, "^golden-three$")
    done = prune(tool, plan, "-y")
    gone = {image.image_id for image in copies if image.name == "golden-linux"}
    assert {key for key, action in done.items() if action == "deleted"} == gone
    assert sorted(image.name for image in tool.copies()) == ["golden-three", "golden-windows"]
    assert [image.name for image in tool.copies("target-other")] == ["golden-three"]


def test_an_export_that_a_target_still_needs_stays(tool) -> None:
    plan = str(plan_file(tool, "^golden-(linux|three)$"))
    tool.run("run", plan)
    (missing,) = [image for image in tool.copies("target-other") if image.name == "golden-linux"]
    tool.target.images.drop(missing.image_id)
    linux = next(t.task_id for t in tool.tasks() if t.image_id == LINUX)
    assert prune(tool, plan, "-y")[linux] == "keep"
    tool.run("run", plan)
    assert tool.count("CreateImageExportTask") == 2
    assert prune(tool, plan, "-y")[linux] == "deleted"


def test_where_nobody_can_tell_what_a_plan_asks_for_nothing_is_deleted(tool) -> None:
    old, _ = (copy_of_ours(tool, f"golden-{day}", day, **{"omicopy:job": "golden"}) for day in (1, 2))
    entry = "  - {name: other, images: [{id: ami-deadbeef}], to: [{profile: target}]}\n"
    plan = str(plan_file(tool, "^nothing$", entry))
    assert prune(tool, plan, "-y", code=4) == {}
    plan_file(tool, "^nothing$")
    assert prune(tool, plan, "-y")[old.image_id] == "deleted"
    Path(plan).write_text(Path(plan).read_text().replace(", retention: {keep_last: 1}", ""))
    ran = tool.run("prune", plan, "-y")
    assert (ran.out, "all is kept" in ran.err) == ("", True)

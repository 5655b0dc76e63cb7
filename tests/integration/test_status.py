"""`status`: what is running and what is there, from the cloud alone, without one write."""

from __future__ import annotations

from dataclasses import replace

from omicopy.model.own_tags import CLEANED_TAG, EXPORT_TAG
from omicopy.sandbox.model.behaviours import Behaviour, TaskRetention
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import TaskState
from tests.support.tool import LINUX, THREE, Ran, Tool

COLUMNS = 9
PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports}
jobs:
  - name: golden
    images: [{name: golden-linux}, {name: golden-three}, {name: golden-windows}]
    to: [{profile: target}, {profile: target-other, best_effort: true}]
"""


def status(tool: Tool, *args: str, code: int | None = 0, **env: str) -> Ran:
    return tool.run("status", *args, "--from", "source", code=code, **env)


def rows(ran: Ran) -> list[list[str]]:
    found = [line.split("\t") for line in ran.out.splitlines()]
    assert {len(row) for row in found} <= {COLUMNS}
    return found


def until(tool: Tool, *args: str, **env: str) -> dict[str, str]:
    """What the column UNTIL says, by image."""
    return {row[7]: row[6] for row in rows(status(tool, *args, **env)) if row[0] == "export"}


def test_status_shows_exports_and_copies_with_their_maker(tool: Tool) -> None:
    """It writes nothing."""
    made = tool.copy(LINUX, "--prefix", "nightly").copy
    tool.hold()
    strangers = tool.start_export(THREE)
    tool.forget()
    elsewhere = tool.on_other_machine()
    seen, parts = tool.together(
        [
            lambda: status(elsewhere, "--to", "target", "--to", "target-other"),
            lambda: status(elsewhere, "--to", "target", "-o", "json"),
        ]
    )
    mine, copy_id = made["export_task_id"], made["target"]["image_id"]
    nightly, plain = f"s3://omi-exports/nightly/{LINUX}/", f"s3://omi-exports/{THREE}/"
    assert rows(seen) == [
        ["export", mine, "completed", "100", "golden-linux", nightly, "-", LINUX, "-"],
        ["export", strangers, "pending/queued", "0", "golden-three", plain, "-", THREE, "not ours"],
        ["image", copy_id, "available", "-", "golden-linux", "target", "-", f"eu-west-2/{LINUX}", "-"],
    ]
    exports, (copy,) = parts.json["exports"], parts.json["images"]
    assert [(one["task_id"], one["ours"], one["manifest"]) for one in exports] == [
        (mine, True, None),
        (strangers, False, None),
    ]
    assert copy["target"] | copy["source"] == {
        **{"profile": "target", "account_id": "100000000001", "region": "eu-west-2", "image_id": LINUX},
        **{"image_name": "golden-linux", "manifest": None},
    }
    assert (copy["target"]["image_id"], copy["finished"]) == (copy_id, True)
    assert tool.writes() == []
    assert not (elsewhere.home / "state").exists()


def test_a_named_image_is_shown_alone(tool: Tool) -> None:
    """It is searched for in the bucket, too."""
    made = tool.copy(LINUX).copy
    tool.exported(THREE)
    tool.forget()
    status(tool)
    assert tool.count("GetObject") == 0
    (by_name, by_task, deep) = tool.together(
        [
            lambda: status(tool, "golden-linux", "--to", "target", "-o", "json"),
            lambda: status(tool, made["export_task_id"], "--to", "target"),
            lambda: status(tool, "--deep"),
        ]
    )
    (export,) = by_name.json["exports"]
    assert export["manifest"] == {
        "state": "alive",
        "location": made["manifest"],
        "expires_at": made["expires_at"],
        "reason": None,
    }
    assert [row[0] for row in rows(by_task)] == ["export", "image"]
    assert rows(by_task)[0][6] == made["expires_at"]
    assert [row[6][:2] for row in rows(deep)] == ["20", "20"]


def test_the_state_of_a_manifest_is_one_word(tool: Tool) -> None:
    tool.again(embedded_url_age_seconds=8 * 86_400)
    tool.exported(LINUX)
    tool.change_settings(embedded_url_age_seconds=0)
    tool.exported(THREE)
    windows = "ami-00000003"
    tool.exported(windows)
    assert until(tool, "--deep") | {THREE: "", windows: ""} == {LINUX: "expired", THREE: "", windows: ""}
    tool.delete(next(key for key in tool.keys(".gz") if THREE in key))
    tool.delete(next(key for key in tool.manifests() if windows in key))
    assert until(tool, LINUX, THREE, "golden-windows") == {LINUX: "expired", THREE: "damaged", windows: "missing"}
    mine = next(task for task in tool.tasks() if task.image_id == THREE)
    tool.source.change_task(mine.task_id, tags=((EXPORT_TAG, "1"), (CLEANED_TAG, "2026-01-01T00:00:00Z")))
    assert until(tool, THREE) == {THREE: "cleaned-up"}


def test_an_export_without_a_task_is_found_in_its_bucket(tool: Tool) -> None:
    tool.again(behaviour=Behaviour(ageing=TaskRetention.AGES_OUT), ended_task_seconds=0.0)
    key = tool.exported(LINUX, OsuPrefix="nightly")
    assert status(tool, LINUX).out == ""
    (row,) = rows(status(tool, LINUX, "--bucket", "omi-exports", "--prefix", "/nightly/"))
    assert row[:3] == ["export", "-", "unlisted"]
    assert row[6].startswith("20")
    parts = status(tool, LINUX, "--bucket", "omi-exports", "--prefix", "nightly", "-o", "json").json
    assert parts["exports"][0]["manifest"]["location"] == f"s3://omi-exports/{key}"


def test_a_bucket_and_a_prefix_narrow_the_exports(tool: Tool) -> None:
    nightly, weekly = tool.start_export(OsuPrefix="nightly"), tool.start_export(OsuPrefix="weekly")
    both, one, none = tool.together(
        [
            lambda: status(tool, "--bucket", "omi-exports"),
            lambda: status(tool, "--prefix", "weekly/"),
            lambda: status(tool, "--bucket", "other-exports"),
        ]
    )
    assert {row[1] for row in rows(both)} == {nightly, weekly}
    assert [row[1] for row in rows(one)] == [weekly]
    assert none.out == ""


def test_a_failure_is_one_line_with_any_reason(tool: Tool) -> None:
    tool.existing("odd\tname\x1b[2J", f"text [omicopy eu-west-2 {LINUX}]")
    task_id = tool.start_export()
    tool.source.change_task(task_id, state=TaskState.FAILED, ended=0.0, comment="The disk\nis on \x1b[31mfire.")
    export, copy = rows(status(tool, "--to", "target"))
    assert export[2] == "failed"
    assert export[8].replace("�", " ") == "not ours; The disk is on  [31mfire."
    assert copy[4] == "odd�name�[2J"


def test_a_missing_image_is_exit_4_and_hides_nothing(tool: Tool) -> None:
    task_id = tool.start_export()
    gone = tool.existing("golden", "[omicopy eu-west-2 ami-0badc0de]")
    image, export, no_more, nobody = tool.together(
        [
            lambda: status(tool, "no-such-image", LINUX, code=4),
            lambda: status(tool, "image-export-0badc0de", "-o", "json", code=4),
            lambda: status(tool, "ami-0badc0de", "--to", "target"),
            lambda: tool.run("status", code=2),
        ]
    )
    assert rows(image)[0][1] == task_id
    assert "no image 'no-such-image' in source" in image.err
    assert (export.json["exports"], export.json["errors"][0]["code"]) == ([], "not-found")
    assert rows(no_more)[0][1] == gone.image_id
    assert "--from" in nobody.err


def test_r3_an_unreadable_account_or_bucket_hides_no_other(tool: Tool) -> None:
    made = tool.copy(LINUX).copy
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages", times=None, account="target-other"))
    ran = status(tool, "--to", "target-other", "--to", "target", code=12)
    assert [row[1] for row in rows(ran)] == [made["export_task_id"], made["target"]["image_id"]]
    assert "target-other" in ran.err
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ListObjects", times=None, account="source"))
    assert rows(status(tool, LINUX, code=12))[0][6] == "unreadable"


def test_r7_a_thousand_exports_need_as_many_reads_as_one(tool: Tool) -> None:
    one = tool.source.tasks.get(tool.start_export())
    assert one
    counted = []
    for number in (0, 999):
        for index in range(number):
            task_id = f"image-export-{index:08x}"
            tool.source.tasks.put(task_id, replace(one, task_id=task_id))
        tool.forget()
        ran = status(tool, "--to", "target")
        counted.append((len(tool.calls()), len(rows(ran))))
    assert counted == [(5, 1), (5, 1000)]


def test_a_plan_is_shown_copy_by_copy(tool: Tool) -> None:
    plan = tool.home / "plan.yaml"
    plan.write_text(PLAN)
    made = tool.copy(LINUX).copy
    tool.hold()
    running = tool.start_export(THREE)
    tool.forget()
    ran, parts = tool.together(
        [lambda: tool.run("status", str(plan)), lambda: tool.run("status", str(plan), "-o", "json")]
    )
    assert [(row[0], row[1], row[2], row[5], row[7]) for row in rows(ran)] == [
        ("copy", made["target"]["image_id"], "available", "target", f"eu-west-2/{LINUX}"),
        ("copy", made["export_task_id"], "exported", "target-other", f"eu-west-2/{LINUX}"),
        ("copy", running, "exporting", "target", f"eu-west-2/{THREE}"),
        ("copy", running, "exporting", "target-other", f"eu-west-2/{THREE}"),
        ("copy", "-", "absent", "target", "eu-west-2/ami-00000003"),
        ("copy", "-", "absent", "target-other", "eu-west-2/ami-00000003"),
    ]
    assert [(copy["job"], copy["state"]) for copy in parts.json["copies"]][:2] == [
        ("golden", "available"),
        ("golden", "exported"),
    ]
    assert tool.writes() == []


def test_a_plan_with_an_unreadable_account_shows_the_others(tool: Tool) -> None:
    plan = tool.home / "plan.yml"
    plan.write_text(PLAN)
    tool.copy(LINUX)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages", times=None, account="target-other"))
    ran = tool.run("status", str(plan), code=12)
    assert [row[2] for row in rows(ran)] == ["available", "unknown", "absent", "unknown", "absent", "unknown"]
    assert tool.run("status", str(plan), LINUX, code=2).out == ""

"""`run` with clean-up: an export is kept as long as anything needs it."""

from __future__ import annotations

from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.plan_runs import PLAN, run
from tests.support.tool import LINUX


def test_a_plan_with_cleanup_empties_the_bucket(tool) -> None:
    """It makes nothing twice."""
    text = PLAN.replace("prefix: nightly}", "prefix: nightly, cleanup: on-success}")
    tool.put("nightly/ami-00000001/foreign.txt", b"not ours")
    run(tool, text=text)
    assert tool.keys("") == ["nightly/ami-00000001/foreign.txt"]
    assert {dict(task.tags).keys() >= {"omicopy:cleaned-up"} for task in tool.tasks()} == {True}
    tool.forget()
    assert {c["status"] for c in run(tool, text=text).json["copies"]} == {"present"}
    assert tool.writes() == []
    (copy,) = [image for image in tool.copies() if image.name == "golden-linux"]
    tool.target.images.drop(copy.image_id)
    tool.target.forget_history()
    again = run(tool, text=text, code=0)
    assert sorted(c["status"] for c in again.json["copies"]) == ["copied"] + ["present"] * 4
    assert tool.count("CreateImageExportTask") == 1, "what was cleaned up is exported again where it is needed"
    assert tool.keys("") == ["nightly/ami-00000001/foreign.txt"]


def test_an_export_that_another_target_needs_is_kept(tool) -> None:
    text = PLAN.replace("prefix: nightly}", "prefix: nightly, cleanup: on-success}")
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateImage", account="target-other", times=None))
    run(tool, code=12, text=text)
    assert len(tool.manifests()) == 2, "of the images that target-other lacks"
    tool.sandbox.faults.clear()
    run(tool, text=text)
    assert (tool.count("CreateImageExportTask"), tool.keys("")) == (3, [])


def test_a_handed_out_export_is_not_cleaned_up(tool) -> None:
    tool.copy("golden-linux")
    tool.url(LINUX)
    ran = tool.copy("golden-linux", "--cleanup")
    assert len(tool.manifests()) == 1
    assert "omi-exports" in ran.err


CLEAN = PLAN.replace("prefix: nightly}", "prefix: nightly, cleanup: on-success}")


def test_an_unreachable_target_keeps_its_export(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, account="target-other", times=None))
    run(tool, code=12, text=CLEAN)
    assert len(tool.manifests()) == 2, "of the two images that target-other lacks"
    tool.sandbox.faults.clear()
    run(tool, text=CLEAN)
    assert (tool.count("CreateImageExportTask"), tool.keys("")) == (3, [])


def test_a_job_that_was_left_out_keeps_its_export(tool) -> None:
    second = "  - name: second\n    images: [{id: ami-00000003}]\n    to: [{profile: target-other}]\n"
    run(tool, "--only", "windows", text=CLEAN + second)
    assert len(tool.manifests()) == 1
    run(tool, text=CLEAN + second)
    assert (tool.count("CreateImageExportTask"), tool.keys("")) == (3, [])


def test_an_import_of_another_run_on_this_machine_keeps_its_export(tool) -> None:
    tool.copy("golden-linux", "--name", "another")
    tool.hold()
    tool.forget()
    importing = tool.start("copy", LINUX, "--from", "source", "--to", "target-other", "--bucket", "omi-exports")
    tool.await_request("CreateImage")
    ran = tool.copy("golden-linux", "--cleanup", "--name", "another", code=0)
    assert "another run on this machine works on the copy 'golden-linux'" in ran.copy["cleanup"]["left"]
    tool.go()
    assert tool.finish(importing).code == 0
    assert tool.copy("golden-linux", "--cleanup", "--name", "another").copy["cleanup"]["deleted_objects"] == 2


def test_an_untagged_export_is_tagged_by_the_next_run(tool) -> None:
    """And cleaned up."""
    tool.hold()
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "CreateTags", times=None))
    first = tool.start("copy", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    tool.await_request("CreateTags")
    first.kill()
    first.communicate()
    tool.go()
    tool.sandbox.faults.clear()
    ran = tool.copy("golden-linux", "--cleanup")
    assert ran.copy["cleanup"] == {"deleted_objects": 2, "left": None, "error": None}
    assert (tool.count("CreateImageExportTask"), tool.keys("")) == (1, [])


def test_an_export_with_a_begun_clean_up_is_made_again(tool) -> None:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "DeleteObject", times=None))
    ran = tool.copy("golden-linux", "--cleanup")
    assert (ran.code, ran.copy["cleanup"]["error"]["code"]) == (0, "denied")
    assert "could not all be deleted" in ran.err
    tool.sandbox.faults.clear()
    tool.copy("golden-linux", "--cleanup", to=["target-other"])
    assert tool.count("CreateImageExportTask") == 2
    assert tool.manifests() == [], "what the second export's manifest names is gone, too"

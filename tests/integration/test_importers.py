"""Who may be importing from an export: the journal's open entries, settled by what the targets show (R4)."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from omicopy.sandbox.model.faults import Fault, FaultKind
from tests.support.tool import LINUX, THREE, Ran, Tool


def left_alone(tool: Tool, prefix: str = "") -> None:
    """`copy --no-wait`, until the image is being made; nobody goes on with it."""
    words = ["--no-wait", "--prefix", prefix]
    tool.copy(LINUX, *words)
    tool.wait(lambda: tool.tasks()[-1].ended is not None)
    assert tool.copy(LINUX, *words).copy["status"] == "running"
    assert entries(tool)


def entries(tool: Tool) -> list[Path]:
    return sorted((tool.home / "state" / "omicopy" / "journal").glob("image-*.json"))


def finished(tool: Tool) -> None:
    tool.wait(lambda: all(image.state.value == "available" for image in tool.target.images.all()))


def clean(tool: Tool, *args: str, to: tuple[str, ...] = ("target-other",)) -> Ran:
    return tool.copy(LINUX, "--cleanup", *args, to=to)


def test_an_abandoned_copy_keeps_no_export_of_another_prefix(tool: Tool) -> None:
    left_alone(tool, "one")
    assert clean(tool, "--prefix", "two").copy["cleanup"]["deleted_objects"] == 2
    assert {key.split("/")[0] for key in tool.keys("")} == {"one"}


def test_a_copy_in_an_unknown_account_is_named(tool: Tool) -> None:
    """The command that is printed settles it."""
    left_alone(tool, "one")
    ran = clean(tool, "--prefix", "one")
    left = ran.copy["cleanup"]["left"]
    assert f"the copy 'golden-linux' of {LINUX} in account 200000000001 (us-east-2) may import from them" in left
    assert left in ran.err
    (_, command) = left.split("to settle it, run: ")
    finished(tool)
    assert tool.run(*shlex.split(command)[1:]).code == 0
    assert entries(tool) == []
    assert clean(tool, "--prefix", "one").copy["cleanup"]["deleted_objects"] == 2


def test_a_copy_in_a_known_account_is_settled_by_a_read(tool: Tool) -> None:
    tool.change_settings(import_seconds=3600)
    left_alone(tool)
    tool.change_settings(import_seconds=0.05)
    (made,) = tool.copies()
    both = ("--name", "another")
    left = clean(tool, *both, to=("target",)).copy["cleanup"]["left"]
    assert left.startswith(f"{made.image_id}, the copy 'golden-linux' of {LINUX} in account 200000000001")
    assert left.endswith("imports from them: it is pending")
    assert len(tool.keys("")) == 2


def test_an_existing_copy_keeps_no_export(tool: Tool) -> None:
    left_alone(tool)
    finished(tool)
    assert len(entries(tool)) == 1
    assert clean(tool, "--name", "another", to=("target",)).copy["cleanup"]["deleted_objects"] == 2


@pytest.mark.parametrize("age", [0, 3600])
def test_a_create_without_an_answer_keeps_the_export_for_the_grace(tool: Tool, age: int) -> None:
    left_alone(tool)
    finished(tool)
    (entry,) = entries(tool)
    content = json.loads(entry.read_text())
    entry.write_text(json.dumps(content | {"answered": None}))
    os.utime(entry, (entry.stat().st_atime, entry.stat().st_mtime - age))
    for made in tool.copies():
        tool.call("target", "DeleteImage", ImageId=made.image_id)
    # longer than this takes, and no longer than it waits
    cleanup = clean(tool, "--name", "another", "--grace", "2s" if age else "20m", "--deadline", "1h", to=("target",))
    message = cleanup.copy["cleanup"]
    if age:
        assert (message["deleted_objects"], message["left"]) == (2, None)
    else:
        assert "may have just started to import from them" in message["left"]


def test_an_entry_of_an_earlier_version_is_settled_or_named(tool: Tool) -> None:
    left_alone(tool, "one")
    finished(tool)
    (entry,) = entries(tool)
    content = json.loads(entry.read_text())
    del content["about"]
    entry.write_text(json.dumps(content))
    left = clean(tool, "--prefix", "two").copy["cleanup"]["left"]
    assert "to settle it, run: omicopy copy ami-00000001 --name golden-linux, and the options" in left
    assert clean(tool, "--prefix", "two", "--name", "another", to=("target",)).copy["cleanup"]["deleted_objects"] == 2


def test_an_unreadable_account_keeps_the_export(tool: Tool) -> None:
    left_alone(tool)
    finished(tool)
    tool.copy(LINUX, "--name", "another")
    tool.forget()
    reads = 1  # of the loop, before the clean-up's
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "ReadImages", account="target", after=reads, times=None))
    left = clean(tool, "--name", "another", to=("target",)).copy["cleanup"]["left"]
    assert re.search(r"it is unknown if the copy 'golden-linux' .* imports from them: ReadImages in target", left)
    assert len(tool.keys("")) == 2


def test_prune_follows_the_same_rules(tool: Tool) -> None:
    for name, image_id in (("golden-1", LINUX), ("golden-2", THREE)):
        tool.source.change_image(image_id, name=name)
    tool.source.forget_history()
    left_alone(tool, "n")
    finished(tool)
    tool.export(THREE, "--prefix", "n")
    linux, three = (next(t.task_id for t in tool.tasks() if t.image_id == i) for i in (LINUX, THREE))
    tool.source.images.drop(LINUX)

    def pruned(*args: str) -> dict[str, tuple[str, str]]:
        words = ["prune", "--from", "source", "--bucket", "omi-exports", "--prefix", "n", "--keep-last", "1", "-y"]
        ran = tool.run(*words, *args, "-o", "json")
        return {entry["id"]: (entry["action"], entry["reason"]) for entry in ran.json["pruned"]}

    action, why = pruned()[linux]
    assert action == "keep"
    assert f"the copy 'golden-1' of {LINUX} in account 200000000001 (us-east-2) may import from them" in why
    settled = pruned("--to", "target")
    assert (settled[linux][0], settled[three][0]) == ("deleted", "keep")

"""Names and descriptions of copies."""

from __future__ import annotations

from omicopy.sandbox.model.behaviours import Behaviour, DescriptionLimit
from tests.support.copying import assert_copied
from tests.support.tool import LINUX, THREE


def test_an_image_whose_last_marker_names_another_is_not_ours(tool) -> None:
    marks = f"somebody's [omicopy eu-west-2 {LINUX}] once, [omicopy us-east-2 {LINUX}]"
    holder = tool.existing("golden-linux", marks)
    ran = tool.copy("golden-linux", code=4)
    assert ran.copy["error"]["code"] == "name-conflict"
    assert holder.image_id in ran.copy["error"]["message"]
    assert "--if-exists" in ran.copy["error"]["hint"]
    assert tool.writes() == []


def test_a_taken_name_is_skipped_or_changed_as_asked(tool) -> None:
    holder = tool.existing("golden-linux")
    skipped = tool.copy("golden-linux", "--if-exists", "skip").copy
    assert (skipped["status"], skipped["changed"], skipped["target"]["image_id"]) == ("skipped", False, holder.image_id)
    assert tool.writes() == []

    renamed = tool.copy("golden-linux", "--if-exists", "rename")
    assert renamed.copy["target"]["image_name"] == f"golden-linux-{LINUX}"
    assert_copied(tool, LINUX, tool.target.images.get(renamed.copy["target"]["image_id"]))
    tool.forget()
    again = tool.on_other_machine().copy("golden-linux")
    assert (again.copy["status"], again.copy["target"]) == ("present", renamed.copy["target"])
    assert tool.writes() == []


def test_the_name_is_made_from_facts_of_the_source_image(tool) -> None:
    template = "{name} ({date}) {region}/{image_id}"
    ran = tool.copy("golden-linux", "--name", template, "--dry-run")
    assert ran.copy["target"]["image_name"] == f"golden-linux (2025-01-16) eu-west-2/{LINUX}"


def test_a_template_without_a_valid_name_is_refused_at_once(tool) -> None:
    for name in ("{clock}", "{name!r}"):
        ran = tool.copy("golden-linux", "--name", name, code=2)
        assert (ran.json["copies"], "{name} {date} {region} {image_id}" in ran.err) == ([], True)
    assert tool.writes() == []


def test_two_images_must_not_get_one_name(tool) -> None:
    ran = tool.copy(LINUX, THREE, "--name", "the same", code=2)
    assert "{image_id}" in ran.err
    assert tool.writes() == []


def test_a_description_is_cut_but_never_its_own_marker(tool) -> None:
    """Older markers are removed."""
    tool.again(behaviour=Behaviour(description=DescriptionLimit.LIMITED))
    older = "[omicopy us-east-2 ami-99999999] " + "x" * 300 + " [omicopy us-east-2 ami-99999999]"
    tool.source.change_image(LINUX, description=older)
    assert tool.target.images.get("ami-00000032").name == "public-linux"  # another account's, and so no conflict
    tool.copy("golden-linux", "--name", "public-linux")
    (copy,) = tool.copies()
    assert copy.name == "public-linux"
    marker = f" [omicopy eu-west-2 {LINUX}]"
    assert copy.description == "x" * (255 - len(marker)) + marker

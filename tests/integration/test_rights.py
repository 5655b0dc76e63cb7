"""The table of rights, held against the sandbox's record: what each command really asks for, in many situations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import httpx
import pytest
from typer.main import get_command

from omicopy.cli.main import app
from omicopy.doctor.required_rights import RIGHTS, RightScope
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import Device
from omicopy.sandbox.model.request_log import SERVICE_ITSELF
from omicopy.sandbox.model.settings import SandboxSettings
from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.cli.test_options import commands
from tests.support.children import PATIENCE
from tests.support.tool import LINUX, THREE, Tool

WEEK = 604_800
SECOND_ID_IS_SMALLER = SandboxSettings(seed=0, export_seconds=86_400, import_seconds=0.05, queued_share=1)
PLACES = {
    ("source", "api"): RightScope.SOURCE_API,
    ("source", "oos"): RightScope.SOURCE_BUCKET,
    ("target", "api"): RightScope.TARGET_API,
}
Situations = Callable[[Tool], Iterator[None]]
"""Each `yield` is the end of one situation, whose record is then looked at."""


def copies(tool: Tool) -> Iterator[None]:
    tool.copy(LINUX, "--share-with", "333333333333", "--cleanup")
    yield
    tool.copy(LINUX)
    yield


def a_copy_of_an_old_export(tool: Tool) -> Iterator[None]:
    old_export(tool)
    tool.copy(LINUX)
    yield


def a_copy_after_a_failed_one(tool: Tool) -> Iterator[None]:
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account=SERVICE_ITSELF))
    tool.copy(LINUX, code=7)
    yield
    (failed,) = tool.copies()
    snapshot = tool.target.make_snapshot(failed.account_id, 10, "half-way")
    tool.target.change_image(failed.image_id, devices=(Device("/dev/sda1", snapshot.snapshot_id, 10),))
    tool.target.forget_history()
    tool.copy(LINUX)
    assert tool.count("DeleteSnapshot") == 1
    yield


def exports(tool: Tool) -> Iterator[None]:
    tool.export()
    yield
    tool.export(LINUX, "--no-wait")
    yield
    old_export(tool)
    tool.export()
    yield


def an_export_beside_another(tool: Tool) -> Iterator[None]:
    """Somebody starts the same at the same moment, and everybody follows the smaller ID."""
    tool.sandbox.reset(SECOND_ID_IS_SMALLER)
    process = tool.start("export", LINUX, "--from", "source", "--bucket", "omi-exports")
    tool.await_request("CreateImageExportTask")
    (ours,) = tool.tasks()
    tool.change_settings(export_seconds=0.1)
    theirs = tool.start_export()
    assert theirs < ours.task_id
    assert tool.finish(process).code == 0
    assert tool.count("DeleteExportTask") == 1
    yield


def urls(tool: Tool) -> Iterator[None]:
    old = old_export(tool)
    tool.url(old)
    yield
    tool.url(LINUX, "--no-resign")
    yield
    tool.url(old, "--no-check")
    uploaded = tool.url("s3://omi-exports/new", "--method", "put").out.strip()
    assert httpx.put(uploaded, content=b"x", timeout=PATIENCE).status_code == 200
    yield


def urls_of_an_export_of_its_own(tool: Tool) -> Iterator[None]:
    location = tool.export().out.strip()
    tool.forget()
    tool.url(location, "--handoff")
    yield
    tool.url(LINUX, "--handoff")
    yield


def imports(tool: Tool) -> Iterator[None]:
    url = tool.sign(tool.exported())
    tool.forget()
    tool.import_(url, "--share-with", "333333333333")
    yield
    tool.import_(url)
    yield


def inspections(tool: Tool) -> Iterator[None]:
    key = tool.exported()
    tool.forget()
    tool.run("inspect", tool.sign(key), "--probe")
    yield
    tool.run("inspect", LINUX, "--from", "source")
    yield


def new_signatures(tool: Tool) -> Iterator[None]:
    old = old_export(tool)
    tool.run("resign", old, "--from", "source")
    yield
    tool.run("resign", LINUX, "--from", "source")
    yield


def cors(tool: Tool) -> Iterator[None]:
    tool.run("cors", "s3://omi-exports", "--from", "source")
    yield
    tool.run("cors", "s3://omi-exports", "--from", "source", "--allow-origin", "https://app.example.com")
    yield


def a_manifest(tool: Tool) -> Iterator[None]:
    tool.put("loose/disk.qcow2.gz", make_disk("qcow2", GIB, "small"))
    tool.forget()
    tool.run("manifest", "build", "s3://omi-exports/loose", "--from", "source", "--name", "golden")
    yield


def a_plan(tool: Tool) -> Iterator[None]:
    plan = tool.home / "plan.yaml"
    plan.write_text(
        "version: 1\n"
        "defaults: {from: source, bucket: omi-exports}\n"
        f"jobs: [{{name: golden, images: [{{id: {LINUX}}}], to: [{{profile: target}}], cleanup: on-success}}]\n"
    )
    for _ in range(2):
        tool.run("run", str(plan))
        yield


def looks(tool: Tool) -> Iterator[None]:
    tool.exported()
    tool.forget()
    tool.run("status", LINUX, "--from", "source", "--to", "target")
    yield


def cancellations(tool: Tool) -> Iterator[None]:
    tool.again()
    tool.hold()
    task = tool.export(LINUX, "--no-wait").out.strip()
    tool.forget()
    tool.run("cancel", task, "--from", "source")
    yield


def what_is_pruned(tool: Tool) -> Iterator[None]:
    """Two images of one kind: the earlier one's copy and export go."""
    for number, image in enumerate((LINUX, THREE)):
        tool.source.change_image(image, name=f"golden-{number}")
    tool.source.forget_history()
    tool.together([lambda image=image: tool.copy(image) for image in (LINUX, THREE)])
    words = ("prune", "--from", "source", "--to", "target", "--keep-last", "1")
    tool.forget()
    tool.run(*words)
    yield
    tool.run(*words, "--bucket", "omi-exports", "--yes")
    yield


def examinations(tool: Tool) -> Iterator[None]:
    tool.run("doctor", LINUX, "--from", "source", "--to", "target", "--bucket", "omi-exports")
    yield
    tool.run("doctor", "--to", "target")
    yield


SITUATIONS: dict[str, list[Situations]] = {
    "copy": [copies, a_copy_of_an_old_export, a_copy_after_a_failed_one],
    "run": [a_plan],
    "export": [exports, an_export_beside_another],
    "url": [urls, urls_of_an_export_of_its_own],
    "import": [imports],
    "inspect": [inspections],
    "resign": [new_signatures],
    "cors": [cors],
    "manifest build": [a_manifest],
    "status": [looks],
    "prune": [what_is_pruned],
    "cancel": [cancellations],
    "doctor": [examinations],
}


def old_export(tool: Tool) -> str:
    """An export whose embedded URLs are over; where its manifest lies."""
    tool.again(embedded_url_age_seconds=WEEK + 60)
    location = f"s3://omi-exports/{tool.exported()}"
    tool.forget()
    return location


def asked_for(tool: Tool) -> dict[RightScope, set[str]]:
    """Every action since the record was cleared, by whose it is. Nobody else may have been asked for anything."""
    found: dict[RightScope, set[str]] = defaultdict(set)
    for request in tool.sandbox.request_log.requests():
        found[PLACES[request.account or "", request.service]].add(request.action)
    return found


NOT_SEEN_HERE = {
    "copy": {"DeleteExportTask", "DeleteObject"},
    "import": {"DeleteImage", "DeleteSnapshot"},
    "run": {action.action for rights in RIGHTS["run"].values() for action in rights},
}
"""Of what several commands have in common some is seen with one of them only."""


@pytest.mark.parametrize("command", SITUATIONS)
def test_the_table_names_exactly_the_used_rights(tool, command: str) -> None:
    table, seen = RIGHTS[command], defaultdict[RightScope, set[str]](set)
    for situations in SITUATIONS[command]:
        tool.again()
        tool.forget()
        for _ in situations(tool):
            asked = asked_for(tool)
            assert asked
            for place, actions in asked.items():
                always = {right.action for right in table[place] if right.is_always_needed}
                assert always <= actions <= {right.action for right in table[place]}, place
                seen[place] |= actions
            tool.forget()
    named = {place: {right.action for right in rights} for place, rights in table.items()}
    unseen = {action for place, actions in named.items() for action in actions - seen[place]}
    assert unseen <= NOT_SEEN_HERE.get(command, set())


def test_every_command_has_a_row_without_duplicate_rights() -> None:
    for rights in RIGHTS.values():
        for place in rights.values():
            actions = [right.action for right in place]
            assert len(actions) == len(set(actions))
    known = {name for name, _ in commands(get_command(app))} - {"sandbox", "help"}
    assert known == set(RIGHTS) == set(SITUATIONS), "say in RIGHTS what it needs, and above how to see that"

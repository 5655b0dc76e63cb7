"""Proofs 2 and 6 (R1, R2, R8): whatever goes wrong at any action, a copy ends well or says why; no secret gets out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.faults import API_ONLY, Fault, FaultKind
from omicopy.sandbox.model.region_state import Device, OmiState, TaskState
from omicopy.sandbox.model.request_log import SERVICE_ITSELF
from omicopy.sandbox.model.settings import SandboxSettings
from tests.proofs import rig
from tests.support.tool import Tool
from tests.support.warm import StartedCommand

pytestmark = pytest.mark.proof
QUICK = SandboxSettings(export_seconds=0.15, import_seconds=0.15)
OLD = replace(QUICK, embedded_url_age_seconds=8 * 86_400)
SECOND_ID_IS_SMALLER = replace(QUICK, seed=0, export_seconds=86_400, queued_share=1)
"""The first export stays in the queue, and the ID of the next one is smaller."""

COMMAND = (*rig.COPY, "-vv", "--log-format", "json")
HANGS, ANSWER_IS_LOST = {FaultKind.HANG, FaultKind.HANG_AFTER}, {FaultKind.LOST_ANSWER, FaultKind.CUT_ANSWER}
REFUSED = {FaultKind.DENIED: {12}, FaultKind.NOT_FOUND: {4, 8}}
"""The faults that no patience cures, and the exit codes they may end a copy with."""
READS = ("ReadAccounts", "ReadImages", "ReadImageExportTasks", "ListObjects", "GetObject")
SERVICES = {"ListObjects": "oos", "GetObject": "oos", "PutObject": "oos"}
ON_STORAGE = {kind for kind in FaultKind if not kind.startswith("throttle-a") and kind not in API_ONLY}


@dataclass(frozen=True)
class Scene:
    """A copy on its way, to which a fault happens. It ends well with one image and so many exports."""

    play: Callable[[Tool, Path, Fault], tuple[Fault, rig.Ran]]
    actions: tuple[str, ...]
    exports: int = 1
    images_made: int = 1
    fatal: Mapping[FaultKind, set[int]] = field(default_factory=dict)


def patience(fault: Fault) -> dict[str, str]:
    """Only where a fault hangs is an answer given up soon; what has an effect that nobody told of is looked for at
    length, however late it comes."""
    env = {"OMICOPY_HTTP_TIMEOUT": "3s"} if fault.kind in HANGS else {}
    has_effect = fault.kind in ANSWER_IS_LOST or fault.kind is FaultKind.HANG_AFTER
    return env | ({"OMICOPY_GRACE": "1m"} if has_effect else {})


def start(tool: Tool, state: Path, fault: Fault) -> StartedCommand:
    return rig.start_warm(tool.sandbox, tool.warm, state, COMMAND, patience(fault))


def run(tool: Tool, state: Path, fault: Fault) -> rig.Ran:
    return rig.finish_warm(start(tool, state, fault))


def plain(tool: Tool, state: Path, fault: Fault) -> tuple[Fault, rig.Ran]:
    """A copy from nothing."""
    tool.sandbox.reset(QUICK)
    return tool.sandbox.faults.add(fault), run(tool, state, fault)


def expired(tool: Tool, state: Path, fault: Fault) -> tuple[Fault, rig.Ran]:
    """The export is there, and its embedded URLs are over: a copy signs them anew."""
    tool.sandbox.reset(OLD)
    tool.exported()
    tool.sandbox.faults.add(fault)
    ran = run(tool, state, fault)
    assert bool(tool.manifests()[1:]) is (ran.code == 0), "signed anew, or not at all"
    return fault, ran


def failed_before(tool: Tool, state: Path, fault: Fault) -> tuple[Fault, rig.Ran]:
    """An earlier run's import failed half-way: the same command replaces the image and what it had made already."""
    tool.sandbox.reset(QUICK)
    tool.sandbox.faults.add(Fault(FaultKind.DENIED, "GetObject", account=SERVICE_ITSELF))
    tool.copy("golden-linux", code=7, XDG_STATE_HOME=str(state))
    (failed,) = tool.copies()
    snapshot = tool.target.make_snapshot(failed.account_id, 10, "half-way")
    tool.target.change_image(failed.image_id, devices=(Device("/dev/sda1", snapshot.snapshot_id, 10),))
    tool.target.forget_history()
    tool.sandbox.faults.add(fault)
    ran = run(tool, state, fault)
    assert tool.count("DeleteImage", status=200) <= 1
    if ran.code != 0:
        assert tool.copies() == [tool.target.images.get(failed.image_id)], "the failed one is all there is"
        assert tool.target.images.get(failed.image_id).state is OmiState.FAILED
    return fault, ran


def duplicate_export(tool: Tool, state: Path, fault: Fault) -> tuple[Fault, rig.Ran]:
    """Another machine starts the same export at the same moment, and by its ID everybody follows that one."""
    tool.sandbox.reset(SECOND_ID_IS_SMALLER)
    tool.sandbox.faults.add(fault)
    process = start(tool, state, fault)
    tool.await_request("CreateImageExportTask")
    (ours,) = tool.tasks()
    tool.change_settings(export_seconds=QUICK.export_seconds, queued_share=QUICK.queued_share)
    theirs = tool.start_export()
    assert theirs < ours.task_id
    ran = rig.finish_warm(process)
    named = f"Duplicate export {ours.task_id}"
    is_cancelled = tool.count("DeleteExportTask", status=200) > 0
    assert f"{named}: " in ran.err or (is_cancelled and f"{named} was cancelled: " in ran.err)
    assert tool.source.tasks.get(theirs).state is TaskState.COMPLETED
    assert tool.count("DeleteExportTask") == 1
    return fault, ran


SCENES = (
    Scene(
        plain,
        (*READS, "CreateImageExportTask", "CreateTags", "CreateImage"),
        fatal=REFUSED,
    ),
    Scene(expired, ("PutObject",), fatal=REFUSED | {FaultKind.DENIED: {10}}),
    Scene(failed_before, ("DeleteImage",), images_made=2, fatal=REFUSED | {FaultKind.NOT_FOUND: {1}}),
    Scene(failed_before, ("DeleteSnapshot",), images_made=2),
    Scene(duplicate_export, ("DeleteExportTask",), exports=2),
)


def fits(action: str, kind: FaultKind) -> bool:
    """Storage has no throttles of the API, and no states; only what shows objects can lag."""
    return action not in SERVICES or (kind in ON_STORAGE and (action, kind) != ("PutObject", FaultKind.LAG))


def cases() -> list[object]:
    return [
        pytest.param(scene, action, kind, id=f"{SERVICES.get(action, 'api')}-{action}-{kind}")
        for scene in SCENES
        for action in scene.actions
        for kind in FaultKind
        if fits(action, kind)
    ]


@pytest.mark.parametrize(("scene", "action", "kind"), cases())
def test_a_fault_makes_nothing_twice_and_shows_no_secret(
    tool: Tool, tmp_path: Path, scene: Scene, action: str, kind: FaultKind
) -> None:
    sandbox, state = tool.sandbox, tmp_path / "state"
    service = SERVICES.get(action, "api")
    fault, ran = scene.play(tool, state, Fault(kind, action, service=service, retry_after=0.2, lag_seconds=0.5))
    assert sandbox.faults.times_applied(fault) == 1, "the fault was never met"
    made = len(rig.exports(sandbox)), len(rig.copies(sandbox))
    if kind in scene.fatal and ran.code != 0:
        assert ran.code in scene.fatal[kind], ran.err
        assert made <= (scene.exports, 1)
        assert '"event": "failed"' in ran.err
    else:
        assert ran.code == 0, ran.err[-3000:]
        assert made == (scene.exports, 1)
        assert rig.copies(sandbox)[0].image_id == ran.image_id
        assert rig.copies(sandbox)[0].state is OmiState.AVAILABLE
    assert sandbox.request_log.count("CreateImageExportTask", status=200) <= scene.exports
    assert sandbox.request_log.count("CreateImage", status=200) <= scene.images_made
    assert "Traceback" not in ran.err
    expect_no_secret(sandbox, ran, tmp_path)


def expect_no_secret(sandbox: Sandbox, ran: rig.Ran, state: Path) -> None:
    """No key of any account and no signature, in any stream and any file that was written."""
    files = "".join(file.read_text() for file in state.rglob("*") if file.is_file())
    for text in (ran.out, ran.err, files):
        for account in sandbox.accounts.values():
            assert account.secret_key not in text
            assert account.access_key not in text
        assert not re.search(r"Signature(=|%3D)(?!REDACTED)\w{8}", text, re.IGNORECASE)
        assert not re.search(r"[0-9a-f]{64}", text), "a signature, perhaps"

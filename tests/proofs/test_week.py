"""Proof 9 (R1-R4): a plan that a timer runs for a week needs nobody: nothing twice, nothing lost, nothing piles up."""

from __future__ import annotations

import re
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import RUNNING, ImageExportTask, Omi, TaskState
from tests.proofs import rig
from tests.support.tool import LINUX, THREE, Tool

pytestmark = pytest.mark.proof

FIRST_NIGHT = datetime(2025, 6, 1, 22, tzinfo=UTC)
FAMILIES = {"linux": LINUX, "three": THREE}
TARGETS = {"target": "linux", "target-other": "linux", "source-other": "three"}
KEPT = 2
THROTTLES = (FaultKind.THROTTLE_PLATFORM, FaultKind.THROTTLE_ACCOUNT, FaultKind.THROTTLE_CALL)
PLAN = """version: 1
defaults: {from: source, bucket: omi-exports, prefix: nightly, cleanup: on-success, retention: {keep_last: 2}}
jobs:
  - name: linux
    images: [{name_regex: "^linux-", latest: 1}]
    to: [{profile: target}, {profile: target-other}]
  - name: three
    images: [{name_regex: "^three-", latest: 2}]
    to: [{profile: source-other}]
"""


class Week:
    """The plan, night after night, and what was ever made."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.plan = tool.home / "plan.yaml"
        self.plan.write_text(PLAN)
        self.metrics = tool.home / "omicopy.prom"
        self.night = 0
        self.ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._models = {family: tool.source.images.get(image_id) for family, image_id in FAMILIES.items()}

    def falls(self) -> None:
        """The next night: of each family there is a new image."""
        self.night += 1
        for number, (family, model) in enumerate(self._models.items(), 1):
            assert model is not None
            image_id = f"ami-0000{number}{self.night:03}"
            created = FIRST_NIGHT + timedelta(days=self.night)
            made = replace(model, image_id=image_id, name=f"{family}-{self.night}", description="", created=created)
            self.tool.source.images.put(image_id, made)

    @property
    def words(self) -> list[str]:
        return ["run", str(self.plan), "-o", "json", "--metrics-file", str(self.metrics)]

    def run(self, code: int) -> dict[tuple[str, str], str]:
        """How each copy ended, by its source's name and its target; of a failure, its code."""
        ended = self.tool.run(*self.words, code=code).json["copies"]
        self.look()
        return {
            (self.name(each["source"]["image_id"]), each["target"]["profile"]): (each["error"] or {}).get("code")
            or each["status"]
            for each in ended
        }

    def run_killed(self, is_time: Callable[[], object]) -> None:
        """A run that dies at once when it is time."""
        before = self.successes()
        process = self.tool.start(*self.words)
        try:
            self.tool.wait(lambda: is_time() or process.poll() is not None)
        finally:
            process.kill()
            _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err
        assert self.successes() == before

    def prune(self, code: int = 0) -> list[dict[str, Any]]:
        """What became of each thing of ours. In each target there is no more of a job than it keeps, and no snapshot
        without its image."""
        entries: list[dict[str, Any]]
        entries = self.tool.run("prune", str(self.plan), "--yes", "-o", "json", code=code).json["pruned"]
        assert self.loose_snapshots() == set()
        assert max(len(names) for names in self.names().values()) <= KEPT
        return entries

    def look(self) -> None:
        """Nothing was made twice: every CreateImage that had an effect is another copy."""
        for profile in TARGETS:
            for image in self.copies(profile):
                self.ids[profile, image.name].add(image.image_id)
        assert {key: ids for key, ids in self.ids.items() if len(ids) > 1} == {}
        assert self.tool.count("CreateImage", status=200) == len(self.ids)

    def copies(self, profile: str) -> list[Omi]:
        account = self.tool.sandbox.accounts[profile]
        state = self.tool.sandbox.region_state(account.region)
        return [image for image in state.owned(account) if "[omicopy " in image.description]

    def names(self) -> dict[str, list[str]]:
        """What each target has."""
        return {profile: sorted(image.name for image in self.copies(profile)) for profile in TARGETS}

    def name(self, image_id: str) -> str:
        image = self.tool.source.images.get(image_id)
        assert image is not None
        return image.name

    def in_bucket(self) -> set[str]:
        """The names of the images of which anything lies in the bucket."""
        return {self.name(key.split("/")[1]) for key in self.tool.keys("")}

    def exports(self) -> list[str]:
        """The name of the image of each export that was ever started."""
        return sorted(self.name(task.image_id) for task in self.tool.tasks())

    def successes(self) -> dict[str, float]:
        """The moments of success in the metrics' file: of the run ("") and of each job."""
        if not self.metrics.exists():
            return {}
        message = self.metrics.read_text()
        found = re.findall(r'^omicopy_(?:job_)?last_success_timestamp_seconds(?:\{job="(.+)"\})? (.+)$', message, re.M)
        return {job: float(moment) for job, moment in found}

    @contextmanager
    def succeeds(self, *expected: str) -> Iterator[None]:
        """What succeeded meanwhile, and nothing else."""
        before = self.successes()
        yield
        after = self.successes()
        assert {job for job in after if after[job] > before.get(job, 0)} == set(expected)

    @contextmanager
    def no_export_of(self, name: str) -> Iterator[None]:
        """The service fails each export of that image as soon as it is there."""
        state, put = self.tool.source, self.tool.source.tasks.put

        def put_failed(task_id: str, task: ImageExportTask) -> ImageExportTask:
            if self.name(task.image_id) == name and task.state in RUNNING:
                failed = replace(task, state=TaskState.FAILED, comment="A volume is gone.", ended=state.clock())
                return put(task_id, failed)
            return put(task_id, task)

        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(state.tasks, "put", put_failed)
            yield

    def loose_snapshots(self) -> set[str]:
        """Snapshots of a target account that no image of it uses."""
        loose = set()
        for profile in TARGETS:
            account = self.tool.sandbox.accounts[profile]
            state = self.tool.sandbox.region_state(account.region)
            used = {device.snapshot_id for image in state.owned(account) for device in image.devices}
            own = {each.snapshot_id for each in state.snapshots.all() if each.account_id == account.account_id}
            loose |= own - used
        return loose


def statuses(night: int, **changed: str) -> dict[tuple[str, str], str]:
    """How the copies of a night end when all is well: those of the night are made, what else is asked for is there."""
    expected = {(f"{family}-{night}", profile): "copied" for profile, family in TARGETS.items()}
    if night > 1:
        expected |= {(f"three-{night - 1}", "source-other"): "present"}
    return expected | {tuple(key.split("@")): status for key, status in changed.items()}


def test_a_week_of_nights_needs_no_operator(tool) -> None:
    week, faults = Week(tool), tool.sandbox.faults

    week.falls()  # 1: all is well
    with week.succeeds("", "linux", "three"):
        assert week.run(0) == statuses(1)
    assert week.in_bucket() == set()
    week.prune()

    week.falls()  # 2: a target refuses everything
    faults.add(Fault(FaultKind.DENIED, account="target-other", times=None))
    with week.succeeds("three"):
        assert week.run(12) == statuses(2, **{"linux-2@target-other": "denied"})
    assert week.in_bucket() == {"linux-2"}, "what the target that refused would be fed from"
    week.prune(12)
    assert week.in_bucket() == {"linux-2"}
    faults.clear()

    week.falls()  # 3: an image can't be exported
    with week.succeeds("linux"), week.no_export_of("three-3"):
        assert week.run(3) == statuses(3, **{"three-3@source-other": "remote-failed"})
    week.prune()

    week.falls()  # 4: killed while it exports and while it imports; what was missing since last night is made good
    tool.hold()
    marks, images = tool.count("CreateTags", account="source"), tool.count("CreateImage")
    week.run_killed(lambda: tool.count("CreateTags", account="source") >= marks + 3)  # one without is nobody's (R4)
    tool.advance(1)
    tool.wait(lambda: all(task.ended is not None for task in tool.tasks()))
    week.run_killed(lambda: tool.count("CreateImage") >= images + 2)
    tool.go()
    with week.succeeds("", "linux", "three"):
        done = week.run(0)
    assert done.keys() == statuses(4).keys()
    assert set(done.values()) <= {"copied", "present"}
    assert {"three-3", "three-4"} <= set(week.names()["source-other"])
    week.prune()

    week.falls()  # 5: throttled
    faults.rate(0.3, seed=5, kinds=THROTTLES, retry_after=0.02)
    with week.succeeds("", "linux", "three"):
        assert week.run(0) == statuses(5)
    week.prune()
    faults.clear()

    week.falls()  # 6: killed while it cleans up, which prune brings to an end
    stuck = faults.add(Fault(FaultKind.HANG, "DeleteObject", after=1, times=None))
    week.run_killed(lambda: faults.times_applied(stuck))
    faults.clear()
    assert week.in_bucket() >= {"three-6"}
    week.prune()
    assert "three-6" not in week.in_bucket()

    week.falls()  # 7: all is well again
    with week.succeeds("", "linux", "three"):
        assert week.run(0) == statuses(7)
    week.prune()

    kept = {family: [f"{family}-6", f"{family}-7"] for family in FAMILIES}
    assert week.names() == {profile: kept[family] for profile, family in TARGETS.items()}
    asked = {(profile, f"{family}-{night}") for profile, family in TARGETS.items() for night in range(1, 8)}
    assert week.ids.keys() == asked - {("target-other", "linux-2")}, "no later night asked for that one"
    images = [f"{family}-{night}" for family in FAMILIES for night in range(1, 8)]
    assert week.exports() == sorted([*images, "three-3"]), "the one that failed was exported once more, no other was"
    again = week.prune()
    assert {entry["action"] for entry in again} == {"keep"}
    exports = {entry["name"]: entry["reason"] for entry in again if entry["kind"] == "export"}
    assert week.in_bucket() == exports.keys() <= {"linux-2"}, "no clean-up had it: it fed no copy after its night"
    assert set(exports.values()) <= {"the latest one", f"one of the latest {KEPT}"}, "retention keeps it"
    left = [*tool.home.rglob("omicopy/journal/image-*.json"), *rig.locked(tool.home)]
    assert left == [], "nothing is held or in doubt any more"

"""Proof 8 (R1-R3, R7): plans of many copies through throttles, refusals, kills and shards: all there, none twice."""

from __future__ import annotations

import itertools
import json
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.faults import Fault, FaultKind
from omicopy.sandbox.model.region_state import OmiState
from omicopy.sandbox.model.request_log import SERVICE_ITSELF, RecordedRequest
from omicopy.sandbox.model.settings import SandboxSettings
from tests.proofs import rig
from tests.support.children import Child, wait_until

pytestmark = pytest.mark.proof

CALM = SandboxSettings(export_seconds=1, import_seconds=1, exports_in_flight=0, copies_in_flight=0, snapshots=0)
PATIENT = {
    "OMICOPY_POLL_MIN": "0.2s",
    "OMICOPY_POLL_MAX": "1s",
    "OMICOPY_GRACE": "8s",
    "OMICOPY_RETRY": "2m",
    "OMICOPY_HTTP_TIMEOUT": "30s",
}
WRITES = ("Create", "Update", "Delete", "Put", "Post", "Copy")
NO_WAITING = (*WRITES, "ReadAccounts")
RARELY = {"OMICOPY_POLL_MIN": "3s", "OMICOPY_POLL_MAX": "3s"}
PAUSE = timedelta(seconds=0.5)
"""Longer than one run takes from an answer to its next request on a busy machine, too; shorter than its pauses."""
THROTTLES = (FaultKind.THROTTLE_PLATFORM, FaultKind.THROTTLE_ACCOUNT, FaultKind.THROTTLE_CALL)
PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports, prefix: nightly, parallel: 200}
jobs:
  - name: fleet
    images: [{name_regex: "^ship-"}]
    to: [{profile: target}, {profile: target-other}]
"""
ONE_TARGET = PLAN.replace(", {profile: target-other}", "")


def run(sandbox: Sandbox, folder: Path, plan: str, *more: str, env: Mapping[str, str] | None = None) -> rig.Ran:
    return rig.finish(start(sandbox, folder, plan, *more, env=env))


def start(sandbox: Sandbox, folder: Path, plan: str, *more: str, env: Mapping[str, str] | None = None) -> Child:
    """`omicopy run` with its state in `folder`, where nobody else's is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plan.yaml"
    file.write_text(plan)
    return rig.start(sandbox, folder / "state", ("run", str(file), "-o", "json", *more), {**PATIENT, **(env or {})})


def build_fleet(sandbox: Sandbox, settings: SandboxSettings, fleet: int) -> list[str]:
    """A sandbox as new, with as many images in the source account, all alike but for their names."""
    sandbox.reset(settings)
    state = sandbox.region_state("eu-west-2")
    model = state.images.get("ami-00000001")
    assert model is not None
    ids = [f"ami-{number:08x}" for number in range(0x1000, 0x1000 + fleet)]
    for image_id in ids:
        state.images.put(image_id, replace(model, image_id=image_id, name=f"ship-{image_id}", description=image_id))
    state.forget_history()
    return ids


def outcomes(ran: rig.Ran) -> Counter[tuple[str, str, str]]:
    """Of every copy: the image, the target's profile, and how it ended."""
    listed = [(c["source"]["image_id"], c["target"]["profile"], c["status"]) for c in json.loads(ran.out)["copies"]]
    return Counter(listed)


def failures(ran: rig.Ran) -> list[dict[str, Any]]:
    return [copy for copy in json.loads(ran.out)["copies"] if copy["status"] == "failed"]


def writes(sandbox: Sandbox) -> Counter[str]:
    """What was written by anybody but the service itself, and took effect."""
    done = sandbox.request_log.requests(status=200)
    return Counter(request.action for request in done if request.action.startswith(WRITES))


def arrived(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    """How many copies of each name every account has."""
    return Counter((image.account_id, image.name) for image in rig.copies(sandbox))


# ---- what fails keeps nothing else from being done, and is made good by the next run


def test_a_hundred_copies_49_made_51_listed_then_49_more(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = build_fleet(sandbox, CALM, 50)
    broken = ids[17]
    sandbox.region_state("eu-west-2").change_image(broken, state=OmiState.FAILED, state_message="Its volume is gone.")
    plan = PLAN.replace('[{name_regex: "^ship-"}]', f'[{{name_regex: "^ship-"}}, {{id: {broken}}}]')
    sandbox.faults.add(Fault(FaultKind.DENIED, account="target-other", times=None))
    sandbox.faults.rate(0.2, seed=5, kinds=THROTTLES, retry_after=0.1)

    first = run(sandbox, tmp_path, plan)
    whole = [image_id for image_id in ids if image_id != broken]
    assert first.code == 4, first.err[-3000:]
    expected = Counter(
        [(image_id, "target", "copied") for image_id in whole]
        + [(broken, "target", "failed")]
        + [(image_id, "target-other", "failed") for image_id in ids]
    )
    assert outcomes(first) == expected
    assert len(failures(first)) == 51
    for failed in failures(first):
        code = "not-exportable" if failed["target"]["profile"] == "target" else "denied"
        assert (failed["error"]["code"], bool(failed["error"]["message"])) == (code, True), failed
    target, other = (sandbox.accounts[profile].account_id for profile in ("target", "target-other"))
    assert arrived(sandbox) == Counter((target, f"ship-{image_id}") for image_id in whole)
    assert Counter(task.image_id for task in rig.exports(sandbox)) == Counter(whole)

    sandbox.faults.clear()
    sandbox.faults.rate(0.2, seed=6, kinds=THROTTLES, retry_after=0.1)
    sandbox.request_log.clear()
    second = run(sandbox, tmp_path, plan)
    assert second.code == 4, second.err[-3000:]
    expected = Counter(
        [(image_id, "target", "present") for image_id in whole]
        + [(image_id, "target-other", "copied") for image_id in whole]
        + [(broken, profile, "failed") for profile in ("target", "target-other")]
    )
    assert outcomes(second) == expected
    assert writes(sandbox) == Counter(CreateImage=49, CreateTags=98), "the tags of the source in a call of their own"
    assert arrived(sandbox) == Counter(
        (account, f"ship-{image_id}") for account in (target, other) for image_id in whole
    )


# ---- however many are in flight, as much is read


def test_reads_per_tick_are_equal_for_10_and_200_copies(sandbox: Sandbox, tmp_path: Path) -> None:
    exporting, importing, both = ("ReadImageExportTasks",), ("ReadImages",), ("ReadImageExportTasks", "ReadImages")
    for fleet in (10, 200):
        build_fleet(sandbox, CALM, fleet)
        sandbox.scheduler.hold()
        running = start(sandbox, tmp_path / str(fleet), ONE_TARGET, "-q", env=RARELY)  # nobody reads its pipe yet
        for write, look in (("CreateImageExportTask", "ReadImageExportTasks"), ("CreateImage", "ReadImages")):
            wait_until(lambda write=write, fleet=fleet: sandbox.request_log.count(write) == fleet)
            most = sandbox.request_log.count(look) + 4
            wait_until(lambda look=look, most=most: sandbox.request_log.count(look) >= most)
            sandbox.scheduler.advance(CALM.export_seconds)
        sandbox.scheduler.resume()
        ran = rig.finish(running)
        assert ran.code == 0, ran.err[-3000:]
        ticks = waiting_ticks(sandbox)
        print(f"{fleet} copies: {ticks}")
        assert {exporting, importing} <= set(ticks) <= {exporting, importing, both}, "one read of what is waited for"
        assert all(times for times in ticks.values()), ticks


def waiting_ticks(sandbox: Sandbox) -> Counter[tuple[str, ...]]:
    """What was read in each tick that only waited: no bucket, no write, after the first one. Between two ticks there is
    a pause; where a busy machine made one within a tick, each part of it reads no more than the whole."""
    ticks: list[list[RecordedRequest]] = []
    done = None
    begun = itertools.dropwhile(lambda request: request.action != "CreateImageExportTask", sandbox.request_log)
    for request in (request for request in begun if request.account != SERVICE_ITSELF):
        if done is None or request.time - done > PAUSE:
            ticks.append([])
        ticks[-1].append(request)
        done = request.time + timedelta(seconds=request.seconds)
    return Counter(
        tuple(sorted(request.action for request in tick))
        for tick in ticks
        if not any(request.service == "oos" or request.action.startswith(NO_WAITING) for request in tick)
    )


# ---- several machines, and none that lives long


def test_three_shards_make_what_one_run_makes_once(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = build_fleet(sandbox, CALM, 24)
    folders = [tmp_path / f"machine-{index}" for index in range(3)]
    shards = [start(sandbox, folder, PLAN, "--shard", f"{index}/3") for index, folder in enumerate(folders)]
    ran = [rig.finish(shard) for shard in shards]
    assert [shard.code for shard in ran] == [0, 0, 0], "".join(shard.err[-2000:] for shard in ran)
    parts = [outcomes(shard) for shard in ran]
    everything = Counter((image_id, profile, "copied") for image_id in ids for profile in ("target", "target-other"))
    assert parts[0] + parts[1] + parts[2] == everything
    assert all(parts), "a machine that had nothing to do proves nothing"
    everybody_has_all(sandbox, ids)

    sandbox.request_log.clear()
    whole = run(sandbox, tmp_path / "one", PLAN)
    assert whole.code == 0, whole.err[-3000:]
    assert outcomes(whole) == Counter((image_id, profile, "present") for image_id, profile, _ in everything)
    assert not writes(sandbox)


@pytest.mark.parametrize("seed", range(3))
def test_killed_often_the_last_run_finishes_the_plan_once(sandbox: Sandbox, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    ids = build_fleet(sandbox, replace(CALM, export_seconds=0.5, import_seconds=0.5), 10)
    killed = 0
    for _ in range(6):
        with killed_after(sandbox, draw.randint(1, 15), draw.uniform(0, 0.02)) as to_kill:
            to_kill.append(start(sandbox, tmp_path, PLAN, env=rig.FAST))
            killed += rig.finish(to_kill[0]).code == -signal.SIGKILL
    last = run(sandbox, tmp_path, PLAN, env=rig.FAST)
    assert killed >= 3
    assert last.code == 0, last.err[-3000:]
    listed = Counter((image_id, profile) for image_id, profile, _ in outcomes(last).elements())
    assert listed == Counter((image_id, profile) for image_id in ids for profile in ("target", "target-other"))
    everybody_has_all(sandbox, ids)
    left = [*tmp_path.rglob("omicopy/journal/image-*.json"), *rig.locked(tmp_path)]
    assert left == [], "nothing is held or in doubt any more"


@contextmanager
def killed_after(sandbox: Sandbox, times: int, seconds: float) -> Iterator[list[Child]]:
    """Kills what is put into the list when that many more writes took effect, or a little later."""
    to_kill: list[Child] = []
    most = sum(writes(sandbox).values()) + times
    add, is_time = sandbox.request_log.add, threading.Event()

    def add_and_kill(request: RecordedRequest) -> None:
        add(request)
        if to_kill and sum(writes(sandbox).values()) >= most and not is_time.is_set():
            is_time.set()
            threading.Timer(seconds, to_kill[0].kill).start()

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sandbox.request_log, "add", add_and_kill)
        yield to_kill


def everybody_has_all(sandbox: Sandbox, ids: list[str]) -> None:
    """Each image was exported once, and is once in both target accounts."""
    accounts = [sandbox.accounts[profile].account_id for profile in ("target", "target-other")]
    assert arrived(sandbox) == Counter((account, f"ship-{image_id}") for account in accounts for image_id in ids)
    assert Counter(task.image_id for task in rig.exports(sandbox)) == Counter(ids)

"""Proof 3 (R1-R3, R7): a fleet of copies through a storm of faults and lagging reads: all there, none twice."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.faults import RATE_KINDS, Fault, FaultKind
from omicopy.sandbox.model.request_log import SERVICE_ITSELF
from omicopy.sandbox.model.settings import SandboxSettings
from tests.proofs import rig
from tests.support.children import PATIENCE

CALM = SandboxSettings(export_seconds=1, import_seconds=1, exports_in_flight=0, copies_in_flight=0, snapshots=0)
PATIENT = {
    "OMICOPY_POLL_MIN": "0.5s",
    "OMICOPY_POLL_MAX": "2s",
    "OMICOPY_GRACE": "8s",
    "OMICOPY_RETRY": "2m",
    "OMICOPY_HTTP_TIMEOUT": "30s",
}


@pytest.mark.parametrize(
    "fleet",
    [pytest.param(200, marks=pytest.mark.proof), pytest.param(2_000, marks=pytest.mark.soak)],
)
def test_in_a_storm_every_copy_is_made_once(sandbox: Sandbox, tmp_path: Path, fleet: int) -> None:
    """With at most twice the requests."""
    calm = sail(sandbox, build_fleet(sandbox, CALM, fleet), tmp_path / "calm")
    ids = build_fleet(sandbox, replace(CALM, lag_seconds=1), fleet)
    sandbox.faults.rate(0.2, seed=7, kinds=(*RATE_KINDS, FaultKind.UNKNOWN_STATE), retry_after=0.1)
    stormy = sail(sandbox, ids, tmp_path / "storm")
    print(f"{fleet} copies: {calm} requests in calm, {stormy} in a storm, {stormy / calm:.2f} times as many")
    assert stormy <= 2 * calm


def sail(sandbox: Sandbox, ids: list[str], state: Path) -> int:
    """Copies the whole fleet in one process; how many requests it took."""
    ran = rig.run(sandbox, state, ("copy", *ids, *rig.COPY[2:]), PATIENT, seconds=PATIENCE + 5 * len(ids))
    assert ran.code == 0, ran.err[-3000:]
    assert {copy["status"] for copy in json.loads(ran.out)["copies"]} == {"copied"}
    markers = Counter(image.description for image in rig.copies(sandbox))
    assert len(markers) == len(ids)
    assert set(markers.values()) == {1}, "an image was made twice"
    assert Counter(task.image_id for task in rig.exports(sandbox)) == Counter(ids)
    return sum(request.account != SERVICE_ITSELF for request in sandbox.request_log)


def build_fleet(sandbox: Sandbox, settings: SandboxSettings, fleet: int) -> list[str]:
    """A sandbox as new, with as many images in the source account, all alike but for their names."""
    sandbox.reset(settings)
    state = sandbox.region_state("eu-west-2")
    model = state.images.get("ami-00000001")
    ids = [f"ami-{number:08x}" for number in range(0x1000, 0x1000 + fleet)]
    for image_id in ids:
        state.images.put(image_id, replace(model, image_id=image_id, name=f"ship-{image_id}", description=image_id))
    state.forget_history()
    return ids


@pytest.mark.proof
def test_a_silent_server_ends_the_run_in_time_with_exit_5(sandbox: Sandbox, tmp_path: Path) -> None:
    """Proof 4."""
    sandbox.faults.add(Fault(FaultKind.HANG, times=None))
    env = {"OMICOPY_HTTP_TIMEOUT": "0.5s", "OMICOPY_RETRY": "2s"}
    ran = rig.run(sandbox, tmp_path, env=env)
    assert ran.code == 5
    assert "no answer in time" in ran.err

"""What omicopy adds to the time that the service itself takes: `python tests/bench/overhead.py`.

Short services are the sandbox's, in real time: three copies of three images, each a process of its own with the default
pauses; the median counts. The service's time is what the sandbox was told to take, half of it for the export. A service
of four hours is imagined and its time virtual; there twenty runs count, whose pauses differ by chance, and the longest
is told.

An API call that is no poll is any but the two that each tick repeats: the target's images and the source's tasks.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.model.request import CopyRequest
from omicopy.model.result import Status
from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.request_log import RecordedRequest
from omicopy.sandbox.model.settings import EXPORT_BUCKET, SandboxSettings
from tests.bench.cost import SCRIPTS, measure
from tests.bench.table import Row, text_table
from tests.support.builders import SOURCE, SOURCE_ID, copy_request, export_request
from tests.support.virtual_cloud import Cloud, Machine

IMAGES = ("golden-linux", "golden-three", "golden-windows")
COPY = [str(SCRIPTS / "omicopy"), "copy", "--from", "source", "--to", "target", "--bucket", EXPORT_BUCKET, "-q"]
FOUR_HOURS = 4 * 3600.0
RUNS = 20


def main() -> None:
    print(text_table(rows()))


def rows() -> list[Row]:
    """A minute and a quarter, nearly all of it waiting. Raises where a copy fails."""
    return [*call_rows(), *real_rows(5, None), *real_rows(60, 1.10), *virtual_rows()]


# ---- in real time


def real_rows(service: float, bound: float | None) -> list[Row]:
    with Sandbox(SandboxSettings(export_seconds=service / 2, import_seconds=service / 2)) as sandbox:
        env = dict(sandbox.env)
        with ThreadPoolExecutor(len(IMAGES)) as threads:
            walls = [cost.wall for cost in threads.map(lambda image: measure([*COPY, image], env), IMAGES)]
    wall = statistics.median(walls)
    return [
        Row(f"A copy, service of {service:.0f} s: wall", f"{wall:.1f} s", f"{service:.0f} s", wall / service, bound)
    ]


def call_rows() -> list[Row]:
    one, three = calls_for(IMAGES[:1]), calls_for(IMAGES)
    further = (three - one) / (len(IMAGES) - 1)
    return [
        Row("API calls that are no polls: one copy", f"{one}", "", one, 9),  # tags beside our own are a call of theirs
        Row("API calls that are no polls: each further copy", f"{further:g}", "", further, 4),
    ]


def calls_for(images: tuple[str, ...]) -> int:
    with Sandbox(SandboxSettings(export_seconds=1, import_seconds=1)) as sandbox:
        measure([*COPY, *images], dict(sandbox.env) | {"OMICOPY_POLL_MIN": "0.3s"})
        return sum(not is_poll(request) for request in sandbox.request_log.requests(service="api"))


def is_poll(request: RecordedRequest) -> bool:
    return (request.account, request.action) in (("target", "ReadImages"), ("source", "ReadImageExportTasks"))


# ---- in virtual time


@dataclass(frozen=True)
class Slowest:
    """Of several runs: the longest, as a share of the service's time, and the most polls."""

    ratio: float
    polls: int


def virtual_rows(runs: int = RUNS) -> list[Row]:
    export, copy = export_request(), copy_request()
    moving, silent = run(export, True, runs), run(export, False, runs)
    half, mute = run(copy, True, runs), run(copy, False, runs)
    return [
        Row("A copy, service of 4 h: wall, Progress moves", message(half), "4 h", half.ratio, 1.02),
        Row("A copy, service of 4 h: wall, Progress says nothing", message(mute), "4 h", mute.ratio, 1.02),
        Row("Four hours of export: polls, Progress moves", f"{moving.polls}", "", moving.polls, 60),
        Row("Four hours of export: polls, Progress says nothing", f"{silent.polls}", "", silent.polls, 300),
        Row("Two hours of export, two of import: ticks, Progress moves", f"{half.polls}", "", half.polls, 300),
        Row("Two hours of export, two of import: ticks, Progress says nothing", f"{mute.polls}", "", mute.polls, 300),
    ]


def message(slowest: Slowest) -> str:
    return f"{slowest.ratio * FOUR_HOURS / 3600:.3f} h"


def run(request: CopyRequest, moves: bool, runs: int) -> Slowest:
    """Four hours in all; of a copy half of them for the import, of which the service tells no progress."""
    clouds = [run_once(request, moves) for _ in range(runs)]
    return Slowest(
        max(cloud.time.seconds / FOUR_HOURS for cloud in clouds),
        max(len({at for at, _, action, _ in cloud.requests if action.startswith("Read")}) for cloud in clouds),
    )


def run_once(request: CopyRequest, moves: bool) -> Cloud:
    hours = FOUR_HOURS / 2 if request.target else FOUR_HOURS
    cloud = Cloud(export_seconds=hours, import_seconds=hours)
    if not moves:
        cloud.progress = None
    cloud.add_image("source", SOURCE_ID, AccountId=SOURCE.account_id, Description="")
    with tempfile.TemporaryDirectory() as state:
        (result,) = Machine(Path(state), cloud).run(request)
    assert result.status is Status.COPIED, result
    return cloud


if __name__ == "__main__":
    main()

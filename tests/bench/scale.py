"""What a fleet costs omicopy itself, in virtual time: `python tests/bench/scale.py [COPIES ...]`. Always exits 0.

So many copies, all in flight at once, over some ten simulated hours; each size in a process of its own. The time that
the imagined cloud takes to answer is measured and left out. "Linear" means that the ratios stay near 1.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.model.export import export_key
from omicopy.model.report import Status
from omicopy.model.request import CopyRequest, Destination, Origin
from tests.builders import KEY, SOURCE, TARGET, source_image
from tests.virtual_cloud import Cloud, FakeApi, FakeFetcher, FakeStorage, Machine

SIZES = (100, 1_000)
"""And 10,000 where it is asked for: a quarter of an hour, most of it the cloud's."""
EXPORT_SECONDS, IMPORT_SECONDS = 5 * 3600.0, 5 * 3600.0 - 600
FAKES = (FakeApi, FakeStorage, FakeFetcher)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]), profiled="--profile" in sys.argv)))
        return
    sizes = [int(text) for text in sys.argv[1:]] or list(SIZES)
    report([run_alone(size) for size in sizes])


def run_alone(copies: int) -> dict[str, float]:
    """Measures one size in a fresh process: what memory it takes is its peak."""
    command = [sys.executable, __file__, "--one", str(copies)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def measure(copies: int, profiled: bool = False) -> dict[str, float]:
    """CPU time of the loop without the cloud's, memory beyond what was there before, and requests."""
    cloud, requests = build_fleet(copies)
    spent = time_fakes()
    base = peak_bytes()
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as state:
        machine = Machine(Path(state), cloud)
        began = time.process_time()
        results = profile.runcall(machine.run, *requests) if profiled else machine.run(*requests)
        seconds = time.process_time() - began
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    ended = Counter(result.status for result in results)
    assert ended == {Status.COPIED: copies}, ended
    ticks = Counter(at for at, profile_, action, _ in cloud.requests if (profile_, action) == ("target", "ReadImages"))
    waiting = waiting_ticks(cloud)
    return {
        "copies": copies,
        "hours": cloud.time.seconds / 3600,
        "ticks": len(ticks),
        "reads": max(waiting.values()),
        "cpu_seconds": seconds - spent["cpu"],
        "fake_seconds": spent["cpu"],
        "copy_tick_us": (seconds - spent["cpu"]) / copies / len(ticks) * 1e6,
        "copy_bytes": (peak_bytes() - base) / copies,
    }


def waiting_ticks(cloud: Cloud) -> Mapping[float, int]:
    """How many requests each tick took in which nothing was written, by its moment."""
    wrote = {at for at, _, action, _ in cloud.requests if not action.startswith(("Read", "List", "Get"))}
    return Counter(at for at, *_ in cloud.requests if at not in wrote)


def build_fleet(copies: int) -> tuple[Cloud, list[CopyRequest]]:
    cloud = Cloud(export_seconds=EXPORT_SECONDS, import_seconds=IMPORT_SECONDS, quota=copies)
    requests = []
    for number in range(copies):
        image_id = f"ami-{number + 0x10000000:08x}"
        name = f"golden-{number}"
        cloud.add_image("source", image_id, AccountId=SOURCE.account_id, ImageName=name, Description="")
        image = source_image(image_id, ImageName=name)
        origin = Origin(SOURCE, image, export_key(image_id, KEY.bucket, KEY.prefix, KEY.format))
        requests.append(CopyRequest(origin, Destination(TARGET, name, "a copy"), timedelta(hours=6)))
    return cloud, requests


def time_fakes() -> dict[str, float]:
    """Lets every method of the imagined cloud note the CPU time that it takes, in one sum (threads too)."""
    spent = {"cpu": 0.0}

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            began = time.thread_time()
            try:
                return method(*args)
            finally:
                spent["cpu"] += time.thread_time() - began

        return call

    for fake in FAKES:
        for name, method in vars(fake).items():
            if callable(method) and not name.startswith("_"):
                setattr(fake, name, timed(method))
    return spent


def peak_bytes() -> int:
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes * (1 if sys.platform == "darwin" else 1024)


def report(rows: list[dict[str, float]]) -> None:
    print("virtual time; CPU of omicopy alone; ratios to the size above them")
    print(
        f"{'copies':>7} {'hours':>6} {'ticks':>6} {'reads/tick':>10} {'CPU s':>8} {'µs/copy·tick':>13} {'KiB/copy':>9}",
        end="",
    )
    print(f" {'(cloud s)':>10}")
    for before, row in zip([None, *rows], rows, strict=False):
        print(
            f"{row['copies']:>7.0f} {row['hours']:>6.1f} {row['ticks']:>6.0f} {row['reads']:>10.0f} "
            f"{row['cpu_seconds']:>8.1f} {row['copy_tick_us']:>13.1f} {row['copy_bytes'] / 1024:>9.1f} "
            f"{row['fake_seconds']:>10.1f}"
        )
        if before:
            print(
                f"{'':>33}{'ratio':>9} {row['copy_tick_us'] / before['copy_tick_us']:>13.2f} "
                f"{row['copy_bytes'] / before['copy_bytes']:>9.2f}"
            )


if __name__ == "__main__":
    main()

"""What a fleet costs omicopy itself, in virtual time: `python tests/bench/scale.py [COPIES ...] [--profile]`.

So many copies, all in flight at once, over some simulated hours; each size in a process of its own, and the imagined
cloud in another one, so that all memory and CPU time seen here are omicopy's. Answers arrive as JSON, page by page, as
the service's do; what reading that JSON costs is the SDK's, and is told apart. A tick counts when nothing is written in
it nor in the one before; what writes, files and looks into the bucket cost is told apart as well. The screen is off.
"""

from __future__ import annotations

import cProfile
import itertools
import json
import pstats
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.cloud.api import PAGE
from omicopy.model.export import export_key
from omicopy.model.request import Budgets, CopyRequest, Source, Target
from omicopy.model.result import Status
from omicopy.reconcile.loop import Loop
from omicopy.state.journal import Journal
from omicopy.state.locks import Locks
from tests.bench.far_cloud import FarClients, FarCloud, image_of
from tests.bench.table import Row, text_table
from tests.support.builders import KEY, SOURCE, TARGET, source_image

SIZES = (100, 1_000, 10_000)
EXPORT_SECONDS, IMPORT_SECONDS = 2 * 3600.0, 3600.0
MOST_US, MOST_KIB = 20.0, 8.0
"""What a copy may cost: microseconds a tick while it waits, and memory beyond what a small fleet takes."""


@dataclass(frozen=True)
class Figures:
    """One fleet. Microseconds are of CPU."""

    copies: int
    ticks: int
    """In which nothing was written, nor in the one before; all copies are in flight."""
    most_reads: int
    """Requests in one of those."""
    tick_us: float
    """A copy and tick."""
    once_us: float
    """A copy, all its writes, looks into the bucket and files together."""
    json_us: float
    """A copy and tick: what the SDK would spend on reading the answers."""
    peak_bytes: int
    """Of the whole process."""


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(vars(measure(int(sys.argv[2]), profiled="--profile" in sys.argv))))
        return
    print(text_table(rows([int(text) for text in sys.argv[1:]] or SIZES)))


def rows(sizes: Sequence[int] = SIZES) -> list[Row]:
    """The smallest fleet is the base beyond which memory is told."""
    fleets = [run_alone(size) for size in sizes]
    base = fleets[0]
    found = []
    for fleet in fleets:
        name = f"{fleet.copies:,} copies in flight"
        beside = f"{fleet.ticks} ticks; {fleet.once_us / 1000:.1f} ms a copy for all else; JSON {fleet.json_us:.0f} µs"
        found.append(Row(f"{name}: CPU a copy and tick", f"{fleet.tick_us:.1f} µs", beside, fleet.tick_us, MOST_US))
        if fleet is not base:
            kib = (fleet.peak_bytes - base.peak_bytes) / (fleet.copies - base.copies) / 1024
            beyond = f"beyond the {base.peak_bytes / 2**20:.0f} MiB of {base.copies:,}"
            found.append(Row(f"{name}: memory a copy", f"{kib:.1f} KiB", beyond, kib, MOST_KIB))
        pages = -(-fleet.copies // PAGE)
        found.append(Row(f"{name}: reads a tick", f"{fleet.most_reads}", f"{pages} pages", fleet.most_reads / pages, 1))
    for before, after in itertools.pairwise(fleets):
        name = f"{after.copies:,} copies beside {before.copies:,}"
        found.append(
            Row(
                f"{name}: CPU a copy and tick",
                f"{after.tick_us:.1f} µs",
                f"{before.tick_us:.1f} µs",
                after.tick_us / before.tick_us,
            )
        )
    return found


def run_alone(copies: int) -> Figures:
    """Measures one size in a fresh process: what memory it takes is its peak."""
    command = [sys.executable, __file__, "--one", str(copies)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return Figures(**json.loads(ran.stdout.splitlines()[-1]))


def measure(copies: int, profiled: bool = False) -> Figures:
    far = FarCloud.start(copies, EXPORT_SECONDS, IMPORT_SECONDS)
    requests = [copy_request(number) for number in range(copies)]
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as state:
        journal, locks = Journal(Path(state) / "journal", print), Locks(Path(state) / "locks", print)
        loop = Loop(FarClients(far), journal, locks, far.hear, Budgets(), clock=far.time.clock)  # type: ignore[arg-type]
        far.mark()
        results = profile.runcall(loop.run, requests) if profiled else loop.run(requests)
        far.mark()
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    assert Counter(result.status for result in results) == {Status.COPIED: copies}, results[0].error
    quiet = [tick for before, tick in itertools.pairwise(far.ticks) if not before.wrote and not tick.wrote]
    each = copies * len(quiet)
    return Figures(
        copies,
        len(quiet),
        max(tick.requests for tick in quiet),
        sum(tick.cpu - tick.json for tick in quiet) / each * 1e6,
        sum(tick.cpu - tick.json for tick in far.ticks if tick not in quiet) / copies * 1e6,
        sum(tick.json for tick in quiet) / each * 1e6,
        peak_bytes(),
    )


def copy_request(number: int) -> CopyRequest:
    image_id, name = image_of(number)
    image = source_image(image_id, ImageName=name)
    source = Source(SOURCE, image, export_key(image_id, KEY.bucket, KEY.prefix))
    return CopyRequest(source, Target(TARGET, name, "a copy"), timedelta(hours=6))


def peak_bytes() -> int:
    """Of this program alone; `ru_maxrss` also tells of the process that started it, before it became this one."""
    parts = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert parts, "no Linux"
    return int(parts[1]) * 1024


if __name__ == "__main__":
    main()

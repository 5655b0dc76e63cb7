"""Copies beside the documented procedure in a shell's loop: `python tests/bench/by_hand.py [IMAGES...]`.

Both do the same against the same sandbox: by hand with `by_hand.sh`, for one image after another or for all at once
(`xargs -P`); and one `omicopy copy` for all of them. An export and an import take 30 s each, which is short; by hand
one looks every 5 s, and omicopy has its default pauses and grace. For 50 at once that is so in truth. Else all of it is
shortened alike on both sides, so that the clients are about as busy each time: 50-fold where images are copied one
after another (it would take an hour), 50/N-fold where N are at once. What a process costs can't be shortened, and by
hand that is more than two cores have to give: looks come later than they would, and so there are fewer. That is to the
advantage of by hand in reads and in CPU time.
Every run begins in a sandbox as new, and at its end every image must have arrived.

Reads are those of the API, as the sandbox recorded them. Those of the object store are not counted on either side: for
golden-linux omicopy makes two ListObjects and three GetObject, by hand it is about one. CPU time is the kernel's count
for all that was started; the sandbox, in this process and two of its own, is not in it, but bash's own trace is, which
by hand pays for (very little). Programs are those that were started, in by_hand.sh by bash's own trace (its forks of
itself don't count, nor does xargs).

Fails where a command does, or where an image did not arrive.
"""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.region_state import OmiState
from omicopy.sandbox.model.settings import EXPORT_BUCKET, TARGET_REGION, SandboxSettings
from tests.bench.cost import SCRIPTS, measure
from tests.bench.fleet import build_fleet
from tests.bench.table import Row, text_table

SIZES = (1, 10, 50)
BOUNDED = 50
SHORTENED = 50
BY_HAND = f"bash -x {shlex.quote(str(Path(__file__).with_suffix('.sh')))} source target {EXPORT_BUCKET}"
PROGRAM = re.compile(r"^\++ (osc-cli|aws|sleep) ", re.MULTILINE)


@dataclass(frozen=True)
class Way:
    """How images are copied by hand: what bash is told, and what the ratios should be at most with `BOUNDED` images."""

    name: str
    script: str
    bounds: Mapping[str, float]


SERIAL = Way(
    "one after another",
    f'exec 9>>"$TRACE"; for image; do {BY_HAND} "$image" "by-hand-$image" || exit; done',
    {"wall time": 0.05},
)
PARALLEL = Way(
    "all at once",
    f'exec 9>>"$TRACE"; printf "%s\\n" "$@" | xargs -P $# -I @ {BY_HAND} @ by-hand-@',
    {"API reads": 0.1, "CPU time": 0.05},
)


@dataclass(frozen=True)
class Times:
    """Seconds; each real one is divided by `shortened`."""

    shortened: float

    @property
    def settings(self) -> SandboxSettings:
        """For the sandbox's exports and imports."""
        return SandboxSettings(export_seconds=30 / self.shortened, import_seconds=30 / self.shortened)

    @property
    def env(self) -> dict[str, str]:
        """For by_hand.sh and for omicopy."""
        look, longest, grace = (seconds / self.shortened for seconds in (5, 60, 60))
        ours = {"POLL_MIN": look, "POLL_MAX": longest, "GRACE": grace}
        return {"POLL": f"{look:.3f}"} | {f"OMICOPY_{name}": f"{seconds:.3f}s" for name, seconds in ours.items()}


@dataclass(frozen=True)
class Spent:
    """What one run took. `sandbox` is the CPU time of this process meanwhile, which is the sandbox's."""

    wall: float
    cpu: float
    reads: int
    programs: int
    sandbox: float


def main() -> None:
    print(text_table(rows([int(size) for size in sys.argv[1:]] or SIZES)))


def rows(sizes: Sequence[int] = SIZES) -> list[Row]:
    """Five to six minutes for all sizes, nearly half of them for 50 by hand one after another. Raises where a command
    fails, or an image did not arrive."""
    table: list[Row] = []
    with Sandbox() as sandbox:
        compare(sandbox, 1, SERIAL)  # once for the disk's cache and the .pyc files
        for size in sizes:
            table += compare(sandbox, size, SERIAL)
            if size > 1:
                table += compare(sandbox, size, PARALLEL)
    return table


def compare(sandbox: Sandbox, size: int, way: Way) -> list[Row]:
    times = Times(SHORTENED / (size if way is PARALLEL else 1))
    ours, theirs = run_omicopy(sandbox, size, times), run_by_hand(sandbox, size, way, times)
    parts = f"{size} image{'s' if size > 1 else ''}, by hand {way.name}"
    print(f"{parts}: the sandbox's own CPU {ours.sandbox:.1f} s, {theirs.sandbox:.1f} s", file=sys.stderr)
    bounds = way.bounds if size == BOUNDED else {}

    def row(what: str, ours: float, theirs: float, form: str) -> Row:
        return Row(f"{parts}: {what}", form.format(ours), form.format(theirs), ours / theirs, bounds.get(what))

    return [
        row("wall time", ours.wall, theirs.wall, "{:.1f} s"),
        row("API reads", ours.reads, theirs.reads, "{}"),
        row("CPU time", ours.cpu, theirs.cpu, "{:.1f} s"),
        row("programs started", ours.programs, theirs.programs, "{}"),
    ]


def run_by_hand(sandbox: Sandbox, size: int, way: Way, times: Times) -> Spent:
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace"
        ids = build_fleet(sandbox, size, times.settings)
        env = times.env | {"TRACE": str(trace), "BASH_XTRACEFD": "9"}
        spent = spend(sandbox, ["bash", "-c", way.script, "bash", *ids], env)
        check_arrival(sandbox, [f"by-hand-{image_id}" for image_id in ids])
        shells = 1 + size
        return replace(spent, programs=shells + len(PROGRAM.findall(trace.read_text(errors="replace"))))


def run_omicopy(sandbox: Sandbox, size: int, times: Times) -> Spent:
    """Starts one program, and that starts none."""
    with tempfile.TemporaryDirectory() as folder:
        ids = build_fleet(sandbox, size, times.settings)
        words = ["copy", *ids, "--from", "source", "--to", "target", "--bucket", EXPORT_BUCKET]
        spent = spend(sandbox, [str(SCRIPTS / "omicopy"), *words], times.env | {"XDG_STATE_HOME": folder})
        check_arrival(sandbox, [f"ship-{image_id}" for image_id in ids])
        return spent


def spend(sandbox: Sandbox, command: Sequence[str], env: Mapping[str, str]) -> Spent:
    before = time.process_time()
    cost = measure(command, sandbox.env | env)
    own = time.process_time() - before
    reads = [request for request in sandbox.request_log.requests(service="api") if request.action.startswith("Read")]
    return Spent(cost.wall, cost.cpu, len(reads), 1, own)


def check_arrival(sandbox: Sandbox, names: Sequence[str]) -> None:
    """Every copy is in the target account and available, and nothing else is there that was not before."""
    there = sandbox.region_state(TARGET_REGION).owned(sandbox.accounts["target"])
    available = sorted(image.name for image in there if image.state is OmiState.AVAILABLE)
    if available != sorted([*names, "resident"]):
        raise RuntimeError(f"{len(names)} images should have arrived, and these are there: {available}")


if __name__ == "__main__":
    main()

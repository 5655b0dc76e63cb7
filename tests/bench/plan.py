"""What checking a large plan costs: `python tests/bench/plan.py [COPIES]`. Fails where a command does.

`omicopy run PLAN --check` as a whole process, against a sandbox whose source account holds all the images and whose
bucket is empty: the YAML is read, then the images and whatever the first decisions need, and each copy is printed. The
figure is the process's own CPU time in seconds. On the wall most of it is the sandbox's, which holds every image that
it shows against the official schema.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import SandboxSettings
from tests.bench.cost import SCRIPTS, Cost, measure, median
from tests.bench.fleet import build_fleet
from tests.bench.table import Row, text_table

COPIES = 10_000
SECONDS = 5.0
"""In which a plan of so many is to be checked."""
ROUNDS = 3
"""Of the smaller plans. One check of the largest takes long enough to count."""
TARGETS = ("target", "target-other", "source-other")
HEAD = "version: 1\ndefaults: {from: source, bucket: omi-exports, prefix: nightly}\njobs:\n"
READ_YAML = "import sys; from omicopy.plans.model import parse_plan; parse_plan(open(sys.argv[1]).read(), 'plan', {})"


@dataclass(frozen=True)
class Shape:
    """A way to ask for many copies: from the IDs of all images to the entries of each job."""

    name: str
    jobs: Callable[[Sequence[str]], Sequence[Sequence[str]]]
    targets: int = 1

    def plan(self, ids: Sequence[str]) -> str:
        """The plan's text, as somebody would write it, one entry a line."""
        to = "".join(f"      - profile: {profile}\n" for profile in TARGETS[: self.targets])
        return HEAD + "".join(
            f"  - name: job-{number}\n    images:\n"
            + "".join(f"      - {entry}\n" for entry in entries)
            + f"    to:\n{to}"
            for number, entries in enumerate(self.jobs(ids))
        )


def each_by_id(ids: Sequence[str]) -> list[list[str]]:
    return [[f"id: {image_id}" for image_id in ids]]


def ten_a_job(ids: Sequence[str]) -> list[list[str]]:
    [entries] = each_by_id(ids)
    return [entries[at : at + 10] for at in range(0, len(entries), 10)]


def by_regex(_: Sequence[str]) -> list[list[str]]:
    return [["name_regex: ^ship-"]]


SHAPES = (
    Shape("each image by its ID", each_by_id),
    Shape("ten by their IDs a job", ten_a_job),
    Shape("one name_regex", by_regex),
    Shape(f"one name_regex, {len(TARGETS)} targets", by_regex, len(TARGETS)),
)


@dataclass(frozen=True)
class Checked:
    """What one check cost, and how much CPU time it cost the sandbox."""

    cost: Cost
    sandbox: float


def main() -> None:
    print(text_table(rows(int(sys.argv[1]) if len(sys.argv) > 1 else COPIES)))


def rows(copies: int = COPIES) -> list[Row]:
    """The seconds of the largest plan, and what a copy costs in it beside what it costs in one a tenth as large."""
    found: list[Row] = []
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        env, file = sandbox.env | {"XDG_STATE_HOME": folder}, Path(folder) / "plan.yaml"
        for shape in SHAPES:
            checked = {}
            for size, rounds in ((copies // 100, ROUNDS), (copies // 10, ROUNDS), (copies, 1)):
                file.write_text(shape.plan(build_fleet(sandbox, size // shape.targets, SandboxSettings())))
                checked[size] = check(file, env, rounds)
            found += in_rows(shape, checked)
            if shape.jobs is each_by_id:
                yaml = measure([sys.executable, "-c", READ_YAML, str(file)], env)
                name = f"check {copies:,} copies, {shape.name}: CPU of reading the YAML"
                found.append(Row(name, f"{yaml.cpu:.2f} s", "", yaml.cpu))
    return found


def in_rows(shape: Shape, checked: Mapping[int, Checked]) -> Iterator[Row]:
    """Among more copies each gets cheaper, for they share the cost of the start. What is quadratic makes it dearer."""
    _, middle, most = checked
    large = checked[most]
    beside = f"{large.cost.wall:.1f} s wall, {large.sandbox:.1f} s the sandbox's"
    yield Row(f"check {most:,} copies, {shape.name}: CPU", f"{large.cost.cpu:.2f} s", beside, large.cost.cpu, SECONDS)
    each = {copies: one.cost.cpu / copies for copies, one in checked.items()}
    smaller = ", ".join(f"{each[copies] * 1e3:.2f} ms of {copies:,}" for copies in list(checked)[-2::-1])
    name = f"check {most:,} copies, {shape.name}: a copy, beside a tenth as many"
    yield Row(name, f"{each[most] * 1e3:.2f} ms", smaller, each[most] / each[middle])


def check(file: Path, env: Mapping[str, str], rounds: int) -> Checked:
    """The medians of some checks."""
    costs, sandbox = [], []
    for _ in range(rounds):
        before = time.process_time()
        costs.append(measure([str(SCRIPTS / "omicopy"), "run", str(file), "--check"], env))
        sandbox.append(time.process_time() - before)
    return Checked(median(costs), statistics.median(sandbox))


if __name__ == "__main__":
    main()

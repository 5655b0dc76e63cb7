"""All benchmarks as one table of ratios: `python tests/bench/run.py [--docs]`. Under ten minutes on two cores.

Everything is measured side by side in this one run. `--docs` also writes the table into `omicopy help benchmarks`.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import by_hand, overhead, plan, scale, signing, startup, storage
from tests.bench.table import Row, markdown_table, text_table

PAGE = Path(__file__).parents[2] / "omicopy" / "docs" / "benchmarks.md"
BEGIN, END = "<!-- bench -->\n", "<!-- end of bench -->"


def main() -> None:
    began = time.monotonic()
    rows = measure_all()
    took = (
        f"{(time.monotonic() - began) / 60:.1f} minutes, {platform.python_implementation()} {platform.python_version()}"
    )
    print(text_table(rows))
    print(took)
    if "--docs" in sys.argv[1:]:
        write_page(rows)


def measure_all() -> list[Row]:
    """One after another, but for what mostly waits: that runs beside what is far from its bounds."""
    with ProcessPoolExecutor(1, get_context("spawn")) as beside:
        starts, fleets = parts("start-up", startup.rows), parts("fleets", scale.rows)
        hands = parts("copies by hand", by_hand.rows)
        waits = beside.submit(overhead.rows)
        plans = parts("plans, and the overhead of one copy", plan.rows)
        stores = parts("storage", storage.rows) + parts("signing", signing.rows)
        return starts + waits.result() + hands + fleets + plans + stores


def parts(what: str, measure: Callable[[], Sequence[Row]]) -> list[Row]:
    print(f"measuring {what} …", file=sys.stderr, flush=True)
    return list(measure())


def write_page(rows: Sequence[Row]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{markdown_table(rows)}\n\n{END}{after}")


if __name__ == "__main__":
    main()

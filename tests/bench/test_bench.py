"""The benchmarks themselves, in small: that they run, and that what they tell is what their table says."""

from __future__ import annotations

import pytest

from tests.bench import overhead, scale, signing, startup
from tests.bench.table import Row, markdown_table, text_table


@pytest.mark.parametrize(
    ("ratio", "bound", "parts"),
    [(0.5, 1.0, ["0.500", "≤ 1", "met"]), (2.0, 1.0, ["2", "≤ 1", "NOT met"]), (12.34, None, ["12.3", "", ""])],
)
def test_a_row_says_whether_its_bound_is_met(ratio: float, bound: float | None, parts: list[str]) -> None:
    row = Row("a thing", "1 ms", "2 ms", ratio, bound)
    assert row.cells() == ["a thing", "1 ms", "2 ms", *parts]
    assert markdown_table([row]).splitlines()[2] == f"| a thing | 1 ms | 2 ms | {' | '.join(parts)} |"
    assert text_table([row]).splitlines()[1].split()[:2] == ["a", "thing"]


def test_a_small_fleet_is_copied_with_flat_reads() -> None:
    fleet = scale.run_alone(20)
    assert fleet.most_reads == 1
    assert fleet.ticks > 50
    assert fleet.tick_us > 0
    assert fleet.once_us > fleet.tick_us


def test_four_hours_of_export_take_the_documented_polls() -> None:
    polls = {row.what: row for row in overhead.virtual_rows(runs=1) if row.at_most}
    assert {row.verdict for row in polls.values()} == {"met"}
    assert len(polls) == 6


def test_both_ways_to_sign_make_the_same_url() -> None:
    (row,) = signing.rows(urls=50)
    assert row.ratio > 0


@pytest.mark.proof
def test_every_start_that_is_measured_works() -> None:
    rows = startup.rows(runs=1)
    assert [row.at_most for row in rows if row.at_most] == [0.35, 0.75, 0.75]

"""The lines of the benchmarks' table: what a thing costs, beside what, and whether the ratio is what it should be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADINGS = ("what", "omicopy", "beside it", "ratio", "to be", "")


@dataclass(frozen=True)
class Row:
    """One measurement. `ratio` is ours to the other's, or a plain figure where nothing stands beside it; it should be
    `at_most` so much. A row without a bound is there to be looked at."""

    what: str
    ours: str
    beside: str
    ratio: float
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        if self.at_most is None:
            return ""
        return "met" if self.ratio <= self.at_most else "NOT met"

    def cells(self) -> list[str]:
        bound = "" if self.at_most is None else f"≤ {_figure(self.at_most)}"
        return [self.what, self.ours, self.beside, _figure(self.ratio), bound, self.verdict]


def text_table(rows: Sequence[Row]) -> str:
    """For a terminal."""
    lines = [list(HEADINGS), *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def markdown_table(rows: Iterable[Row]) -> str:
    """For the documentation."""
    lines = [list(HEADINGS), ["---"] * len(HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figure(number: float) -> str:
    """Three digits that count."""
    if number == int(number):
        return f"{number:.0f}"
    return f"{number:.3f}" if number < 1 else f"{number:.2f}" if number < 10 else f"{number:.1f}"

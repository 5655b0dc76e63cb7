"""Tables: laid out by rich at a terminal; in a pipe one row a line, with tabs between its cells. No cell is cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omicopy.cli.console import safe

if TYPE_CHECKING:
    from rich.console import Console

EMPTY_CELL = "-"
Cell = str | tuple[str, ...]
"""A tuple is shown as several lines, one below the other; at a terminal only."""


@dataclass(frozen=True, slots=True)
class Table:
    """`headings` are shown at a terminal only; an empty cell becomes a dash."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    piped: Sequence[Sequence[str]] | None = None
    """The rows in a pipe, where those have other cells."""


def print_table(table: Table) -> None:
    """Prints the table on stdout. Control characters and secrets in it are replaced."""
    if sys.stdout.isatty():
        _print_for_eyes(table)
        return
    for row in table.rows if table.piped is None else table.piped:
        print("\t".join(map(_text, row)))  # noqa: T201


def _print_for_eyes(table: Table) -> None:
    from rich.table import Column, Table as RichTable
    from rich.text import Text

    columns = [Column(heading, overflow="fold") for heading in table.headings]
    laid_out = RichTable(*columns, box=None, pad_edge=False, show_header=bool(columns))
    for row in table.rows:
        laid_out.add_row(*(Text(_text(cell), overflow="fold") for cell in row))
    stdout_console().print(laid_out)


def stdout_console() -> Console:
    """What lays text out on stdout, at a terminal; with `NO_COLOR` without any style."""
    from rich.console import Console

    return Console(color_system=None if os.environ.get("NO_COLOR") else "auto")


def _text(cell: Cell) -> str:
    lines = (cell,) if isinstance(cell, str) else cell
    return "\n".join(safe(line) or EMPTY_CELL for line in lines)

"""Results on stdout, in the form that was asked for: text or JSON. Nothing else is printed there (R10)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omicopy.cli.console import safe_lines
from omicopy.cli.forms import OutputForm
from omicopy.cli.tables import Table, print_table, stdout_console
from omicopy.errors import printable

_begun: list[OutputForm] = []
"""The form in which the command's JSON was printed, or at least begun with; empty before."""
ResultText = Table | Sequence[str]
"""A table, or lines."""


def print_result(
    form: OutputForm, text: ResultText, describe: Callable[[], Mapping[str, Any]], verbatim: bool = False
) -> None:
    """Prints a command's result as `text`, or as the JSON that `describe` returns; `verbatim` as in `print_object`."""
    if form is OutputForm.TABLE:
        print_text(text)
    else:
        print_object(describe(), form, verbatim)


def print_text(text: ResultText) -> None:
    """Prints a table, or lines without control characters. Lines are not searched for secrets: a URL is one."""
    if isinstance(text, Table):
        print_table(text)
    else:
        for line in text:
            print(printable(line))  # noqa: T201


def print_markdown(text: str) -> None:
    """Prints documentation: rendered at a terminal, as it is in a pipe."""
    if not sys.stdout.isatty():
        print(text, end="")  # noqa: T201
        return
    from rich.markdown import Markdown

    stdout_console().print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))


def print_object(document: Mapping[str, Any], form: OutputForm, verbatim: bool = False) -> None:
    """Prints a command's JSON: over several lines, or on one with `jsonl`.

    `verbatim` prints it unfiltered: where a URL was asked for, or where words look like secrets and are none.
    """
    _begun.append(form)
    text = json.dumps(document, indent=2 if form is OutputForm.JSON else None)
    print(text if verbatim else safe_lines(text))  # noqa: T201


def has_printed_object() -> bool:
    """Returns True once the command's JSON was printed, or at least begun with."""
    return bool(_begun)

"""Results on stdout: a table at a terminal, one line a result in a pipe, JSON when asked for. Nothing else (R10)."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omicopy.cli.console import print_error, safe_lines
from omicopy.cli.forms import OutputForm
from omicopy.errors import Interrupted, printable
from omicopy.model.request import CopyRequest
from omicopy.model.result import CallCount, CopyResult, describe_run


@dataclass(slots=True)
class _Printed:
    is_begun: bool = False


_printed = _Printed()
Lines = Callable[[Sequence[CopyResult]], None]
_HEADINGS = ("Image", "Name", "Account", "Region", "Status", "Seconds")
_NAME = _HEADINGS.index("Name")
_GAP = "  "


def print_results(
    results: Sequence[CopyResult],
    calls: Mapping[str, CallCount],
    output: OutputForm,
    lines: Lines,
    interruption: Interrupted | None = None,
) -> None:
    """The results in the form that was asked for; every failure also in words, on stderr (R3)."""
    if output is OutputForm.TABLE:
        lines(results)
    else:
        print_object(describe_run(results, calls, interruption), output)
    sys.stdout.flush()
    targets = {result.request.destination.account.profile for result in results if result.request.destination}
    for result in results:
        if result.error:
            print_error(result.error, about=_about(result, len(targets) > 1))


def _about(result: CopyResult, several_targets: bool) -> str:
    request = result.request
    if several_targets and isinstance(request, CopyRequest) and request.destination:
        return f"{request.label} to {request.destination.account.profile}"
    return request.label


def has_printed_object() -> bool:
    """Whether the command's JSON was printed, or at least begun with."""
    return _printed.is_begun


def print_object(document: Mapping[str, Any], output: OutputForm, verbatim: bool = False) -> None:
    """A command's JSON: over several lines, or on one with `jsonl`; `verbatim` where a URL was asked for, or
    where words look like secrets and are none."""
    _printed.is_begun = True
    text = json.dumps(document, indent=2 if output is OutputForm.JSON else None)
    print(text if verbatim else safe_lines(text))  # noqa: T201


def image_lines(results: Sequence[CopyResult]) -> None:
    """`IMAGE_ID<TAB>NAME<TAB>STATUS` a copy, or a table for the eyes."""
    if sys.stdout.isatty():
        _table(results)
        return
    for result in results:
        print("\t".join(_row(result)))  # noqa: T201


def export_lines(results: Sequence[CopyResult]) -> None:
    """The manifest's `s3://` location; for a failure nothing."""
    for result in results:
        if result.manifest and result.is_good:
            print(printable(result.manifest))  # noqa: T201


def task_lines(results: Sequence[CopyResult]) -> None:
    """Where nobody waits: the export task's ID; of an export whose task is not listed any more, the manifest."""
    for result in results:
        text = result.export_task_id or result.manifest
        if text and result.is_good:
            print(printable(text))  # noqa: T201


def _row(result: CopyResult) -> tuple[str, str, str]:
    destination = result.request.destination
    name = result.image_name or (destination.name if destination else "") or result.request.label
    return printable(result.image_id or "-"), printable(name), result.status.value


def _table(results: Sequence[CopyResult]) -> None:
    """Laid out by hand: rich takes a quarter of a millisecond a line, and a plan may have ten thousand. Names are cut
    at what the window leaves them, but never below their heading."""
    from rich.cells import cell_len, set_cell_size

    lines = [_HEADINGS, *(_cells(result) for result in results)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    others = sum(widths) - widths[_NAME] + len(_GAP) * (len(widths) - 1)
    room = max(shutil.get_terminal_size().columns - others, len(_HEADINGS[_NAME]))
    widths[_NAME] = min(widths[_NAME], room)
    for number, line in enumerate(lines):
        cells = list(line)
        if cell_len(cells[_NAME]) > room:
            cells[_NAME] = set_cell_size(cells[_NAME], room - 1) + "…"
        text = _GAP.join(map(set_cell_size, cells, widths)).rstrip()
        print(text if number or os.environ.get("NO_COLOR") else f"\x1b[1m{text}\x1b[0m")  # noqa: T201


def _cells(result: CopyResult) -> tuple[str, ...]:
    image_id, name, status = _row(result)
    target = result.request.destination
    account, region = (target.account.account_id, target.account.region) if target else ("", "")
    return image_id, name, printable(account), printable(region), status, f"{result.seconds:.0f}"

"""Copies and exports as text on stdout: a row a copy, or a line an export; and their failures on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from omicopy.cli.console import print_error
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import ResultText, print_object
from omicopy.cli.tables import Table
from omicopy.errors import Interrupted
from omicopy.model.request import CopyRequest
from omicopy.model.result import CallCount, CopyResult, describe_run

_HEADINGS = ("Image", "Name", "Account", "Region", "Status", "Seconds")
TextOfCopies = Callable[[Sequence[CopyResult]], ResultText]


def print_results(
    results: Sequence[CopyResult],
    calls: Mapping[str, CallCount],
    output: OutputForm,
    print_lines: Callable[[Sequence[CopyResult]], None],
    interruption: Interrupted | None = None,
) -> None:
    """Prints the results in the form that was asked for, and every failure in words on stderr (R3)."""
    if output is OutputForm.TABLE:
        print_lines(results)
    else:
        print_object(describe_run(results, calls, interruption), output)
    sys.stdout.flush()
    targets = {result.request.target.account.profile for result in results if result.request.target}
    for result in results:
        if result.error:
            print_error(result.error, about=_about(result, len(targets) > 1))


def _about(result: CopyResult, several_targets: bool) -> str:
    request = result.request
    if several_targets and isinstance(request, CopyRequest) and request.target:
        return f"{request.label} to {request.target.account.profile}"
    return request.label


def image_lines(results: Sequence[CopyResult]) -> Table:
    """Returns one row per copy; in a pipe, its image ID, name and status."""
    rows = [_row(result) for result in results]
    return Table(_HEADINGS, rows, piped=[(image_id, name, status) for image_id, name, _, _, status, _ in rows])


def _row(result: CopyResult) -> tuple[str, str, str, str, str, str]:
    target = result.request.target
    name = result.image_name or (target.name if target else "") or result.request.label
    account, region = (target.account.account_id, target.account.region) if target else ("", "")
    return result.image_id or "", name, account, region, result.status.value, f"{result.seconds:.0f}"


def export_lines(results: Sequence[CopyResult]) -> list[str]:
    """Returns the manifests' locations, without those of failures."""
    return [result.manifest for result in results if result.manifest and result.is_good]


def task_lines(results: Sequence[CopyResult]) -> list[str]:
    """Returns the export tasks' IDs, for --no-wait. If a task is no longer listed: the manifest's location."""
    texts = [result.export_task_id or result.manifest for result in results if result.is_good]
    return [text for text in texts if text]

"""Progress on stderr: at a terminal one moving line a copy if all fit, else one plain line per change of phase."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from omicopy.cli.console import info, is_plain, safe, warn
from omicopy.manifests.handoff import licensed_types, summary
from omicopy.model.events import AllFinished, CopyFinished, CopyProgress, Event, InfoMessage, Listener, WarningMessage
from omicopy.model.manifest import effective_expiry
from omicopy.model.request import CopyRequest, RejectedCopy, SharedManifest, Source
from omicopy.model.result import CopyResult, Status, describe_result, format_timestamp, rfc3339
from omicopy.model.units import format_duration

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, Task


@contextmanager
def show_progress(requests: Sequence[CopyRequest], quiet: bool, as_lines: bool) -> Iterator[Listener]:
    """A listener that shows events; `as_lines` also writes each as a JSON line on stdout."""
    with _print_lines(requests, quiet) as print_event:
        yield _and_json_lines(print_event) if as_lines else print_event


@contextmanager
def _print_lines(requests: Sequence[CopyRequest], quiet: bool) -> Iterator[Listener]:
    if quiet:
        yield _warnings_only
    elif sys.stderr.isatty() and not is_plain() and _fits(len(requests)):
        with _moving_lines(requests) as listener:
            yield listener
    else:
        yield _PlainLines(requests)


def _fits(lines: int) -> bool:
    """True if the terminal has a row for each. More lines would never be seen, and drawing them takes time."""
    from rich.console import Console

    return lines < Console(stderr=True).height


def _warnings_only(event: Event) -> None:
    if isinstance(event, WarningMessage):
        warn(event.message)


class _PlainLines:
    """`golden-linux: importing (ami-12345678 pending), 1h2m`: a line when the phase changes, not for each percent."""

    def __init__(self, requests: Sequence[CopyRequest]) -> None:
        self._labels = _labels(requests)
        self._phases: dict[int, str] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, WarningMessage):
            warn(event.message)
        elif isinstance(event, InfoMessage):
            info(event.message, event="noted")
        elif isinstance(event, CopyProgress) and self._phases.get(id(event.request)) != event.phase:
            self._phases[id(event.request)] = event.phase
            text = f"{self._labels[id(event.request)]}: {event.phase} ({event.detail}), {_clock(event.seconds)}"
            info(text, event="moved", phase=event.phase, task=event.task_id, **_fields(event.request))
        # A planned copy was printed by the event before this one.
        elif isinstance(event, CopyFinished) and event.result.status is not Status.PLANNED:
            result = event.result
            text = f"{self._labels[id(result.request)]}: {_word(result)}, {_clock(result.seconds)}"
            fields = _fields(result.request)
            info(text, event="ended", status=result.status, copy=result.image_id, task=result.export_task_id, **fields)


def _word(result: CopyResult) -> str:
    """The word for a result: the JSON has one list of statuses, and people say that an export was exported."""
    is_export = result.request.target is None and result.status is Status.COPIED
    return "exported" if is_export else result.status.value


def _fields(request: CopyRequest | RejectedCopy) -> dict[str, str]:
    """The fields of a log line about a copy: the image and its account, and the target."""
    fields: dict[str, str] = {}
    if isinstance(request.source, Source):
        account = request.source.account
        fields |= {"account": account.account_id, "region": account.region, "image": request.source.image.image_id}
    if request.target:
        to = request.target.account
        fields |= {"target_account": to.account_id, "target_region": to.region, "name": request.target.name}
    return fields


@contextmanager
def _moving_lines(requests: Sequence[CopyRequest]) -> Iterator[Listener]:
    from rich.console import Console
    from rich.progress import Progress

    labels = _labels(requests)
    console = Console(stderr=True)
    with Progress(*_columns(), console=console, transient=False, redirect_stdout=False) as progress:  # stdout is data
        rows = {
            id(request): progress.add_task("looking", total=None, label=safe(labels[id(request)]))
            for request in requests
        }

        def listener(event: Event) -> None:
            if isinstance(event, WarningMessage):
                progress.console.print(safe(f"Warning: {event.message}"), markup=False, highlight=False)
            elif isinstance(event, InfoMessage):
                progress.console.print(safe(event.message), markup=False, highlight=False)
            elif isinstance(event, CopyProgress):
                text = safe(f"{event.phase} ({event.detail})")
                bar = progress.tasks[rows[id(event.request)]]
                bar.total = None if event.progress is None else 100  # update() takes None for "as it was"
                progress.update(bar.id, description=text, completed=event.progress or 0)
            elif isinstance(event, AllFinished):
                progress.stop()  # so that later output appears below the lines
            else:
                row, result = rows[id(event.result.request)], event.result
                progress.update(row, description=_word(result), total=100, completed=100 if result.is_good else 0)
                progress.stop_task(row)

        yield listener


def _columns() -> Iterator[ProgressColumn]:
    """The columns of a moving line. At a narrow terminal words are cut, so that percent and time are always seen."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column
    from rich.text import Text

    class Words(TextColumn):
        def __init__(self, text_format: str) -> None:
            super().__init__(text_format, markup=False, table_column=Column())  # the only ones that may shrink

        def render(self, task: Task) -> Text:
            text = super().render(task)
            text.no_wrap, text.overflow = True, "ellipsis"
            return text

    class Percent(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.completed:3.0f}%" if task.total else "    ")

    yield Words("{task.fields[label]}")
    yield Words("{task.description}")
    yield BarColumn(bar_width=20, table_column=Column(no_wrap=True))
    yield Percent("")
    yield TimeElapsedColumn(table_column=Column(no_wrap=True))


def _and_json_lines(print_event: Listener) -> Listener:
    def listener(event: Event) -> None:
        print_event(event)
        if isinstance(event, AllFinished):  # each copy's own event has reported it already
            return
        line: dict[str, object] = {"time": rfc3339(datetime.now(UTC))}
        if isinstance(event, CopyProgress):
            line |= {"event": "moved", "copy": event.request.label, "phase": event.phase, "detail": event.detail}
            line |= {"progress": event.progress, "seconds": round(event.seconds, 1)}
            line |= {"job": event.request.job} if event.request.job else {}
            line |= _fields(event.request)
            if event.request.target:
                line["to"] = event.request.target.account.profile
        elif isinstance(event, WarningMessage | InfoMessage):
            line |= {"event": "warned" if isinstance(event, WarningMessage) else "noted", "message": event.message}
        else:
            line |= {"event": "ended", **describe_result(event.result)}
        print(safe(json.dumps(line)), flush=True)  # noqa: T201

    return listener


def _labels(requests: Sequence[CopyRequest]) -> dict[int, str]:
    """The beginning of each line, by the request's identity: the image, and the target where there are several."""
    several = len({request.target.account.profile for request in requests if request.target}) > 1
    names = [f" → {one.target.account.profile}" if several and one.target else "" for one in requests]
    return {id(request): request.label + name for request, name in zip(requests, names, strict=True)}


def _clock(seconds: float) -> str:
    return format_duration(timedelta(seconds=round(seconds)))


def introduce(requests: Sequence[CopyRequest]) -> None:
    """Prints each image, its source and its target, before the first write."""
    for request in requests:
        source, target = request.source, request.target
        what = f"{source.image.name} {source.image.image_id} of {source.account}" if isinstance(source, Source) else ""
        if target:
            to = f"{target.name!r} in {target.account}"
            info(f"Copying {what}", f"  to {to}") if what else info(f"Importing it as {to}")
        elif isinstance(source, Source):
            info(f"Exporting {what}", f"  to {source.export.folder}")


def introduce_manifest(is_boot_known: bool, quiet: bool, accept_licences: bool, shared: SharedManifest) -> None:
    """Prints the manifest's content and expiry, before the first API request. Warns of licences that may cost."""
    manifest = shared.manifest
    expiry = effective_expiry(shared.url.expires_at, manifest)
    if not quiet:
        unknown = "  the manifest contains no boot mode: legacy is used unless you give --boot-mode uefi"
        info(
            f"{summary(manifest)}, at {shared.url.host}",
            f"  valid until {format_timestamp(expiry.at, datetime.now(UTC))}",
            *([] if is_boot_known else [unknown]),
        )
    licensed = licensed_types(manifest)
    if licensed and not accept_licences:
        warn(
            f"Its product types {', '.join(licensed)} may require licences; the importing account is responsible for "
            "them. Add --accept-licences once you have checked this."
        )

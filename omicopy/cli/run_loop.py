"""What `copy`, `export` and `import` have in common: make the clients, run the loop, print the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

import typer

from omicopy.api.copies import Watch
from omicopy.cli.command_start import command_began
from omicopy.cli.console import info, warn
from omicopy.cli.copy_rows import TextOfCopies, print_results
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import has_printed_object, print_text
from omicopy.cli.progress import show_progress
from omicopy.cloud.clients import Clients
from omicopy.errors import Interrupted
from omicopy.manifests.handoff import licensed_types, summary
from omicopy.model.boot import Boot
from omicopy.model.events import AllFinished, Event, Listener
from omicopy.model.manifest import effective_expiry
from omicopy.model.request import Budgets, CopyRequest, SharedManifest, Source
from omicopy.model.result import CallCount, CopyResult, exit_code, format_timestamp
from omicopy.model.units import parse_duration
from omicopy.reconcile.apply import RunMode
from omicopy.reconcile.run import RunOptions, run_requests, with_interrupted_results


def budgets_of(
    grace: str, retry: str, poll_min: str, poll_max: str, export_timeout: str = "12h", import_timeout: str = "6h"
) -> Budgets:
    """The durations that were typed. A longest pause below the first one shortens the first. Raises USAGE."""
    longest = parse_duration(poll_max)
    return Budgets(
        export=parse_duration(export_timeout),
        import_=parse_duration(import_timeout),
        grace=parse_duration(grace),
        retry=parse_duration(retry),
        poll_min=min(parse_duration(poll_min), longest),
        poll_max=longest,
    )


def mode_of(
    no_wait: bool, dry_run: bool, deadline: str | None = None, parallel: int | None = None, fail_fast: bool = False
) -> RunMode:
    """How far to go, from what was typed. Raises USAGE."""
    limit = parse_duration(deadline) if deadline else None
    began = command_began()
    return RunMode(
        wait=not no_wait, dry_run=dry_run, deadline=limit, began=began, parallel=parallel, fail_fast=fail_fast
    )


def orders_of(budgets: Budgets, mode: RunMode, lock_wait: str = "0s") -> RunOptions:
    return RunOptions(budgets, mode, parse_duration(lock_wait))


@dataclass(slots=True)
class Presentation:
    """What is shown: `lines` makes of the results what stands on stdout in text."""

    output: OutputForm
    quiet: bool
    lines: TextOfCopies
    _has_shown_lines: bool = False
    _has_shown_all: bool = False

    def show_lines(self, results: Sequence[CopyResult]) -> None:
        """The results in text, once: before the clean-up, which waits."""
        if self.output is OutputForm.TABLE and not self._has_shown_lines:
            self._has_shown_lines = True
            print_text(self.lines(results))
            sys.stdout.flush()

    def show(
        self,
        results: Sequence[CopyResult],
        calls: Mapping[str, CallCount],
        interruption: Interrupted | None = None,
    ) -> None:
        """All of the results."""
        print_results(results, calls, self.output, self.show_lines, interruption)
        self._has_shown_all = True

    def show_interrupted(self, interruption: Interrupted, calls: Mapping[str, CallCount]) -> None:
        """How every copy stands, where that was not shown before. Of nothing there is no table."""
        results = copies_of(interruption)
        is_due = bool(results) or self.output is not OutputForm.TABLE
        if is_due and not self._has_shown_all and not has_printed_object():
            self.show(results, calls, interruption)


def copies_of(interruption: Interrupted) -> list[CopyResult]:
    """What an interruption tells of copies."""
    return [result for result in interruption.results if isinstance(result, CopyResult)]


def run(
    clients: Clients, prepare: Callable[[Clients], list[CopyRequest]], options: RunOptions, presentation: Presentation
) -> NoReturn:
    """Carries the requests out and ends the command."""

    def work() -> Sequence[CopyResult]:
        with clients.time_limit.until(options.mode.ends):
            requests = prepare(clients)
            with with_interrupted_results(requests), watch(clients, presentation)(requests) as listener:
                return run_requests(clients, requests, options, listener)

    finish(clients, work, presentation)


def watch(clients: Clients, presentation: Presentation) -> Watch:
    """Says who copies what to whom, then tells on the screen how it gets on."""

    @contextmanager
    def watching(requests: Sequence[CopyRequest]) -> Iterator[Listener]:
        clients.warn_of_clocks()
        if not presentation.quiet:
            introduce(requests)
        as_lines = presentation.output is OutputForm.JSONL
        with show_progress(list(requests), presentation.quiet, as_lines=as_lines) as talk:

            def listener(event: Event) -> None:
                talk(event)
                if isinstance(event, AllFinished):
                    presentation.show_lines(event.results)

            yield listener

    return watching


def finish(clients: Clients, work: Callable[[], Sequence[CopyResult]], presentation: Presentation) -> NoReturn:
    """Does the work, prints its results and ends the command with the exit code of the whole."""
    results: Sequence[CopyResult] = ()
    try:
        results = work()
        presentation.show(results, clients.counts())
    except Interrupted as interruption:
        interruption.results = interruption.results or [*results]
        presentation.show_interrupted(interruption, clients.counts())
        raise
    raise typer.Exit(exit_code(results))


def introduce(requests: Sequence[CopyRequest]) -> None:
    """Who copies what to whom, before the first write."""
    for request in requests:
        source, destination = request.source, request.destination
        what = f"{source.image.name} {source.image.image_id} of {source.account}" if isinstance(source, Source) else ""
        if destination:
            to = f"{destination.name!r} in {destination.account}"
            info(f"Copying {what}", f"  to {to}") if what else info(f"Importing it as {to}")
        elif isinstance(source, Source):
            info(f"Exporting {what}", f"  to {source.export.folder}")


def introduce_handed(shared: SharedManifest, boot: Boot, now: datetime, quiet: bool, accept_licences: bool) -> None:
    """What would be imported and until when, before the first request to the API; and what it may cost."""
    manifest = shared.manifest
    expiry = effective_expiry(shared.url.expires_at, manifest)
    if not quiet:
        unknown = "  how it boots is not in the manifest: legacy, unless --boot-mode uefi asks for it"
        info(
            f"{summary(manifest)}, at {shared.url.host}",
            f"  valid until {format_timestamp(expiry.at, now)}",
            *([unknown] if boot.modes is None else []),
        )
    licensed = licensed_types(manifest)
    if licensed and not accept_licences:
        warn(
            f"Its product types {', '.join(licensed)} may bear licences, which the importing account answers for. "
            "Say --accept-licences where that is settled."
        )

"""Prints what `copy`, `export`, `import` and `run` start, their progress and their results."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import typer

from omicopy.cli.copy_rows import TextOfCopies, print_results
from omicopy.cli.forms import OutputForm
from omicopy.cli.monitoring import Monitor
from omicopy.cli.option_groups import Printing
from omicopy.cli.output import has_printed_object, print_text
from omicopy.cli.progress import introduce, show_progress
from omicopy.cli.streams import lost_output
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.events import AllFinished, Event, Listener
from omicopy.model.request import CopyRequest
from omicopy.model.result import CallCount, CopyResult, CopyResults, copies_of, exit_code


@dataclass(slots=True)
class CopyPrinter:
    """Prints progress and results, and notifies a monitor. `text` turns the results into text for stdout."""

    printing: Printing
    text: TextOfCopies
    monitor: Monitor = field(default_factory=Monitor)
    _began: float = field(default_factory=time.monotonic)
    _has_printed_lines: bool = False
    _has_printed_all: bool = False

    def finish(self, work: Callable[[], CopyResults]) -> NoReturn:
        """Does the work and prints its results. Raises `typer.Exit` with the exit code, or the error of the work.

        In any case, prints what was done (R3) and notifies the monitor.
        """
        results = CopyResults()
        try:
            self.monitor.begin()
            results = work()
            self._print(results, results.api_calls)
            code = exit_code(results)
            heard = code or (0 if lost_output() is None else ErrorCode.FAILED.exit_code)  # as `main` will end it
            self.monitor.end(results, results.api_calls, self._seconds(), heard)
        except OmicopyError as error:
            self.monitor.failed(error, self._seconds())
            raise
        except Interrupted as interruption:
            interruption.results = interruption.results or [*results]
            interruption.api_calls = interruption.api_calls or {**results.api_calls}
            self.monitor.interrupted(interruption, interruption.api_calls, self._seconds(), self._print_interrupted)
            raise
        except BaseException:
            unforeseen = OmicopyError(ErrorCode.FAILED, "The run ended with an unexpected error", "See its log.")
            self.monitor.failed(unforeseen, self._seconds())
            raise
        raise typer.Exit(code)

    @contextmanager
    def watch(self, requests: Sequence[CopyRequest]) -> Iterator[Listener]:
        """Prints who copies what to whom, then how it gets on; the results before the clean-up, which waits."""
        if not self.printing.quiet:
            introduce(requests)
        as_lines = self.printing.output is OutputForm.JSONL
        with show_progress(list(requests), self.printing.quiet, as_lines=as_lines) as print_event:

            def listener(event: Event) -> None:
                print_event(event)
                if isinstance(event, AllFinished):
                    self._print_lines(event.results)

            yield listener

    def _print(
        self, results: Sequence[CopyResult], calls: Mapping[str, CallCount], interruption: Interrupted | None = None
    ) -> None:
        print_results(results, calls, self.printing.output, self._print_lines, interruption)
        self._has_printed_all = True

    def _print_lines(self, results: Sequence[CopyResult]) -> None:
        """Prints the results as text, but only once."""
        if self.printing.output is OutputForm.TABLE and not self._has_printed_lines:
            self._has_printed_lines = True
            print_text(self.text(results))
            sys.stdout.flush()

    def _print_interrupted(self, interruption: Interrupted, calls: Mapping[str, CallCount]) -> None:
        """Prints the state of every copy, unless that was done before. Without copies, it prints no table."""
        results = copies_of(interruption)
        is_due = bool(results) or self.printing.output is not OutputForm.TABLE
        if is_due and not self._has_printed_all and not has_printed_object():
            self._print(results, calls, interruption)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

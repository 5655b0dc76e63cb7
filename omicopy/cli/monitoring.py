"""Reports a run to monitors: metrics for Prometheus, pings at its start and end, and the result as a file.

What was asked for wrongly is said before anything starts. Later on none of it stops a run: what fails is a warning.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omicopy.cli.console import safe, safe_lines, warn
from omicopy.cloud.http.network import Network
from omicopy.errors import ErrorCode, Interrupted, OmicopyError
from omicopy.model.result import SCHEMA, CallCount, CopyResult, copies_of, describe_error, describe_run
from omicopy.monitoring.ended_run import EndedRun, count_by_status
from omicopy.state.atomic_file import check_place, write_whole

if TYPE_CHECKING:
    from omicopy.monitoring.ping import Ping

OLD_METRICS_LIMIT = 1024 * 1024
PING_FILE_LIMIT = 4096
"""Bytes that are read of each, at most."""


class Monitor:
    """`begin`, then `end` or `interrupted`; or `failed` for what fails before the first copy.

    Asked for nothing, it does nothing.
    """

    def __init__(
        self,
        metrics_file: str | None = None,
        ping_url_file: str | None = None,
        report: str | None = None,
        network: Network | None = None,
    ) -> None:
        """Raises USAGE for a file that can't be there, and for a ping file without a usable URL in it."""
        self._metrics = _checked("--metrics-file", metrics_file)
        if self._metrics is not None:
            _check_extra()
        self._report = _checked("--report", report)
        self._ping: Ping | None = None
        if ping_url_file is not None:
            try:
                self._ping = _ping(ping_url_file, network or Network(os.environ))
            except OmicopyError as error:
                self.failed(error, 0.0)
                raise

    def begin(self) -> None:
        """Says that the run starts."""
        self._send("/start")

    def end(
        self, results: Sequence[CopyResult], calls: Mapping[str, CallCount], seconds: float, exit_code: int
    ) -> None:
        """Says how it ended. A run that left everything to another one on this machine is no news: that one tells."""
        errors = [result.error for result in results if result.error]
        if errors and all(error.code is ErrorCode.LOCKED for error in errors):
            return
        run = EndedRun(datetime.now(UTC), seconds, exit_code, results, calls)
        self._write(run, describe_run(results, calls))
        self._ping_end(run, _failures(results))

    def interrupted(
        self,
        interruption: Interrupted,
        calls: Mapping[str, CallCount],
        seconds: float,
        show: Callable[[Interrupted, Mapping[str, CallCount]], None],
    ) -> None:
        """Says how it stands; `show` does the same elsewhere, after the files and before a ping that may take long."""
        results = copies_of(interruption)
        run = EndedRun(datetime.now(UTC), seconds, interruption.exit_code, results, calls)
        self._write(run, describe_run(results, calls, interruption))
        show(interruption, calls)
        self._ping_end(run, _failures(results))

    def failed(self, error: OmicopyError, seconds: float) -> None:
        """Says that it ended with this before there was anything to copy."""
        run = EndedRun(datetime.now(UTC), seconds, error.exit_code)
        self._write(run, {"schema": SCHEMA, "copies": [], "api_calls": {}, "error": describe_error(error)})
        self._ping_end(run, [error.message])

    def _write(self, run: EndedRun, result: Mapping[str, Any]) -> None:
        if self._metrics is not None:
            from omicopy.monitoring.metrics import render_metrics

            metrics = render_metrics(run, _old_metrics(self._metrics))
            _write("metrics", self._metrics, metrics, 0o644)  # read by another user
        if self._report is not None:
            _write("report", self._report, safe_lines(json.dumps(result, indent=2)) + "\n", 0o600)  # names accounts

    def _ping_end(self, run: EndedRun, failures: Sequence[str]) -> None:
        self._send("" if run.exit_code == 0 else "/fail", _summary(run, failures))

    def _send(self, ending: str, body: str = "") -> None:
        if self._ping is None:
            return
        try:
            self._ping.send(ending, body)
        except OmicopyError as error:
            warn(f"The ping failed: {error.message}")


def _failures(results: Sequence[CopyResult]) -> list[str]:
    return [f"{result.request.label}: {result.error.message}" for result in results if result.error]


def _checked(option: str, file: str | None) -> str | None:
    if file is not None:
        try:
            check_place(file)
        except OSError as error:
            message = f"{option} can't write to {file!r}: {error.strerror}"
            raise OmicopyError(ErrorCode.USAGE, message, "Name a file in a folder that is there.") from None
    return file


def _check_extra() -> None:
    try:
        importlib.import_module("prometheus_client")
    except ImportError:
        hint = "Install it: pip install 'omicopy[monitoring]'."
        raise OmicopyError(ErrorCode.USAGE, "--metrics-file needs the package prometheus_client", hint) from None


def _ping(file: str, network: Network) -> Ping:
    from omicopy.monitoring.ping import Ping

    hint = "Write one URL (https://…) into a file of its own, and nothing else."
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(PING_FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OmicopyError(ErrorCode.USAGE, f"--ping-url-file can't read {file!r}: {reason}", hint) from None
    if len(content) > PING_FILE_LIMIT:
        message = f"--ping-url-file can't use {file!r}: it is larger than {PING_FILE_LIMIT} bytes"
        raise OmicopyError(ErrorCode.USAGE, message, hint)
    try:
        return Ping(content.decode(errors="replace"), network)
    except OmicopyError as error:
        raise OmicopyError(error.code, f"--ping-url-file can't use {file!r}: {error.message}", hint) from None


def _old_metrics(file: str) -> str:
    """The whole lines of the file's beginning; nothing where there is none to be read."""
    path = Path(file)
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as opened:
            text = opened.read(OLD_METRICS_LIMIT).decode(errors="replace")
    except (OSError, ValueError):
        return ""
    return text[: text.rfind("\n") + 1]


def _write(what: str, file: str, text: str, mode: int) -> None:
    try:
        write_whole(file, text, mode)
    except OSError as error:
        warn(f"The {what} can't be written to {file!r}: {error.strerror}")


def _summary(run: EndedRun, failures: Sequence[str]) -> str:
    """The body of the last ping: what a person wants to read first, without a key or a signature."""
    counts = ", ".join(f"{count} {status}" for status, count in count_by_status(run.results).items() if count)
    lines = [f"exit code {run.exit_code}", counts or "no copies", *(" ".join(each.split()) for each in failures)]
    return "".join(f"{safe(line)}\n" for line in lines)

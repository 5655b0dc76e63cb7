"""The groups of options that commands share: one parameter of a command each, all their options on the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass

from omicopy import api
from omicopy.cli import options
from omicopy.cli.console import warn
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.cli.monitoring import Monitor
from omicopy.cloud.http.network import Network
from omicopy.model.units import TIMEOUT, parse_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How often a loop reads, and how long it waits for what it created to appear."""

    poll_min: options.PollMin = "5s"
    poll_max: options.PollMax = "60s"
    grace: options.Grace = "60s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """How to connect to services, and for how long."""

    retry: options.Retry = "5m"
    http_timeout: options.HttpTimeout = "60s"
    ca_bundle: options.CaBundle = None

    def options(self, allow_http: bool = False) -> api.ConnectionOptions:
        """The same for a public function. Warnings go to stderr."""
        retry, timeout = parse_duration(self.retry), TIMEOUT.read(self.http_timeout)
        return api.ConnectionOptions(retry, timeout, self.ca_bundle, allow_http, warn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one export and one import may take."""

    export_timeout: options.ExportTimeout = "12h"
    import_timeout: options.ImportTimeout = "6h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a command may take, and how much it may do at once."""

    deadline: options.Deadline = None
    parallel: options.Parallel = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How far a command goes."""

    no_wait: options.NoWait = False
    dry_run: options.DryRun = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What an export may start."""

    re_export: options.ReExport = False
    create_bucket: options.CreateBucket = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """Who may launch a copy, and how it boots."""

    share_with: options.ShareWith = None
    boot_modes: options.BootModes = None
    tpm: options.Tpm = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """The form of the result, and of messages. The last two are in force before a command is called."""

    output: options.Output = OutputForm.TABLE
    quiet: options.Quiet = False
    verbose: options.Verbose = 0
    log_format: options.LogFormatOption = LogFormat.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPrinting:
    """The same without --quiet, for commands that print no progress."""

    output: options.Output = OutputForm.TABLE
    verbose: options.Verbose = 0
    log_format: options.LogFormatOption = LogFormat.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """Where the result of a run is reported, beside stdout."""

    metrics_file: options.MetricsFile = None
    ping_url_file: options.PingUrlFile = None
    report: options.Report = None

    def monitor(self, ca_bundle: str | None) -> Monitor:
        """Raises USAGE for a file that can't be used."""
        return Monitor(self.metrics_file, self.ping_url_file, self.report, Network(os.environ, ca_bundle))

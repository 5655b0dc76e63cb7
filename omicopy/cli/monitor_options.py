"""The options of runs that nobody watches, each with its environment twin `OMICOPY_<LONG_OPTION>`."""

from __future__ import annotations

from typing import Annotated

import typer

MetricsFile = Annotated[
    str | None,
    typer.Option(
        "--metrics-file",
        metavar="FILE",
        envvar="OMICOPY_METRICS_FILE",
        help="Write the run's figures for Prometheus (node_exporter's textfile collector takes *.prom).",
    ),
]
PingUrlFile = Annotated[
    str | None,
    typer.Option(
        "--ping-url-file",
        metavar="FILE",
        envvar="OMICOPY_PING_URL_FILE",
        help="Tell the URL in this file when the run starts, succeeds or fails, as healthchecks.io takes it.",
    ),
]
Report = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE",
        envvar="OMICOPY_REPORT",
        help="Write the JSON result, whatever it is, to a file that only you can read.",
    ),
]

"""`omicopy doctor`: will it work? Looked at before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.text import check_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omicopy.doctor.findings import Check

_SHORT_PATIENCE = "15s"
"""Whoever asks whether it works now is not served by an answer in five minutes."""
_MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


def doctor(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            envvar="OMICOPY_IMAGE",
            callback=checked(check_text),
            help="An image's ID or its exact name.",
        ),
    ] = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    create_bucket: options.CreateBucket = False,
    dry_run: options.DryRun = False,
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    ca_bundle: options.CaBundle = None,
    output: options.Output = OutputForm.TABLE,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Check whether a copy will work before you start it.

    Checked are keys, rights, Regions, the bucket, the clock, quotas, and the images if you name them.
    Every action that a copy needs is asked for with DryRun, which changes nothing. One small object is written into
    the bucket, read through a signed URL and deleted; not with --dry-run. A `warn` alone ends with exit code 0.
    Whatever --retry says, no single question is asked for longer than 15 seconds.
    """
    import os
    from datetime import UTC, datetime

    from omicopy.cli.accounts import clients_for
    from omicopy.cli.console import configure, print_error
    from omicopy.cloud.clients import TOLERATED_SKEW
    from omicopy.cloud.profiles.storage_key import resolve_accounts
    from omicopy.doctor.findings import verdict_of
    from omicopy.doctor.run import DoctorOptions, check_profiles_file, run_checks
    from omicopy.model.units import parse_duration

    configure(log_format, verbose)
    _demand_sense(images, source, targets, bucket, prefix)
    asked = DoctorOptions(
        source, targets or (), bucket, prefix, images or (), not dry_run, TOLERATED_SKEW, create_bucket
    )
    unusable: dict[str, OmicopyError] = {}
    storages = {source: storage} if source else {}
    for profile in asked.profiles:
        try:
            resolve_accounts([profile], storages, os.environ)
        except OmicopyError as error:
            unusable[profile] = error
    usable = [profile for profile in asked.profiles if profile not in unusable]
    patience = min(parse_duration(retry), parse_duration(_SHORT_PATIENCE))
    clients = clients_for(usable, patience, http_timeout, ca_bundle, storage=storages)
    examined = run_checks(clients, asked, unusable, datetime.now(UTC))
    findings = [*examined, *check_profiles_file(asked.profiles, os.environ)]
    _print(findings, output)
    failed = verdict_of(findings)
    if failed:
        print_error(failed)
        raise typer.Exit(failed.exit_code)


def _demand_sense(
    images: list[str] | None, source: str | None, targets: list[str] | None, bucket: str | None, prefix: str
) -> None:
    from omicopy.model.s3_location import check_bucket, check_prefix

    if not source and not targets:
        raise OmicopyError(ErrorCode.USAGE, "There is nothing to check", "Say --from PROFILE, --to PROFILE, or both.")
    if not source and (bucket or images):
        hint = "Name their account with --from PROFILE."
        raise OmicopyError(ErrorCode.USAGE, "A bucket and images are of the source account", hint)
    if bucket:
        check_bucket(bucket)
    check_prefix(prefix)


def _print(findings: Sequence[Check], output: OutputForm) -> None:
    """`STATUS<TAB>SUBJECT<TAB>SAID<TAB>HINT` a check, a table, or JSON."""
    import sys

    from omicopy.cli.output import print_object
    from omicopy.doctor.findings import describe_findings

    if output is not OutputForm.TABLE:
        print_object(describe_findings(findings), output)
    elif sys.stdout.isatty():
        _table(findings)
    else:
        for finding in findings:
            print("\t".join(_row(finding)))  # noqa: T201


def _row(finding: Check) -> list[str]:
    """The cells of one check, `-` for an empty one. Names and answers come from elsewhere."""
    from omicopy.cli.console import safe

    cells = [_MARKS[finding.status], finding.subject, finding.message, finding.hint]
    return [safe(cell.replace("\n", " ")) or "-" for cell in cells]


def _table(findings: Sequence[Check]) -> None:
    """As lines; what to do stands below what is wrong."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        mark, subject, message, hint = _row(finding)
        parts = message if hint == "-" else f"{message}\n{hint}"
        table.add_row(Text(mark), Text(subject), Text(parts, overflow="fold"))
    Console().print(table)

"""`omicopy doctor`: checks whether a copy will work."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import print_error
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import print_result
from omicopy.cli.tables import Table
from omicopy.doctor.findings import Check, CheckStatus, describe_findings, verdict_of

_MARKS = {CheckStatus.OK: "ok", CheckStatus.WARN: "warn", CheckStatus.FAIL: "FAIL"}


def doctor(
    *,
    images: options.ImagesIfAny = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    create_bucket: options.CreateBucket = False,
    dry_run: options.DryRun = False,
    connection: groups.Connecting,
    printing: groups.ResultPrinting,
) -> None:
    """Check whether a copy will work before you start it.

    Checks keys, permissions, Regions, the bucket, the clock, quotas, and images if you name them. Permissions are
    checked with DryRun requests, which change nothing. In the bucket, one small object is written, read through a
    signed URL and deleted; not with --dry-run. Warnings alone end with exit code 0. No request is retried for longer
    than 15 seconds, whatever --retry is.
    """
    print_checks(
        api.doctor(
            images or (),
            source=source,
            targets=targets or (),
            bucket=bucket,
            prefix=prefix,
            storage=storage,
            create_bucket=create_bucket,
            writes=not dry_run,
            connection=connection.options(),
        ),
        printing.output,
    )


def print_checks(checks: Sequence[Check], output: OutputForm) -> None:
    """Prints every check. Raises `typer.Exit` if one failed."""
    print_result(output, table_of(checks), lambda: describe_findings(checks))
    failed = verdict_of(checks)
    if failed:
        print_error(failed)
        raise typer.Exit(failed.exit_code)


def table_of(checks: Sequence[Check]) -> Table:
    """Returns a row per check. In a pipe: `STATUS<TAB>SUBJECT<TAB>MESSAGE<TAB>HINT`; else the hint is below the
    message."""
    rows = [(_MARKS[one.status], one.subject, *(_line(text) for text in (one.message, one.hint))) for one in checks]
    shown = [(mark, subject, (message, hint) if hint else message) for mark, subject, message, hint in rows]
    return Table((), shown, piped=rows)


def _line(text: str) -> str:
    return text.replace("\n", " ")

"""`omicopy doctor`: will it work? Looked at before it starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from omicopy import api
from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.console import print_error, safe
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import OutputForm
from omicopy.cli.output import print_object
from omicopy.doctor.findings import Check, describe_findings, verdict_of
from omicopy.model.text import check_text

_MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}
Images = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE", envvar="OMICOPY_IMAGE", callback=checked(check_text), help="An image's ID or its exact name."
    ),
]


def doctor(
    *,
    images: Images = None,
    source: options.FromIfAny = None,
    storage: options.Storage = None,
    targets: options.TargetsIfAny = None,
    bucket: options.BucketIfAny = None,
    prefix: options.Prefix = "",
    create_bucket: options.CreateBucket = False,
    dry_run: options.DryRun = False,
    connection: groups.Connection,
    printing: groups.ResultPrinting,
) -> None:
    """Check whether a copy will work before you start it.

    Checked are keys, rights, Regions, the bucket, the clock, quotas, and the images if you name them.
    Every action that a copy needs is asked for with DryRun, which changes nothing. One small object is written into
    the bucket, read through a signed URL and deleted; not with --dry-run. A `warn` alone ends with exit code 0.
    Whatever --retry says, no single question is asked for longer than 15 seconds.
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


def print_checks(findings: Sequence[Check], output: OutputForm) -> None:
    """`STATUS<TAB>SUBJECT<TAB>SAID<TAB>HINT` a check, a table, or JSON. Ends the command where a check failed."""
    if output is not OutputForm.TABLE:
        print_object(describe_findings(findings), output)
    elif sys.stdout.isatty():
        _table(findings)
    else:
        for finding in findings:
            print("\t".join(_row(finding)))  # noqa: T201
    failed = verdict_of(findings)
    if failed:
        print_error(failed)
        raise typer.Exit(failed.exit_code)


def _row(finding: Check) -> list[str]:
    """The cells of one check, `-` for an empty one. Names and answers come from elsewhere."""
    cells = [_MARKS[finding.status.value], finding.subject, finding.message, finding.hint]
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

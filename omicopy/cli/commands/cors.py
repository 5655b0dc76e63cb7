"""`omicopy cors`: a bucket's CORS rules, and one more for the web pages that may upload with pre-signed URLs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.declare_options import checked
from omicopy.cli.forms import OutputForm
from omicopy.manifests.cors import check_origin

if TYPE_CHECKING:
    from omicopy.manifests.cors import Rule

_COLUMNS = ("Origins", "Methods", "Allowed headers", "Exposed headers", "Max age")
_LISTS = ("AllowedOrigins", "AllowedMethods", "AllowedHeaders", "ExposeHeaders")


def cors(
    *,
    location: Annotated[str, typer.Argument(metavar="s3://BUCKET", help="The bucket.")],
    profile: options.From,
    storage: options.Storage = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="URL",
            envvar="OMICOPY_ALLOW_ORIGIN",
            callback=checked(check_origin),
            help="Whose web pages may upload: https://HOST, with one '*' in it if you like, or '*'; may be repeated.",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    connection: groups.Connection,
    printing: groups.Printing,
) -> None:
    """Show a bucket's CORS rules, or let web pages upload to it.

    Origins that no rule lets PUT with any header get one new rule; those that are there stay as they are. S3 has no
    conditional write here: of two people who change the rules in the same second, one may lose what they added.
    """
    from omicopy.manifests.cors import with_origins
    from omicopy.model.s3_location import parse_s3_bucket

    bucket = parse_s3_bucket(location)
    origins = [check_origin(text) for text in allow_origin or ()]
    clients = connection.clients(profile, storage={profile: storage})
    there = clients.storage(profile).cors_rules(bucket)
    cleanup_options = with_origins(there, origins)
    added = cleanup_options[len(there) :]
    if added and not dry_run:
        clients.storage(profile).put_cors_rules(bucket, cleanup_options)
    if not printing.quiet:
        _tell(bucket, origins, cleanup_options, added, dry_run)
    _print(bucket, cleanup_options, bool(added) and not dry_run, printing.output)


def _tell(bucket: str, origins: Sequence[str], options: Sequence[Rule], added: Sequence[Rule], dry_run: bool) -> None:
    """What was added, or that nothing had to be, on stderr."""
    from omicopy.cli.console import info

    for rule in added:
        would = "Would add" if dry_run else "Added"
        info(f"{would} a rule to s3://{bucket}: PUT from {', '.join(rule['AllowedOrigins'])}")
    if origins and not added:
        info(f"Nothing is missing: s3://{bucket} lets {', '.join(origins)} PUT already")
    elif not options:
        info(f"s3://{bucket} has no CORS rules")


def _print(bucket: str, options: Sequence[Rule], changed: bool, output: OutputForm) -> None:
    """`ORIGINS<TAB>METHODS<TAB>ALLOWED_HEADERS<TAB>EXPOSED_HEADERS<TAB>MAX_AGE` a rule, a table, or JSON."""
    import sys

    from omicopy.cli.output import print_object
    from omicopy.model.result import SCHEMA

    if output is not OutputForm.TABLE:
        answer = {"schema": SCHEMA, "bucket": bucket, "changed": changed, "rules": options}
        print_object(answer, output)
    elif sys.stdout.isatty():
        _table(options)
    else:
        for rule in options:
            print("\t".join(_row(rule)))  # noqa: T201


def _row(rule: Rule) -> list[str]:
    """The cells of one rule, `-` for an empty one. Whoever may write the rules may have put anything into them."""
    from omicopy.cli.console import safe

    cells = [",".join(rule.get(name, ())) for name in _LISTS] + [str(rule.get("MaxAgeSeconds", ""))]
    return [safe(cell) or "-" for cell in cells]


def _table(options: Sequence[Rule]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not options:
        return
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for rule in options:
        table.add_row(*(Text(cell, overflow="fold") for cell in _row(rule)))
    Console().print(table)

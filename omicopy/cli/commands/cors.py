"""`omicopy cors`: a bucket's CORS rules, and one more for web pages that upload with pre-signed URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info
from omicopy.cli.declare_options import option
from omicopy.cli.output import print_result
from omicopy.cli.tables import Table
from omicopy.manifests.cors import check_origin
from omicopy.model.result import SCHEMA

if TYPE_CHECKING:
    from omicopy.manifests.cors import CorsRule, CorsRules

_HEADINGS = ("Origins", "Methods", "Allowed headers", "Exposed headers", "Max age")
Bucket = Annotated[str, typer.Argument(metavar="s3://BUCKET", help="The bucket.")]
_ALLOW_ORIGIN = option(
    "--allow-origin",
    "Origin whose web pages may upload: https://HOST, which may contain one '*', or just '*'; may be repeated.",
    metavar="URL",
    check=check_origin,
)
AllowOrigin = Annotated[list[str] | None, _ALLOW_ORIGIN]


def cors(
    *,
    location: Bucket,
    profile: options.From,
    storage: options.Storage = None,
    allow_origin: AllowOrigin = None,
    dry_run: options.DryRun = False,
    connection: groups.Connecting,
    printing: groups.Printing,
) -> None:
    """Show a bucket's CORS rules, or let web pages upload to it.

    Origins that no rule allows to PUT with any header get one new rule; existing rules stay as they are. S3 has no
    conditional write here: if two people change the rules in the same second, one change may be lost.
    """
    rules = api.cors(
        location,
        profile=profile,
        storage=storage,
        allow_origins=allow_origin or (),
        dry_run=dry_run,
        connection=connection.options(),
    )
    print_rules(rules, printing)


def print_rules(cors: CorsRules, printing: groups.Printing) -> None:
    """Prints what was added, or that nothing had to be, and all rules."""
    if not printing.quiet:
        _tell(cors)
    print_result(printing.output, Table(_HEADINGS, [_row(rule) for rule in cors.rules]), lambda: _described(cors))


def _tell(cors: CorsRules) -> None:
    added = "Added" if cors.changed else "Would add"
    for rule in cors.added:
        info(f"{added} a rule to s3://{cors.bucket}: PUT from {', '.join(rule.origins)}")
    if cors.origins and not cors.added:
        info(f"Nothing is missing: s3://{cors.bucket} lets {', '.join(cors.origins)} PUT already")
    elif not cors.rules:
        info(f"s3://{cors.bucket} has no CORS rules")


def _row(rule: CorsRule) -> list[str]:
    lists = (rule.origins, rule.methods, rule.allowed_headers, rule.exposed_headers)
    max_age = "" if rule.max_age_seconds is None else str(rule.max_age_seconds)
    return [*map(",".join, lists), max_age]


def _described(cors: CorsRules) -> dict[str, Any]:
    rules = [rule.raw for rule in cors.rules]
    return {"schema": SCHEMA, "bucket": cors.bucket, "changed": cors.changed, "rules": rules}

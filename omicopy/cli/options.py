"""The options that several commands share, each with its environment twin `OMICOPY_<LONG_OPTION>`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from omicopy.model.choices import DiskFormat, IfExists


class OutputForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


ImagesArgument = Annotated[
    list[str],
    typer.Argument(metavar="IMAGE", envvar="OMICOPY_IMAGE", help="An image's ID or its exact name."),
]
_FROM = typer.Option("--from", metavar="PROFILE", envvar="OMICOPY_FROM", help="The source account's profile.")
_TARGETS = typer.Option(
    "--to", metavar="PROFILE", envvar="OMICOPY_TO", help="The target account's profile; may be repeated."
)
_BUCKET = typer.Option("--bucket", metavar="NAME", envvar="OMICOPY_BUCKET", help="The source account's bucket.")
From = Annotated[str, _FROM]
FromIfAny = Annotated[str | None, _FROM]
Targets = Annotated[list[str], _TARGETS]
TargetsIfAny = Annotated[list[str] | None, _TARGETS]
To = Annotated[str, typer.Option("--to", metavar="PROFILE", envvar="OMICOPY_TO", help="The target account's profile.")]
Bucket = Annotated[str, _BUCKET]
BucketIfAny = Annotated[str | None, _BUCKET]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="s3://BUCKET/KEY, a folder s3://BUCKET/PREFIX/ with a manifest in it, an export task's ID, an image's ID, "
        "or an old URL.",
    ),
]
Expires = Annotated[
    str,
    typer.Option(
        "--expires",
        metavar="DURATION",
        envvar="OMICOPY_EXPIRES",
        help="For how long what is signed now works, at most 7d.",
    ),
]
Prefix = Annotated[
    str, typer.Option("--prefix", metavar="TEXT", envvar="OMICOPY_PREFIX", help="Where in the bucket to export to.")
]
Format = Annotated[
    DiskFormat, typer.Option("--format", envvar="OMICOPY_FORMAT", help="The disk format of the exported volumes.")
]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        envvar="OMICOPY_NAME",
        help="The copy's name; fields: {name} {date} {region} {image_id}, all of the source image.",
    ),
]
Description = Annotated[
    str | None,
    typer.Option(
        "--description", metavar="TEXT", envvar="OMICOPY_DESCRIPTION", help="The copy's description; else the source's."
    ),
]
IfExistsOption = Annotated[
    IfExists,
    typer.Option("--if-exists", envvar="OMICOPY_IF_EXISTS", help="What to do when another image holds the name."),
]
ExportTimeout = Annotated[
    str,
    typer.Option(
        "--export-timeout", metavar="DURATION", envvar="OMICOPY_EXPORT_TIMEOUT", help="How long an export may take."
    ),
]
ImportTimeout = Annotated[
    str,
    typer.Option(
        "--import-timeout", metavar="DURATION", envvar="OMICOPY_IMPORT_TIMEOUT", help="How long an import may take."
    ),
]
MinValidity = Annotated[
    str | None,
    typer.Option(
        "--min-validity",
        metavar="DURATION",
        envvar="OMICOPY_MIN_VALIDITY",
        help="For how long every URL must still work; else the import timeout.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="KEY=VALUE", envvar="OMICOPY_TAG", help="A tag for the copy, beside ours; may be repeated."
    ),
]
CopyTags = Annotated[
    bool,
    typer.Option(
        "--copy-tags/--no-copy-tags", envvar="OMICOPY_COPY_TAGS", help="Whether the source's own tags go along."
    ),
]
ShareWith = Annotated[
    list[str] | None,
    typer.Option(
        "--share-with",
        metavar="ACCOUNT_ID",
        envvar="OMICOPY_SHARE_WITH",
        help="An account that may launch the copy; may be repeated.",
    ),
]
Cleanup = Annotated[
    bool,
    typer.Option(
        "--cleanup",
        envvar="OMICOPY_CLEANUP",
        help="Delete the exported objects once every copy is there; only of exports that this tool started.",
    ),
]
Deadline = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="DURATION",
        envvar="OMICOPY_DEADLINE",
        help="How long the whole command may take, from its start.",
    ),
]
Parallel = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        envvar="OMICOPY_PARALLEL",
        help="How many exports and imports of an account may be under way at once.",
    ),
]
PollMin = Annotated[
    str,
    typer.Option("--poll-min", metavar="DURATION", envvar="OMICOPY_POLL_MIN", help="The first pause between looks."),
]
PollMax = Annotated[
    str,
    typer.Option(
        "--poll-max",
        metavar="DURATION",
        envvar="OMICOPY_POLL_MAX",
        help="The longest pause; up to ten times that where progress foretells the end.",
    ),
]
Grace = Annotated[
    str,
    typer.Option(
        "--grace",
        metavar="DURATION",
        envvar="OMICOPY_GRACE",
        help="For how long something just created may not be visible yet.",
    ),
]
Retry = Annotated[
    str,
    typer.Option(
        "--retry", metavar="DURATION", envvar="OMICOPY_RETRY", help="For how long failures that may pass are borne."
    ),
]
HttpTimeout = Annotated[
    str,
    typer.Option(
        "--http-timeout", metavar="DURATION", envvar="OMICOPY_HTTP_TIMEOUT", help="How long one answer may take."
    ),
]
LockWait = Annotated[
    str,
    typer.Option(
        "--lock-wait",
        metavar="DURATION",
        envvar="OMICOPY_LOCK_WAIT",
        help="How long to wait for another run on this machine that is at the same copy.",
    ),
]
ReExport = Annotated[
    bool,
    typer.Option(
        "--re-export", envvar="OMICOPY_RE_EXPORT", help="Export again although a finished export lost its manifest."
    ),
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", envvar="OMICOPY_NO_WAIT", help="Start what comes next and end; don't wait for it.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", envvar="OMICOPY_DRY_RUN", help="Say what would happen; write nothing.")
]
Output = Annotated[
    OutputForm, typer.Option("--output", "-o", envvar="OMICOPY_OUTPUT", help="The form of the result on stdout.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", envvar="OMICOPY_QUIET", help="No talk on stderr but warnings and errors.")
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, envvar="OMICOPY_VERBOSE", help="Log every request; -vv: all the SDKs log, too."
    ),
]
LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", envvar="OMICOPY_LOG_FORMAT", help="The form of all talk on stderr.")
]

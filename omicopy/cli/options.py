"""The options that several commands share, each with its environment twin `OMICOPY_<LONG_OPTION>`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from omicopy.cli.checks import checked
from omicopy.model.choices import BootMode, DiskFormat, IfExists
from omicopy.model.image import check_name_template
from omicopy.model.image_settings import check_account_id, parse_tag
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description, check_text
from omicopy.model.units import ANY_DURATION, SPAN, TIMEOUT
from omicopy.model.urls.validity import check_expiry, check_validity

MOST = 999_999
"""That any count may be; a plan's keys take as many."""


class OutputForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


def duration(option: str, check: Callable[[str], timedelta], message: str) -> Any:
    """An option that takes a duration, with its twin."""
    twin = "OMICOPY_" + option.removeprefix("--").replace("-", "_").upper()
    return typer.Option(option, metavar="DURATION", envvar=twin, callback=checked(check), help=message)


def _talk_as(value: LogFormat) -> LogFormat:
    """Before any other option is looked at: what is wrong with those is told in that form, too."""
    from omicopy.cli.console import configure

    configure(value, 0)
    return value


ImagesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE", envvar="OMICOPY_IMAGE", callback=checked(check_text), help="An image's ID or its exact name."
    ),
]
_FROM = typer.Option(
    "--from",
    metavar="PROFILE",
    envvar="OMICOPY_FROM",
    callback=checked(check_text),
    help="The source account's profile.",
)
_TARGETS = typer.Option(
    "--to",
    metavar="PROFILE",
    envvar="OMICOPY_TO",
    callback=checked(check_text),
    help="The target account's profile; may be repeated.",
)
_BUCKET = typer.Option(
    "--bucket",
    metavar="NAME",
    envvar="OMICOPY_BUCKET",
    callback=checked(check_bucket),
    help="The source account's bucket.",
)
From = Annotated[str, _FROM]
FromIfAny = Annotated[str | None, _FROM]
Targets = Annotated[list[str], _TARGETS]
TargetsIfAny = Annotated[list[str] | None, _TARGETS]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="PROFILE",
        envvar="OMICOPY_TO",
        callback=checked(check_text),
        help="The target account's profile.",
    ),
]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="PROFILE|aws:NAME|none",
        envvar="OMICOPY_STORAGE",
        callback=checked(check_text),
        help="Whose key opens the source's object storage, else the source's own. aws:NAME: a profile of the AWS CLI; "
        "none: there is no key.",
    ),
]
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
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        envvar="OMICOPY_ALLOW_PRIVATE",
        help="Also ask hosts of this machine and of private networks that only the manifest names.",
    ),
]
Expires = Annotated[str, duration("--expires", check_expiry, "For how long what is signed now works, at most 7d.")]
Prefix = Annotated[
    str,
    typer.Option(
        "--prefix",
        metavar="TEXT",
        envvar="OMICOPY_PREFIX",
        callback=checked(check_prefix),
        help="Where in the bucket to export to.",
    ),
]
Format = Annotated[
    DiskFormat | None,
    typer.Option(
        "--format",
        envvar="OMICOPY_FORMAT",
        help="The disk format of the exported volumes; else that of an export that is there, else qcow2.",
    ),
]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        envvar="OMICOPY_NAME",
        callback=checked(check_name_template),
        help="The copy's name; fields: {name} {date} {region} {image_id}, all of the source image.",
    ),
]
Description = Annotated[
    str | None,
    typer.Option(
        "--description",
        metavar="TEXT",
        envvar="OMICOPY_DESCRIPTION",
        callback=checked(check_description),
        help="The copy's description; else the source's.",
    ),
]
IfExistsOption = Annotated[
    IfExists,
    typer.Option("--if-exists", envvar="OMICOPY_IF_EXISTS", help="What to do when another image holds the name."),
]
ExportTimeout = Annotated[str, duration("--export-timeout", SPAN.read, "How long an export may take.")]
ImportTimeout = Annotated[str, duration("--import-timeout", SPAN.read, "How long an import may take.")]
MinValidity = Annotated[
    str | None,
    duration("--min-validity", check_validity, "For how long every URL must still work; else the import timeout."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        envvar="OMICOPY_TAG",
        callback=checked(parse_tag),
        help="A tag for the copy, beside ours; may be repeated.",
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
        callback=checked(check_account_id),
        help="An account that may launch the copy; may be repeated.",
    ),
]
BootModes = Annotated[
    list[BootMode] | None,
    typer.Option(
        "--boot-mode",
        metavar="MODE",
        envvar="OMICOPY_BOOT_MODE",
        help="The copy's boot mode, legacy or uefi; may be repeated. Else as of the source, where that is known.",
    ),
]
Tpm = Annotated[
    bool | None,
    typer.Option(
        "--tpm/--no-tpm",
        envvar="OMICOPY_TPM",
        show_default=False,
        help="Whether VMs of the copy must have a TPM. Else as of the source, where that is known.",
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
    str | None, duration("--deadline", ANY_DURATION.read, "How long the whole command may take, from its start.")
]
Parallel = Annotated[
    int | None,
    typer.Option(
        "--parallel",
        metavar="N",
        min=1,
        max=MOST,
        envvar="OMICOPY_PARALLEL",
        help="How many exports and imports of an account may be under way at once.",
    ),
]
PollMin = Annotated[str, duration("--poll-min", SPAN.read, "The first pause between looks.")]
PollMax = Annotated[
    str, duration("--poll-max", SPAN.read, "The longest pause; up to ten times that where progress foretells the end.")
]
Grace = Annotated[
    str, duration("--grace", ANY_DURATION.read, "For how long something just created may not be visible yet.")
]
Retry = Annotated[str, duration("--retry", ANY_DURATION.read, "For how long failures that may pass are borne.")]
HttpTimeout = Annotated[str, duration("--http-timeout", TIMEOUT.read, "How long one answer may take.")]
CaBundle = Annotated[
    str | None,
    typer.Option(
        "--ca-bundle",
        metavar="PATH",
        envvar="OMICOPY_CA_BUNDLE",
        callback=checked(check_text),
        help="Trust these authorities' certificates alone: a PEM file, or a folder with hashed names.",
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        envvar="OMICOPY_ALLOW_HTTP",
        help="Take URLs that are not https from other machines, too.",
    ),
]
LockWait = Annotated[
    str,
    duration(
        "--lock-wait", ANY_DURATION.read, "How long to wait for another run on this machine that is at the same copy."
    ),
]
ReExport = Annotated[
    bool,
    typer.Option(
        "--re-export", envvar="OMICOPY_RE_EXPORT", help="Export again although a finished export lost its manifest."
    ),
]
CreateBucket = Annotated[
    bool,
    typer.Option(
        "--create-bucket",
        envvar="OMICOPY_CREATE_BUCKET",
        help="Export also to a bucket that is not there: the service makes it.",
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
    LogFormat,
    typer.Option(
        "--log-format",
        is_eager=True,
        callback=_talk_as,
        envvar="OMICOPY_LOG_FORMAT",
        help="The form of all talk on stderr.",
    ),
]

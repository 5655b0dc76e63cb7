"""The options that several commands share. Those that always come together are groups: see `option_groups`."""

from __future__ import annotations

from typing import Annotated

import typer

from omicopy.cli.declare_options import checked, duration, option
from omicopy.cli.forms import LogFormat, OutputForm
from omicopy.model.choices import BootMode, DiskFormat, IfExists
from omicopy.model.image import check_name_template
from omicopy.model.image_settings import check_account_id, parse_tag
from omicopy.model.s3_location import check_bucket, check_prefix
from omicopy.model.text import check_description, check_text
from omicopy.model.units import ANY_DURATION, SPAN, TIMEOUT
from omicopy.model.urls.validity import check_expiry, check_validity

MOST = 999_999
"""The largest count that an option takes; a plan's keys take the same."""


def _begin_messages(value: LogFormat) -> LogFormat:
    """Sets the form of messages before any other option is read: an error in one of those has it, too."""
    from omicopy.cli.console import configure

    configure(value, 0)
    return value


# --- which accounts and images

_FROM = option("--from", "The source account's profile.", metavar="PROFILE", check=check_text)
From = Annotated[str, _FROM]
FromIfAny = Annotated[str | None, _FROM]
_TARGETS = option("--to", "The target account's profile; may be repeated.", metavar="PROFILE", check=check_text)
Targets = Annotated[list[str], _TARGETS]
TargetsIfAny = Annotated[list[str] | None, _TARGETS]
To = Annotated[str, option("--to", "The target account's profile.", metavar="PROFILE", check=check_text)]
Storage = Annotated[
    str | None,
    option(
        "--storage",
        "Whose key opens the source's object storage, else the source's own. aws:NAME: a profile of the AWS CLI; "
        "none: there is no key.",
        metavar="PROFILE|aws:NAME|none",
        check=check_text,
    ),
]
ImagesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="IMAGE", envvar="OMICOPY_IMAGE", callback=checked(check_text), help="An image's ID or its exact name."
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="s3://BUCKET/KEY, a folder s3://BUCKET/PREFIX/ with a manifest in it, an export task's ID, an image's ID, "
        "or an old URL.",
    ),
]

# --- the export

_BUCKET = option("--bucket", "The source account's bucket.", metavar="NAME", check=check_bucket)
Bucket = Annotated[str, _BUCKET]
BucketIfAny = Annotated[str | None, _BUCKET]
Prefix = Annotated[str, option("--prefix", "Where in the bucket to export to.", metavar="TEXT", check=check_prefix)]
CreateBucket = Annotated[
    bool, option("--create-bucket", "Export also to a bucket that is not there: the service makes it.")
]
Format = Annotated[
    DiskFormat | None,
    option("--format", "The disk format of the exported volumes; else that of an export that is there, else qcow2."),
]
ReExport = Annotated[bool, option("--re-export", "Export again although a finished export lost its manifest.")]
Cleanup = Annotated[
    bool,
    option(
        "--cleanup",
        "Delete the exported objects once every copy is there; only of exports that this tool started.",
    ),
]
Expires = Annotated[str, duration("--expires", "For how long what is signed now works, at most 7d.", check_expiry)]
AllowPrivate = Annotated[
    bool,
    option("--allow-private", "Also ask hosts of this machine and of private networks that only the manifest names."),
]

# --- the copy

Name = Annotated[
    str,
    option(
        "--name",
        "The copy's name; fields: {name} {date} {region} {image_id}, all of the source image.",
        metavar="TEMPLATE",
        check=check_name_template,
    ),
]
Description = Annotated[
    str | None,
    option("--description", "The copy's description; else the source's.", metavar="TEXT", check=check_description),
]
IfExistsOption = Annotated[IfExists, option("--if-exists", "What to do when another image holds the name.")]
Tags = Annotated[
    list[str] | None,
    option("--tag", "A tag for the copy, beside ours; may be repeated.", metavar="KEY=VALUE", check=parse_tag),
]
CopyTags = Annotated[bool, option("--copy-tags/--no-copy-tags", "Whether the source's own tags go along.")]
ShareWith = Annotated[
    list[str] | None,
    option(
        "--share-with",
        "An account that may launch the copy; may be repeated.",
        metavar="ACCOUNT_ID",
        check=check_account_id,
    ),
]
BootModes = Annotated[
    list[BootMode] | None,
    option(
        "--boot-mode",
        "The copy's boot mode, legacy or uefi; may be repeated. Else as of the source, where that is known.",
        metavar="MODE",
    ),
]
Tpm = Annotated[
    bool | None,
    option(
        "--tpm/--no-tpm",
        "Whether VMs of the copy must have a TPM. Else as of the source, where that is known.",
        show_default=False,
    ),
]

# --- how long, how many, how far

ExportTimeout = Annotated[str, duration("--export-timeout", "How long an export may take.", SPAN.read)]
ImportTimeout = Annotated[str, duration("--import-timeout", "How long an import may take.", SPAN.read)]
MinValidity = Annotated[
    str | None,
    duration("--min-validity", "For how long every URL must still work; else the import timeout.", check_validity),
]
Deadline = Annotated[
    str | None, duration("--deadline", "How long the whole command may take, from its start.", ANY_DURATION.read)
]
Parallel = Annotated[
    int | None,
    option(
        "--parallel",
        "How many exports and imports of an account may be under way at once.",
        metavar="N",
        min=1,
        max=MOST,
    ),
]
Grace = Annotated[
    str, duration("--grace", "For how long something just created may not be visible yet.", ANY_DURATION.read)
]
LockWait = Annotated[
    str,
    duration(
        "--lock-wait", "How long to wait for another run on this machine that is at the same copy.", ANY_DURATION.read
    ),
]
NoWait = Annotated[bool, option("--no-wait", "Start what comes next and end; don't wait for it.")]
DryRun = Annotated[bool, option("--dry-run", "Say what would happen; write nothing.")]
PollMin = Annotated[str, duration("--poll-min", "The first pause between looks.", SPAN.read)]
PollMax = Annotated[
    str, duration("--poll-max", "The longest pause; up to ten times that where progress foretells the end.", SPAN.read)
]


# --- how to connect

Retry = Annotated[str, duration("--retry", "For how long failures that may pass are borne.", ANY_DURATION.read)]
HttpTimeout = Annotated[str, duration("--http-timeout", "How long one answer may take.", TIMEOUT.read)]
CaBundle = Annotated[
    str | None,
    option(
        "--ca-bundle",
        "Trust these authorities' certificates alone: a PEM file, or a folder with hashed names.",
        metavar="PATH",
        check=check_text,
    ),
]
AllowHttp = Annotated[bool, option("--allow-http", "Take URLs that are not https from other machines, too.")]


# --- what is printed

Output = Annotated[OutputForm, option("--output", "The form of the result on stdout.", short="-o")]
Quiet = Annotated[bool, option("--quiet", "No talk on stderr but warnings and errors.", short="-q")]
Verbose = Annotated[int, option("--verbose", "Log every request; -vv: all the SDKs log, too.", short="-v", count=True)]
LogFormatOption = Annotated[
    LogFormat, option("--log-format", "The form of all talk on stderr.", is_eager=True, callback=_begin_messages)
]


# --- for monitors

MetricsFile = Annotated[
    str | None,
    option(
        "--metrics-file",
        "Write the run's figures for Prometheus (node_exporter's textfile collector takes *.prom).",
        metavar="FILE",
    ),
]
PingUrlFile = Annotated[
    str | None,
    option(
        "--ping-url-file",
        "Tell the URL in this file when the run starts, succeeds or fails, as healthchecks.io takes it.",
        metavar="FILE",
    ),
]
Report = Annotated[
    str | None,
    option("--report", "Write the JSON result, whatever it is, to a file that only you can read.", metavar="FILE"),
]

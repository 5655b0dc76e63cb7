"""The options that several commands share. Those that always come together are groups: see `option_groups`."""

from __future__ import annotations

from typing import Annotated

import typer

from omicopy.cli.declare_options import checked, duration, option, twin
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
_STORAGE = option(
    "--storage",
    "Profile whose key is used for the source's object storage. Default: the source's own. aws:NAME is a profile "
    "of the AWS CLI; none means that there is no key.",
    metavar="PROFILE|aws:NAME|none",
    check=check_text,
)
Storage = Annotated[str | None, _STORAGE]
_IMAGES = typer.Argument(
    metavar="IMAGE", envvar=twin("image"), callback=checked(check_text), help="An image's ID or its exact name."
)
ImagesArgument = Annotated[list[str], _IMAGES]
ImagesIfAny = Annotated[list[str] | None, _IMAGES]
_SOURCE = typer.Argument(
    metavar="SOURCE",
    help="s3://BUCKET/KEY, a folder s3://BUCKET/PREFIX/ that contains a manifest, an export task's ID, an image's "
    "ID, or an old URL.",
)
Source = Annotated[str, _SOURCE]

# --- the export

_BUCKET = option("--bucket", "The source account's bucket.", metavar="NAME", check=check_bucket)
Bucket = Annotated[str, _BUCKET]
BucketIfAny = Annotated[str | None, _BUCKET]
Prefix = Annotated[str, option("--prefix", "Folder in the bucket to export to.", metavar="TEXT", check=check_prefix)]
CreateBucket = Annotated[bool, option("--create-bucket", "Let the service create the bucket if it does not exist.")]
Format = Annotated[
    DiskFormat | None,
    option("--format", "Disk format of the exported volumes. Default: that of an existing export, else qcow2."),
]
ReExport = Annotated[bool, option("--re-export", "Export again if a finished export has lost its manifest.")]
_CLEANUP = option(
    "--cleanup", "Delete the exported objects after every copy has finished; only of exports that omicopy started."
)
Cleanup = Annotated[bool, _CLEANUP]
Expires = Annotated[str, duration("--expires", "How long the new signatures work, at most 7d.", check_expiry)]
_ALLOW_PRIVATE = option(
    "--allow-private",
    "Also send requests to hosts of this machine and of private networks that only the manifest names.",
)
AllowPrivate = Annotated[bool, _ALLOW_PRIVATE]

# --- the copy

_NAME = option(
    "--name",
    "Name of the copy. Fields: {name} {date} {region} {image_id}, all of the source image.",
    metavar="TEMPLATE",
    check=check_name_template,
)
Name = Annotated[str, _NAME]
Description = Annotated[
    str | None,
    option("--description", "Description of the copy. Default: the source's.", metavar="TEXT", check=check_description),
]
IfExistsOption = Annotated[IfExists, option("--if-exists", "What to do if another image has the name.")]
_TAGS = option(
    "--tag", "Tag for the copy, in addition to omicopy's own; may be repeated.", metavar="KEY=VALUE", check=parse_tag
)
Tags = Annotated[list[str] | None, _TAGS]
CopyTags = Annotated[bool, option("--copy-tags/--no-copy-tags", "Copy the source image's own tags.")]
_SHARE_WITH = option(
    "--share-with", "Account that may launch the copy; may be repeated.", metavar="ACCOUNT_ID", check=check_account_id
)
ShareWith = Annotated[list[str] | None, _SHARE_WITH]
_BOOT_MODES = option(
    "--boot-mode",
    "Boot mode of the copy, legacy or uefi; may be repeated. Default: the source's, where it is known.",
    metavar="MODE",
)
BootModes = Annotated[list[BootMode] | None, _BOOT_MODES]
_TPM = option(
    "--tpm/--no-tpm",
    "Require a TPM for VMs of the copy. Default: as the source, where it is known.",
    show_default=False,
)
Tpm = Annotated[bool | None, _TPM]

# --- how long, how many, how far

ExportTimeout = Annotated[str, duration("--export-timeout", "How long an export may take.", SPAN.read)]
ImportTimeout = Annotated[str, duration("--import-timeout", "How long an import may take.", SPAN.read)]
MinValidity = Annotated[
    str | None,
    duration("--min-validity", "How long every URL must still work. Default: the import timeout.", check_validity),
]
Deadline = Annotated[
    str | None, duration("--deadline", "How long the whole command may take, from its start.", ANY_DURATION.read)
]
_PARALLEL = option(
    "--parallel",
    "Maximum number of exports and imports that run in an account at the same time.",
    metavar="N",
    min=1,
    max=MOST,
)
Parallel = Annotated[int | None, _PARALLEL]
Grace = Annotated[
    str, duration("--grace", "How long API reads may not yet show something that was just created.", ANY_DURATION.read)
]
_LOCK_WAIT = duration(
    "--lock-wait", "How long to wait for another run on this machine that works on the same copy.", ANY_DURATION.read
)
LockWait = Annotated[str, _LOCK_WAIT]
NoWait = Annotated[bool, option("--no-wait", "Start the next step and exit; don't wait for it.")]
DryRun = Annotated[bool, option("--dry-run", "Print what would happen; write nothing.")]
PollMin = Annotated[str, duration("--poll-min", "Shortest interval between polls.", SPAN.read)]
_POLL_MAX = duration(
    "--poll-max", "Longest interval between polls; up to ten times longer while an export reports progress.", SPAN.read
)
PollMax = Annotated[str, _POLL_MAX]


# --- how to connect

Retry = Annotated[
    str,
    duration("--retry", "How long to keep retrying temporary failures (throttling, 5xx, network).", ANY_DURATION.read),
]
HttpTimeout = Annotated[str, duration("--http-timeout", "How long one response may take.", TIMEOUT.read)]
_CA_BUNDLE = option(
    "--ca-bundle",
    "Trust only these certificate authorities: a PEM file, or a folder with hashed names.",
    metavar="PATH",
    check=check_text,
)
CaBundle = Annotated[str | None, _CA_BUNDLE]
AllowHttp = Annotated[bool, option("--allow-http", "Also accept plain-http URLs of other machines.")]


# --- what is printed

Output = Annotated[OutputForm, option("--output", "Form of the result on stdout.", short="-o")]
Quiet = Annotated[bool, option("--quiet", "Print only warnings and errors on stderr.", short="-q")]
Verbose = Annotated[
    int, option("--verbose", "Log every request; -vv also logs everything that the SDKs log.", short="-v", count=True)
]
LogFormatOption = Annotated[
    LogFormat, option("--log-format", "Form of all messages on stderr.", is_eager=True, callback=_begin_messages)
]


# --- for monitors

_METRICS_FILE = option(
    "--metrics-file",
    "Write the run's metrics for Prometheus (node_exporter's textfile collector reads *.prom).",
    metavar="FILE",
)
MetricsFile = Annotated[str | None, _METRICS_FILE]
_PING_URL_FILE = option(
    "--ping-url-file",
    "Call the URL in this file when the run starts, succeeds or fails, as healthchecks.io expects it.",
    metavar="FILE",
)
PingUrlFile = Annotated[str | None, _PING_URL_FILE]
_REPORT = option(
    "--report", "Write the JSON result, also of a failed run, to a file that only you can read.", metavar="FILE"
)
Report = Annotated[str | None, _REPORT]

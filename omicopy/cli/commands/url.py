"""`omicopy url`: prints a pre-signed URL, or a text with all that its receiver needs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from omicopy import api
from omicopy.cli import option_groups as groups, options
from omicopy.cli.console import info, print_unredacted, warn
from omicopy.cli.declare_options import duration, option
from omicopy.cli.output import print_result
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.result import SCHEMA, describe_snapshots, format_timestamp, rfc3339
from omicopy.model.s3_location import LONGEST_KEY, is_too_long
from omicopy.model.urls.validity import check_validity
from omicopy.state.atomic_file import check_place, write_whole

if TYPE_CHECKING:
    from omicopy.manifests.presign import PresignResult


def check_handoff_file(file: str) -> None:
    """Raises USAGE for a file that can't be written, before anything is signed."""
    try:
        check_place(file)
    except OSError as error:
        raise _unwritable(file, error) from None


_MIN_VALIDITY = duration(
    "--min-validity",
    "How long every URL inside a manifest must still work. Default: 24h, or as long as the URL lives.",
    check_validity,
)
MinValidity = Annotated[str | None, _MIN_VALIDITY]
NoResign = Annotated[
    bool, option("--no-resign", "Fail if a URL inside the manifest expires too soon; sign nothing again.")
]
NoCheck = Annotated[
    bool, option("--no-check", "Sign without reading what is signed; a clean-up will not know of the URL.")
]
Method = Annotated[str, option("--method", "put: a URL to upload one object with.", metavar="get|put")]
ContentType = Annotated[
    str | None, option("--content-type", "The Content-Type that an upload must have.", metavar="TYPE")
]
ShowCommand = Annotated[bool, option("--show-command", "Also print, on stderr, a curl command with the URL.")]
Handoff = Annotated[bool, option("--handoff", "Print a text for the other account's owner that contains the URL.")]
_HANDOFF_FILE = option(
    "--handoff-file", "Write that text to a file that only you can read.", metavar="FILE", check=check_handoff_file
)
HandoffFile = Annotated[str | None, _HANDOFF_FILE]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlOptions:
    """The options of the URL, and of what is printed besides it."""

    expires: options.Expires = "7d"
    min_validity: MinValidity = None
    no_resign: NoResign = False
    no_check: NoCheck = False
    method: Method = "get"
    content_type: ContentType = None
    show_command: ShowCommand = False
    handoff: Handoff = False
    handoff_file: HandoffFile = None

    @property
    def is_upload(self) -> bool:
        return self.method.lower() == "put"

    @property
    def has_handoff(self) -> bool:
        return self.handoff or self.handoff_file is not None

    def check(self) -> None:
        """Raises USAGE for a method that the service lacks, and for options that exclude each other."""
        word = self.method.lower()
        if word not in ("get", "put"):
            why = "the service has no pre-signed POST" if word == "post" else f"there is no method {self.method!r}"
            raise OmicopyError(ErrorCode.USAGE, f"No such URL can be signed: {why}", "Use --method put to upload with.")
        if self.content_type and not self.is_upload:
            hint = "Add --method put, or leave it out."
            raise OmicopyError(ErrorCode.USAGE, "--content-type is for uploads only", hint)
        if self.has_handoff and (self.is_upload or self.no_check):
            hint = "Leave out --method put and --no-check."
            raise OmicopyError(ErrorCode.USAGE, "A hand-off describes a manifest, so omicopy has to read one", hint)


def url(
    *,
    source: options.Source,
    profile: options.From,
    storage: options.Storage = None,
    wanted: UrlOptions,
    connection: groups.Connecting,
    allow_http: options.AllowHttp = False,
    printing: groups.Printing,
) -> None:
    """Print a pre-signed URL of an export's manifest, or of any object.

    A manifest is read through the URL first, and one byte of every object it names. If a URL inside has expired or
    expires too soon, a new manifest with new signatures is written beside the old one.
    """
    wanted.check()
    if wanted.is_upload:
        result = api.presign_upload(
            source,
            profile=profile,
            storage=storage,
            expires=wanted.expires,
            content_type=wanted.content_type,
            check=not wanted.no_check,
            connection=connection.options(allow_http),
        )
    else:
        result = api.presign(
            source,
            profile=profile,
            storage=storage,
            expires=wanted.expires,
            min_validity=wanted.min_validity,
            check=not wanted.no_check,
            resign=not wanted.no_resign,
            handoff=wanted.has_handoff,
            connection=connection.options(allow_http),
        )
    print_url(result, wanted, printing)


def print_url(result: PresignResult, wanted: UrlOptions, printing: groups.Printing) -> None:
    """Prints the URL or the hand-off text, and on stderr what its receiver has to know."""
    if result.handoff and wanted.handoff_file is not None:
        _write_privately(wanted.handoff_file, result.handoff)
    if wanted.is_upload:
        _warn_of_upload(result)
    if not printing.quiet:
        _tell(result, wanted.is_upload)
    if wanted.show_command:
        print_unredacted(shlex.join(_curl(result, wanted)))
    handoff = result.handoff if wanted.handoff else None
    lines = handoff.rstrip("\n").split("\n") if handoff else [result.url.url]
    print_result(printing.output, lines, lambda: _described(result, handoff), verbatim=True)


def _write_privately(file: str, text: str) -> None:
    """Writes the file as a whole or not at all; only its owner can read it."""
    try:
        write_whole(file, text, 0o600)
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: str, error: OSError) -> OmicopyError:
    message = f"The hand-off can't be written to {file!r}: {error.strerror}"
    return OmicopyError(ErrorCode.USAGE, message, "Name a plain file in a folder that you may write to.")


def _warn_of_upload(result: PresignResult) -> None:
    """Warns if an upload with this URL would fail or replace an object."""
    if is_too_long(result.url.key or ""):
        warn(f"The key has more than {LONGEST_KEY} bytes: object storage will refuse the upload. Use a shorter one.")
    if result.replaces:
        warn(f"There is an object at {result.location}; an upload with this URL replaces it.")


def _tell(result: PresignResult, is_upload: bool) -> None:
    """Until when the URL works."""
    if result.resigned:
        info(f"The URLs inside expired too early; the new manifest is {result.location}")
    expiry = result.expiry
    first = f"; first to expire: {expiry.first}" if result.manifest or result.key_expires_at else ""
    info(f"Valid until {format_timestamp(expiry.at, datetime.now(UTC))}{first}")
    if is_upload:
        info("For one file of at most 5 GiB; a pipe has no length and is refused (HTTP 411)")


def _curl(result: PresignResult, wanted: UrlOptions) -> list[str]:
    name = "./" + (PurePosixPath(result.url.key or "").name or "object")
    if not wanted.is_upload:
        return ["curl", "--fail", "--globoff", "--output", name, result.url.url]
    header = ["-H", f"Content-Type: {wanted.content_type}"] if wanted.content_type else []
    return ["curl", "--fail", "--globoff", "--request", "PUT", "--upload-file", name, *header, result.url.url]


def _described(result: PresignResult, handoff: str | None) -> dict[str, Any]:
    """For an object that is no manifest, `manifest` is null."""
    return {
        "schema": SCHEMA,
        "url": result.url.url,
        "manifest": str(result.location) if result.manifest else None,
        "url_expires_at": rfc3339(result.url.expires_at),
        "effective_expires_at": rfc3339(result.expiry.at),
        "snapshots": describe_snapshots(result.manifest) if result.manifest else [],
        **({"handoff": handoff} if handoff else {}),
    }

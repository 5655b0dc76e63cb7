"""`omicopy url`: a pre-signed URL, alone on stdout; or a text with all that its receiver needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import option_groups as groups
from omicopy.cli import options
from omicopy.cli.declare_options import duration
from omicopy.cli.forms import OutputForm
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.urls.validity import check_validity

if TYPE_CHECKING:
    from omicopy.cloud.clients import Clients
    from omicopy.manifests.presign import PresignResult

_METHODS = ("get", "put")


def url(
    *,
    source: options.Source,
    profile: options.From,
    storage: options.Storage = None,
    expires: options.Expires = "7d",
    min_validity: Annotated[
        str | None,
        duration(
            "--min-validity",
            "For how long every URL inside a manifest must still work; else 24h, or as long as the URL lives.",
            check_validity,
        ),
    ] = None,
    no_resign: Annotated[
        bool,
        typer.Option(
            "--no-resign",
            envvar="OMICOPY_NO_RESIGN",
            help="Fail when a URL inside the manifest ends too early; sign nothing anew.",
        ),
    ] = False,
    no_check: Annotated[
        bool,
        typer.Option(
            "--no-check",
            envvar="OMICOPY_NO_CHECK",
            help="Sign without a look at what is signed; a clean-up will not know of the URL.",
        ),
    ] = False,
    method: Annotated[
        str,
        typer.Option(
            "--method", metavar="get|put", envvar="OMICOPY_METHOD", help="put: a URL to upload one object with."
        ),
    ] = "get",
    content_type: Annotated[
        str | None,
        typer.Option(
            "--content-type",
            metavar="TYPE",
            envvar="OMICOPY_CONTENT_TYPE",
            help="The Content-Type that an upload must have.",
        ),
    ] = None,
    show_command: Annotated[
        bool,
        typer.Option(
            "--show-command", envvar="OMICOPY_SHOW_COMMAND", help="Also print, on stderr, a curl command with the URL."
        ),
    ] = False,
    handoff: Annotated[
        bool,
        typer.Option(
            "--handoff",
            envvar="OMICOPY_HANDOFF",
            help="Print a text for the other account's owner, the URL in it.",
        ),
    ] = False,
    handoff_file: Annotated[
        str | None,
        typer.Option(
            "--handoff-file",
            metavar="FILE",
            envvar="OMICOPY_HANDOFF_FILE",
            help="Write that text to a file that only you can read.",
        ),
    ] = None,
    connection: groups.Connection,
    allow_http: options.AllowHttp = False,
    printing: groups.Printing,
) -> None:
    """Print a pre-signed URL of an export's manifest, or of any object.

    A manifest is read through the URL first, and one byte of every object it names. If a URL inside has expired or
    will too soon, the manifest is signed anew beside the old one.
    """
    from datetime import UTC

    from omicopy import api
    from omicopy.model.units import parse_duration

    is_upload = _is_upload(method, content_type)
    if handoff or handoff_file is not None:
        _check_handoff(is_upload or no_check, handoff_file)
    clients = connection.clients(profile, storage={profile: storage}, allow_http=allow_http)
    now = datetime.now(UTC)
    if is_upload:
        handout = _upload(clients, profile, source, parse_duration(expires), content_type, not no_check)
    else:
        handout = api.presign(
            source,
            profile=profile,
            expires=expires,
            min_validity=min_validity,
            check=not no_check,
            resign=not no_resign,
            clients=clients,
        )
    clients.warn_of_clocks()
    text = _handoff_text(clients, profile, source, handout) if handoff or handoff_file is not None else None
    if text and handoff_file is not None:
        _write_privately(handoff_file, text)
    if is_upload:
        _warn_of_upload(handout)
    if not printing.quiet:
        _tell(handout, is_upload, now)
    if show_command:
        _show_command(handout, is_upload, content_type)
    _print(handout, text if handoff else None, printing.output)


def _is_upload(method: str, content_type: str | None) -> bool:
    """Whether an upload is asked for. Raises USAGE for what the service has not, or what makes no sense."""
    word = method.lower()
    if word not in _METHODS:
        why = "the service has no pre-signed POST" if word == "post" else f"there is no method {method!r}"
        raise OmicopyError(ErrorCode.USAGE, f"No such URL can be signed: {why}", "Use --method put to upload with.")
    if content_type and word != "put":
        raise OmicopyError(ErrorCode.USAGE, "--content-type is for uploads only", "Add --method put, or leave it out.")
    return word == "put"


def _check_handoff(is_unread: bool, file: str | None) -> None:
    """Before anything is signed: a hand-off tells of a manifest that was read, and its file can be made."""
    from omicopy.state.atomic_file import check_place

    if is_unread:
        hint = "Leave out --method put and --no-check."
        raise OmicopyError(ErrorCode.USAGE, "A hand-off tells of a manifest, which has to be read", hint)
    if file is not None:
        try:
            check_place(file)
        except OSError as error:
            raise _unwritable(file, error) from None


def _upload(
    clients: Clients, profile: str, source: str, life: timedelta, content_type: str | None, check: bool
) -> PresignResult:
    from datetime import UTC

    from omicopy.manifests.presign import PresignOptions, presign_upload
    from omicopy.model.s3_location import parse_s3_object

    location = parse_s3_object(source)
    if location.is_folder:
        raise OmicopyError(ErrorCode.USAGE, f"{source!r} names no object to upload to", "Write s3://BUCKET/KEY.")
    options = PresignOptions(profile, life, min(timedelta(hours=24), life), check)
    return presign_upload(clients, options, location, content_type, datetime.now(UTC))


def _handoff_text(clients: Clients, profile: str, source: str, handout: PresignResult) -> str:
    from omicopy.manifests.handoff import handoff_text
    from omicopy.manifests.source_boot import read_source_boot

    if handout.manifest is None:
        hint = "Hand off an export's manifest, without --no-check; omicopy inspect SOURCE shows whether it is one."
        raise OmicopyError(ErrorCode.USAGE, f"{handout.location} was not read as a manifest: no hand-off", hint)
    boot = read_source_boot(clients, profile, source)
    return handoff_text(handout.url, handout.manifest, handout.expiry.at, boot)


def _write_privately(file: str, text: str) -> None:
    """Writes the file as a whole or not at all; only its owner can read it."""
    from omicopy.state.atomic_file import write_whole

    try:
        write_whole(file, text, 0o600)
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: str, error: OSError) -> OmicopyError:
    message = f"The hand-off can't be written to {file!r}: {error.strerror}"
    return OmicopyError(ErrorCode.USAGE, message, "Name a plain file in a folder that you may write to.")


def _warn_of_upload(handout: PresignResult) -> None:
    """What may become of an upload with this URL."""
    from omicopy.cli.console import warn
    from omicopy.model.s3_location import LONGEST_KEY, is_too_long

    if is_too_long(handout.url.key or ""):
        warn(f"The key has more than {LONGEST_KEY} bytes: object storage will refuse the upload. Use a shorter one.")
    if handout.replaces:
        warn(f"There is an object at {handout.location}: whoever uploads with this URL replaces it.")


def _tell(handout: PresignResult, is_upload: bool, now: datetime) -> None:
    """Until when the URL serves, on stderr."""
    from omicopy.cli.console import info
    from omicopy.model.result import format_timestamp

    if handout.resigned:
        info(f"The URLs inside ended too early; a new manifest lies at {handout.location}")
    expiry = handout.expiry
    first = f"; what ends first: {expiry.first}" if handout.manifest or handout.key_ends else ""
    info(f"Valid until {format_timestamp(expiry.at, now)}{first}")
    if is_upload:
        info("For one file of at most 5 GiB; a pipe has no length and is refused (HTTP 411)")


def _show_command(handout: PresignResult, is_upload: bool, content_type: str | None) -> None:
    import shlex
    from pathlib import PurePosixPath

    from omicopy.cli.console import print_unredacted

    name = "./" + (PurePosixPath(handout.url.key or "").name or "object")
    if is_upload:
        header = ["-H", f"Content-Type: {content_type}"] if content_type else []
        words = ["curl", "--fail", "--globoff", "--request", "PUT", "--upload-file", name, *header, handout.url.url]
    else:
        words = ["curl", "--fail", "--globoff", "--output", name, handout.url.url]
    print_unredacted(shlex.join(words))


def _print(handout: PresignResult, text: str | None, output: OutputForm) -> None:
    from omicopy.cli.output import print_object
    from omicopy.manifests.presign import describe_presign_result

    if output is OutputForm.TABLE:
        print(text.rstrip("\n") if text else handout.url.url)  # noqa: T201
        return
    described = describe_presign_result(handout) | ({"handoff": text} if text else {})
    print_object(described, output, verbatim=True)

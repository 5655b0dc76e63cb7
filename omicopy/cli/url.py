"""`omicopy url`: a pre-signed URL, alone on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omicopy.cli import options
from omicopy.cli.options import LogFormat, OutputForm
from omicopy.errors import ErrorCode, OmicopyError

if TYPE_CHECKING:
    from omicopy.copying.handout import Handout


def register(app: typer.Typer) -> None:
    app.command()(url)


def url(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="s3://BUCKET/KEY, an export task's ID, or an image's ID.")
    ],
    profile: options.From,
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", envvar="OMICOPY_EXPIRES", help="The URL's life, at most 7d.")
    ] = "7d",
    min_validity: Annotated[
        str | None,
        typer.Option(
            "--min-validity",
            metavar="DURATION",
            envvar="OMICOPY_MIN_VALIDITY",
            help="For how long every URL inside a manifest must still work; else 24h, or as long as the URL lives.",
        ),
    ] = None,
    no_check: Annotated[
        bool, typer.Option("--no-check", envvar="OMICOPY_NO_CHECK", help="Sign offline; look at nothing.")
    ] = False,
    retry: options.Retry = "5m",
    http_timeout: options.HttpTimeout = "60s",
    output: options.Output = OutputForm.TABLE,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
    log_format: options.LogFormatOption = LogFormat.TEXT,
) -> None:
    """Print a pre-signed URL of an export's manifest, or of any object.

    A manifest is read through the URL first, and one byte of every object it names. If a URL inside has expired or
    will too soon, the manifest is signed anew beside the old one.
    """
    import json
    from datetime import UTC, datetime

    from omicopy.cli.accounts import clients_for
    from omicopy.cli.running import compare_clocks
    from omicopy.cli.sources import split_s3
    from omicopy.cli.talk import speak
    from omicopy.copying.handout import Wish, describe_handout, hand_out_export, hand_out_object
    from omicopy.model.duration import parse_duration

    speak(log_format, verbose)
    life = parse_duration(expires)
    validity = parse_duration(min_validity) if min_validity else min(parse_duration("24h"), life)
    wish = Wish(profile, life, validity, not no_check)
    clients = clients_for([profile], parse_duration(retry), http_timeout)
    now = datetime.now(UTC)
    if source.startswith("s3://"):
        handout = hand_out_object(clients, wish, *split_s3(source), now)
    elif source.startswith(("image-export-", "ami-")):
        handout = hand_out_export(clients, wish, source, now)
    else:
        raise OmicopyError(ErrorCode.USAGE, f"{source!r} is no source of a URL", "Give s3://BUCKET/KEY or an ID.")
    compare_clocks(clients)
    if not quiet:
        _tell(handout)
    if output is OutputForm.TABLE:
        print(handout.url.url)  # noqa: T201
    else:
        print(json.dumps(describe_handout(handout), indent=2 if output is OutputForm.JSON else None))  # noqa: T201


def _tell(handout: Handout) -> None:
    """Until when the URL serves, on stderr."""
    from omicopy.cli.talk import say
    from omicopy.model.report import rfc3339

    if handout.signed_anew:
        say(f"The URLs inside ended too early; a new manifest lies at {handout.location}")
    expiry = handout.expiry
    if expiry is not None:
        say(f"Valid until {rfc3339(expiry.at) or 'an unknown time'} (what ends first: {expiry.first})")
    else:
        say(f"Valid until {rfc3339(handout.url.expires_at)}")

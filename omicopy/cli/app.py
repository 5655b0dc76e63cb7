"""The app, and the one place that turns failures and signals into messages and exit codes."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import shlex
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from omicopy import __version__
from omicopy.cli.commands import Commands
from omicopy.cli.talk import say, say_error, without_hashes
from omicopy.errors import ErrorCode, Interrupted, OmicopyError

app = typer.Typer(
    name="omicopy",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # halves the time of --help
    pretty_exceptions_enable=False,  # its tracebacks would show local variables, secrets among them
    context_settings={"help_option_names": ["-h", "--help"]},
)


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"omicopy {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Copy OUTSCALE machine images (OMIs) between accounts and Regions."""


def run() -> None:
    """Runs the command line and ends the process with an exit code of the README's table."""
    atexit.register(gc.freeze)  # or Python's last act is to look for garbage in every module: a tenth of a start
    try:
        app(prog_name="omicopy")
    except OmicopyError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            _say_unforeseen()
        reason = f"What there is to say can't be written: {error.strerror}"
        say_error(OmicopyError(ErrorCode.FAILED, reason, "Make room, then run the same command again."))
        os._exit(ErrorCode.FAILED.exit_code)  # what stdout still holds can't be written at the end either
    except Exception as error:  # noqa: BLE001  whatever it is, it passes the filter
        if "home directory" not in str(error):  # what pathlib raises: --install-completion asks for one
            _say_unforeseen()
        say_error(OmicopyError(ErrorCode.CONFIGURATION, "There is no home folder", "Set HOME."))
        sys.exit(ErrorCode.CONFIGURATION.exit_code)
    except Interrupted as interruption:
        again = shlex.join(["omicopy", *sys.argv[1:]])
        meanwhile = "; ".join(interruption.goes_on) or "nothing"
        say(f"\nInterrupted. The service goes on with: {meanwhile}. To continue here:\n  {again}", event="interrupted")
        sys.stdout.flush()
        os._exit(interruption.exit_code)  # at once: requests still under way in threads are nobody's concern any more


def _say_unforeseen() -> NoReturn:
    """A mistake of ours. Its traceback is told like everything else: without a key or a signature (R8)."""
    say(
        f"This should not have happened; please report it:\n{without_hashes(traceback.format_exc())}", "error", "failed"
    )
    sys.exit(ErrorCode.FAILED.exit_code)

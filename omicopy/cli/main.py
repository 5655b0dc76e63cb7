"""The app, and the one place that turns failures and signals into messages and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated, NoReturn

import typer

from omicopy._version import __version__
from omicopy.cli.console import info, print_error, print_traceback
from omicopy.cli.failing import interrupted_early
from omicopy.cli.lazy_commands import LazyGroup
from omicopy.cli.streams import lost_output
from omicopy.errors import ErrorCode, Interrupted, OmicopyError

app = typer.Typer(
    name="omicopy",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # halves the time of --help
    pretty_exceptions_enable=False,  # its tracebacks would show local variables, secrets among them
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


def run() -> NoReturn:
    """Runs the command line and ends the process with an exit code of `exit_codes.py`."""
    atexit.register(gc.freeze)  # else Python collects garbage in every module at exit: a tenth of the start-up time
    try:
        code = _exit_code()
    except Interrupted as interruption:
        end_interrupted(interruption)
    if _report_lost_output("" if code else " The work itself is done.") and not code:
        code = ErrorCode.FAILED.exit_code
    sys.exit(code)


def end_interrupted(interruption: Interrupted) -> NoReturn:
    """Prints the state of the work and how to continue, and ends the process."""
    if not interruption.again:
        interrupted_early(interruption)
    _report_lost_output("")
    _report_interrupted(interruption)
    os._exit(interruption.exit_code)  # at once: sys.exit would wait for requests in other threads


def _exit_code() -> int | str | None:
    """Runs the command and returns its exit code. Every error message passes the filter for secrets (R8)."""
    _forget_blank_twins()
    try:
        app(prog_name="omicopy")
    except SystemExit as end:
        return end.code
    except OmicopyError as error:
        print_error(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001
        if isinstance(error, RuntimeError) and "home directory" in str(error):  # pathlib's, for --install-completion
            missing = OmicopyError(ErrorCode.CONFIGURATION, "There is no home folder", "Set HOME.")
            print_error(missing)
            return missing.exit_code
        print_traceback("This should not have happened; please report it:")
        return ErrorCode.FAILED.exit_code
    return 0


def _forget_blank_twins() -> None:
    """Removes blank OMICOPY_ variables: click would read a blank value of a flag as "no"."""
    for name, value in list(os.environ.items()):
        if name.startswith("OMICOPY_") and not value.strip():
            del os.environ[name]


def _report_lost_output(more: str) -> bool:
    """Returns True, and prints an error, if stdout could not be written."""
    lost = lost_output()
    if lost is not None:
        reason = f"The result could not be written to stdout: {lost.strerror}.{more}"
        print_error(OmicopyError(ErrorCode.FAILED, reason))
    return lost is not None


def _report_interrupted(interruption: Interrupted) -> None:
    parts = ["Interrupted"]
    if interruption.results:
        from omicopy.model.result import copies_of, format_progress

        copies = copies_of(interruption)
        parts += [format_progress(copies)] if copies else []
        if any(copy.cleanup and not copy.cleanup.is_done for copy in copies):
            parts.append("Exported objects are left in their bucket")
    if interruption.still_running:
        parts.append(f"The service goes on with: {'; '.join(interruption.still_running)}")
    lines = [f"{'. '.join(parts)}. To continue here:", f"  {interruption.again}"]
    info("", *lines, event="interrupted", command=interruption.again)

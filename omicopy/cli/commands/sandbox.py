"""`omicopy sandbox`: two OUTSCALE Regions on this machine, to try everything without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omicopy.cli.declare_options import duration, option
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.units import ANY_DURATION, parse_duration


def sandbox(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND...]", help="Command to run inside. Default: run until Ctrl-C."),
    ] = None,
    export_time: Annotated[str, duration("--export-time", "How long an export takes.", ANY_DURATION.read)] = "3s",
    import_time: Annotated[str, duration("--import-time", "How long an import takes.", ANY_DURATION.read)] = "3s",
    lag: Annotated[str, duration("--lag", "How old the state is that API reads show.", ANY_DURATION.read)] = "0s",
    variant: Annotated[
        str,
        option("--variant", "Behaviour of the service where it is undocumented; or seed-N."),
    ] = "plausible",
    record: Annotated[
        Path | None,
        option("--record", "Write every request as a JSON line.", metavar="FILE"),
    ] = None,
) -> None:
    """Run two simulated OUTSCALE Regions on this machine.

    COMMAND can use the profiles source, source-other, target and target-other, and source-eim (an EIM user of source's
    account). omicopy then ends with the exit code of COMMAND.
    """
    try:
        from omicopy.sandbox.main import main
        from omicopy.sandbox.model.behaviours import Behaviour
        from omicopy.sandbox.model.settings import SandboxSettings
    except ImportError as error:
        message = f"The sandbox can't start: the package {error.name} is not installed"
        hint = "Install the sandbox's packages with: pip install 'omicopy[sandbox]'"
        raise OmicopyError(ErrorCode.CONFIGURATION, message, hint) from None
    try:
        chosen = Behaviour.named(variant)
    except ValueError:
        names = ", ".join(known.name for known in Behaviour.every())
        raise OmicopyError(ErrorCode.USAGE, f"Unknown variant {variant!r}", f"Choose {names}, or seed-N.") from None
    settings = SandboxSettings(
        behaviour=chosen,
        export_seconds=parse_duration(export_time).total_seconds(),
        import_seconds=parse_duration(import_time).total_seconds(),
        lag_seconds=parse_duration(lag).total_seconds(),
    )
    raise typer.Exit(main(command or [], settings, record))

"""Reports a command that fails: with `-o json` as a JSON object; after an interruption with the command that
continues."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from omicopy.cli.console import configure
from omicopy.cli.declare_options import twin
from omicopy.cli.forms import OutputForm
from omicopy.errors import ErrorCode, Interrupted, OmicopyError

_COPYING = ("copy", "run", "export", "import")
"""The commands whose JSON has copies."""
_AWS_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
_JSON = (OutputForm.JSON, OutputForm.JSONL)


class Command(TyperCommand):
    """A command that prints its failure as a JSON object on stdout if `-o json` or `jsonl` is set."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        typed = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except (typer.TyperException, OmicopyError) as error:
            form = typed_form(typed) if any(param.name == "output" for param in self.params) else None
            why = error if isinstance(error, OmicopyError) else OmicopyError(ErrorCode.USAGE, error.format_message())
            _print_failure(self.name, form, why)
            _tell_monitor(self.name, typed, why)
            raise

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from omicopy.exit_codes import rows_of

        with formatter.section("Exit codes"):
            formatter.write_dl(list(rows_of(ctx.command_path.partition(" ")[2])))

    def invoke(self, ctx: Any) -> Any:
        form = ctx.params.get("output")
        if "log_format" in ctx.params:
            configure(ctx.params["log_format"], ctx.params["verbose"])
        try:
            return super().invoke(ctx)
        except Interrupted as interruption:
            interruption.again = command_in_force(ctx)
            _print_failure(self.name, form, interruption)
            raise
        except OmicopyError as error:
            _print_failure(self.name, form, error)
            raise
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception:
            unforeseen = OmicopyError(ErrorCode.FAILED, "This should not have happened", "See the messages on stderr.")
            _print_failure(self.name, form, unforeseen)
            raise


def interrupted_early(interruption: Interrupted) -> None:
    """Does the same for an interruption that came before the command line was read."""
    typed = sys.argv[1:]
    command = typed[0] if typed else None
    _print_failure(command, typed_form(typed), interruption)
    _tell_monitor(command, typed, interruption)
    twins = option_twins(typed[0]) if typed else set()
    parts = {name: value for name, value in sorted(os.environ.items()) if name in twins}
    interruption.again = _command(["omicopy", *typed], parts)


def _tell_monitor(command: str | None, typed: Sequence[str], error: OmicopyError | Interrupted) -> None:
    """Writes the report and the metrics of a `run` that failed before all its options were read.

    Otherwise those of the last run would still report success. A ping is not possible: it needs the options.
    """
    if command != "run" or not {"--check", "--schema"}.isdisjoint(typed):
        return
    from omicopy.cli.monitoring import Monitor

    try:
        monitor = Monitor(typed_value(typed, "--metrics-file"), None, typed_value(typed, "--report"))
    except OmicopyError:
        return
    if isinstance(error, OmicopyError):
        monitor.failed(error, 0.0)
    else:
        monitor.interrupted(error, {}, 0.0, lambda *_: None)


def option_twins(command: str) -> set[str]:
    """Returns the environment variables that set a command's options; none if there is no such command.

    Other variables that begin with OMICOPY_ may be keys, such as those of the profile `env:OMICOPY_SRC`.
    """
    from omicopy.cli.lazy_commands import COMMANDS

    try:
        found = [COMMANDS[command].load(command)]
    except KeyError:
        return set()
    found += getattr(found[0], "commands", {}).values()
    return {name for one in found for param in one.params if isinstance(name := param.envvar, str)}


def _print_failure(command: str | None, form: OutputForm | None, error: OmicopyError | Interrupted) -> None:
    if form not in _JSON:
        return
    from omicopy.cli.output import has_printed_object, print_object
    from omicopy.model.result import SCHEMA, describe_error, describe_interruption

    if has_printed_object():
        return
    copies: dict[str, Any] = {"copies": [], "api_calls": {}} if command in _COPYING else {}
    why = describe_error(error) if isinstance(error, OmicopyError) else describe_interruption(error)
    print_object({"schema": SCHEMA, **copies, "error": why}, form)


def typed_form(args: Sequence[str]) -> OutputForm | None:
    """Returns the value of --output if not all options could be read, None if it is invalid or not set."""
    text = typed_value(args, "--output", "-o")
    return OutputForm(text) if text in list(OutputForm) else None


def typed_value(args: Sequence[str], option: str, short: str = "") -> str | None:
    """Returns an option's value from the arguments or the environment if not all options could be read."""
    text = os.environ.get(twin(option), "")
    for word, following in zip(args, [*args[1:], ""], strict=False):
        if word == "--":
            break
        if word in (option, short):
            text = following
        elif word.startswith(f"{option}="):
            text = word.removeprefix(f"{option}=")
        elif short and word.startswith(short):
            text = word.removeprefix(short).removeprefix("=")
    return text or None


def command_in_force(ctx: Any) -> str:
    """Returns the typed command with options from the environment spelled out, so that it works in any shell.

    Of other variables, it contains only those with paths of profile files. It never contains keys.
    """
    typed = sys.argv[1:]
    end = typed.index("--") if "--" in typed else len(typed)
    options: list[str] = []
    arguments: list[str] = []
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name)
        if source is not None and source.name == "ENVIRONMENT":
            is_argument = param.param_type_name == "argument"
            (arguments if is_argument else options).extend(_words(param, ctx, is_argument))
    words = ["omicopy", *typed[:end], *options, *typed[end:]]
    words += ["--", *arguments] if any(word.startswith("-") for word in arguments) and "--" not in words else arguments
    return _command(words, {})


def _command(words: Sequence[str], parts: Mapping[str, str]) -> str:
    """Returns the command as one types it, after assignments of environment variables."""
    is_aws = any(word.removeprefix("--storage=").startswith("aws:") for word in words)
    files = ("OSC_CONFIG_FILE", *(_AWS_FILES if is_aws else ()))
    variables = {**{name: os.environ[name] for name in files if os.environ.get(name)}, **parts}
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in variables.items()), shlex.join(words)])


def _words(param: Any, ctx: Any, is_argument: bool) -> Iterator[str]:
    """Yields the words that one would type for a value from the environment."""
    text = param.value_from_envvar(ctx)  # the raw text, before any conversion
    values = [text] if isinstance(text, str) else text
    if is_argument:
        yield from values
    elif param.count:
        yield from [param.opts[0]] * ctx.params[param.name]
    elif param.is_flag:
        yield from param.opts[:1] if ctx.params[param.name] else param.secondary_opts[:1]
    else:
        for one in values:
            yield from [f"{param.opts[0]}={one}"] if one.startswith("-") else [param.opts[0], one]

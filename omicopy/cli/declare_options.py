"""How a command declares its options: each with its environment twin and its check, and in groups that commands share.

A group is a frozen dataclass whose fields are options. A command takes one parameter a group; on the command line it
has every option of the group, in the place of that parameter.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

import typer

from omicopy.errors import named

Given = TypeVar("Given")
Check = Callable[[str], object]
"""Raises USAGE for a text that an option doesn't take."""


def twin(option: str) -> str:
    """The environment variable that stands for an option: `--http-timeout` -> `OMICOPY_HTTP_TIMEOUT`."""
    return "OMICOPY_" + option.removeprefix("--").partition("/")[0].replace("-", "_").upper()


def option(name: str, message: str, *, short: str = "", check: Check | None = None, **settings: Any) -> Any:
    """An option (`--x`, or `--x/--no-x`) with its help and its twin; `settings` are those of `typer.Option`."""
    if check is not None:
        settings["callback"] = checked(check)
    return typer.Option(*filter(None, (name, short)), help=message, envvar=twin(name), **settings)


def duration(name: str, message: str, check: Check) -> Any:
    """An option that takes a duration."""
    return option(name, message, metavar="DURATION", check=check)


def checked(check: Check) -> Callable[[typer.Context, typer.CallbackParam, Given], Given]:
    """A callback for an option: each text that was given must pass `check`. The command gets it as it was given.

    A refusal names the option.
    """

    def callback(context: typer.Context, param: typer.CallbackParam, value: Given) -> Given:
        texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
        with named(_name(context, param)):
            for text in texts:
                check(text)
        return value

    return callback


def _name(context: typer.Context, param: typer.CallbackParam) -> str:
    """`--retry`, or `OMICOPY_RETRY (--retry)` where it came from there; an argument as help calls it."""
    name = next((word for word in param.opts if word.startswith("--")), param.metavar or param.name)
    source = context.get_parameter_source(param.name)
    return f"{param.envvar} ({name})" if source is not None and source.name == "ENVIRONMENT" else name


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Returns the command as typer has to see it: every group in its signature is replaced by the group's options."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: each.annotation for name, each in signature.parameters.items() if is_dataclass(each.annotation)
    }

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    options = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in signature.parameters.values()
        for each in (_options_of(parameter.annotation) if parameter.name in groups else [parameter])
    ]
    vars(called).update(__signature__=signature.replace(parameters=options), __annotations__={})
    return called


def _options_of(group: Any) -> Iterator[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[field.name]
        )

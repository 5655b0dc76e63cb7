"""What is given for an option is checked before the command begins, and a refusal names the option."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import typer

from omicopy.errors import named

Given = TypeVar("Given")


def checked(check: Callable[[str], object]) -> Callable[[typer.Context, typer.CallbackParam, Given], Given]:
    """A callback for an option: what was given, each text of a list, must pass `check`, which raises USAGE. The command
    gets it as it was given."""

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

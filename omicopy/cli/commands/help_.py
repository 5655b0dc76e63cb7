"""`omicopy help`: the documentation, which is installed with the program, topic by topic."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Annotated, Any

import typer

from omicopy.cli.output import print_markdown
from omicopy.errors import ErrorCode, OmicopyError

_INDEX = "index"
_MARKS = re.compile(r"<!--.*?-->\n", re.DOTALL)
_LOCAL_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")
"""A link to another topic's file: of use where the files are shown as web pages, and nowhere else."""


def _matching(incomplete: str) -> list[str]:
    return [topic for topic in topics() if topic.startswith(incomplete)]


def show_help(
    context: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC", help="A topic or a command; without one, all topics are listed.", autocompletion=_matching
        ),
    ] = None,
) -> None:
    """Show the documentation of a topic, or the options of a command.

    In a pipe it is plain Markdown.
    """
    name = " ".join(topic or [_INDEX])
    if name in topics():
        print_markdown(text_of(name))
    else:
        print(_command_help(context, name))  # noqa: T201


def topics() -> list[str]:
    """The topics that are installed, without the index that lists them."""
    return sorted(file.name.removesuffix(".md") for file in (files("omicopy") / "docs").iterdir())


def text_of(topic: str) -> str:
    """A topic in Markdown, without what only a web page or the program that generates parts of it needs."""
    text = (files("omicopy") / "docs" / f"{topic}.md").read_text(encoding="utf-8")
    return _LOCAL_LINK.sub(r"\1", _MARKS.sub("", text))


def _command_help(context: Any, name: str) -> str:
    """Returns what `omicopy NAME --help` prints. Raises USAGE for an unknown name."""
    parent, command = context.parent, context.parent.command
    for word in name.split():
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            known = ", ".join(topic for topic in topics() if topic != _INDEX)
            raise OmicopyError(ErrorCode.USAGE, f"There is no topic and no command {name!r}", f"Topics: {known}.")
        parent = type(context)(command, info_name=word, parent=parent)
    return str(parent.get_help())

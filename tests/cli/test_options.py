"""Every option has an environment twin of the same name in every command, and means the same in all of them."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from typer.main import get_command

from omicopy.cli import declare_options
from omicopy.cli.declare_options import twin, with_groups
from omicopy.cli.lazy_commands import COMMANDS, CommandEntry, GroupEntry
from omicopy.cli.main import app

OF_ONE_COMMAND = {"--name", "--min-validity", "--to"}
"""What their names say differs: one name or a template, one target or several."""


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by what is typed for it, those of groups too."""
    for name, command in vars(group)["commands"].items():
        if "commands" in vars(command):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


def options() -> list[tuple[str, Any]]:
    """Command and option, for all of them."""
    return [
        (name, option)
        for name, command in commands(get_command(app))
        for option in command.params
        if option.param_type_name == "option" and "--help" not in option.opts
    ]


def test_commands_in_groups_are_checked_too() -> None:
    assert "manifest build" in dict(commands(get_command(app)))


@pytest.mark.parametrize(
    ("command", "option"), [pytest.param(*each, id=f"{each[0]} {each[1].name}") for each in options()]
)
def test_an_option_has_an_environment_variable_of_its_name(command: str, option: Any) -> None:
    long = next(word for word in option.opts if word.startswith("--"))
    assert option.envvar == twin(long) == "OMICOPY_" + long.removeprefix("--").replace("-", "_").upper()


def test_an_option_means_the_same_in_every_command() -> None:
    meanings = defaultdict(set)
    for _, option in options():
        long = next(word for word in option.opts if word.startswith("--"))
        meanings[long].add((str(option.default), option.metavar, option.help, tuple(option.opts), option.multiple))
    assert {long for long, message in meanings.items() if len(message) > 1} <= OF_ONE_COMMAND


def test_r8_no_option_takes_a_secret() -> None:
    words = {word for _, option in options() for word in option.opts} - {"--allow-key-prefix"}  # of an object's key
    assert not [
        word for word in words if any(part in word for part in ("secret", "access", "password", "token", "key"))
    ]


# --- the table of commands


def entries(table: Any, path: str = "") -> Iterator[tuple[str, CommandEntry | GroupEntry]]:
    for name, entry in table.items():
        yield path + name, entry
        if isinstance(entry, GroupEntry):
            yield from entries(entry.commands, f"{path}{name} ")


@pytest.mark.parametrize(("command", "entry"), [pytest.param(*each, id=each[0]) for each in entries(COMMANDS)])
def test_the_table_holds_the_first_sentence_of_the_help(command: str, entry: CommandEntry | GroupEntry) -> None:
    """And it fits on one line of the list, which is 78 columns wide."""
    text = entry.load(command.split()[-1]).help
    assert text.startswith(entry.help)
    assert " ".join(text.split("\n\n")[0].split()).partition(". ")[0].removesuffix(".") + "." == entry.help
    assert len(entry.help) <= 66


# --- groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    width: Annotated[int, declare_options.option("--width", "How wide.")]
    deep: Annotated[bool, declare_options.option("--deep/--flat", "Whether it is deep.")] = False


def test_a_group_stands_for_its_options_in_its_place() -> None:
    """The command gets one value; typer sees the options, with defaults and twins, in the order of the fields."""
    got: list[Any] = []

    def command(*, first: str, size: Size, last: str = "z") -> None:
        got.extend((first, size, last))

    seen = with_groups(command)
    shown = inspect.signature(seen).parameters
    assert list(shown) == ["first", "width", "deep", "last"]
    assert [each.default for each in shown.values()] == [inspect.Parameter.empty] * 2 + [False, "z"]
    assert [shown[name].annotation.__metadata__[0].envvar for name in ("width", "deep")] == [
        "OMICOPY_WIDTH",
        "OMICOPY_DEEP",
    ]
    seen(first="a", width=3, deep=True, last="b")
    assert got == ["a", Size(width=3, deep=True), "b"]

"""Every option has an environment twin of the same name in every command, and means the same in all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

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


def test_the_commands_of_groups_are_looked_at_too() -> None:
    assert "manifest build" in dict(commands(get_command(app)))


@pytest.mark.parametrize(
    ("command", "option"), [pytest.param(*each, id=f"{each[0]} {each[1].name}") for each in options()]
)
def test_an_option_has_an_environment_twin_that_bears_its_name(command: str, option: Any) -> None:
    long = next(word for word in option.opts if word.startswith("--"))
    assert option.envvar == "OMICOPY_" + long.removeprefix("--").replace("-", "_").upper()


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

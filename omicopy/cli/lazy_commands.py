"""The commands by name, each loaded when it is asked for: only a list of all of them needs all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from omicopy.cli.failing import Command

_MODULES = {
    "copy": "copy",
    "run": "run",
    "export": "export",
    "url": "url",
    "import": "import_",
    "inspect": "inspect",
    "resign": "resign",
    "cors": "cors",
    "status": "status",
    "cancel": "cancel",
    "prune": "prune",
    "doctor": "doctor",
    "sandbox": "sandbox",
    "manifest": "manifest",
    "help": "help_",
}
"""In the order in which help shows them."""


class CommandApp(typer.Typer):
    """Makes commands of functions, such as tell how they failed."""

    def command(self, *args: Any, **settings: Any) -> Any:
        return super().command(*args, **{"cls": Command, **settings})


class LazyGroup(TyperGroup):
    """What Click's documentation calls lazy loading: the other thirteen would take longer to load than one to start."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands()  # type: ignore[assignment]  # nothing is ever put into it

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(self.commands)


class LazyCommands(Mapping[str, Any]):
    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            one = CommandApp(rich_markup_mode=None, pretty_exceptions_enable=False)
            import_module(f"omicopy.cli.commands.{_MODULES[name]}").register(one)
            self._loaded |= get_group(one).commands
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)

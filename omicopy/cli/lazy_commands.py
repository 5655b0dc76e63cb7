"""The table of commands: the help and the function of each. A function is imported only when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from omicopy.cli.declare_options import with_groups
from omicopy.cli.failing import Command


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """`help` is the first sentence of the function's docstring; `where` names its module and the function."""

    help: str
    where: str

    def load(self, name: str) -> Any:
        """Imports the function and returns its command."""
        module, _, function = self.where.partition(":")
        app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        loaded = getattr(import_module(f"omicopy.cli.commands.{module}"), function)
        app.command(name=name, cls=Command)(with_groups(loaded))
        return get_group(app).commands[name]


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A command that only contains others."""

    help: str
    commands: Mapping[str, CommandEntry]

    def load(self, name: str) -> Any:
        """Returns the group, whose commands are imported only when they are needed."""
        group = LazyGroup(
            name=name,
            help=self.help,
            no_args_is_help=True,
            rich_markup_mode=None,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        group.commands = LazyCommands(self.commands)
        return group


COMMANDS: Mapping[str, CommandEntry | GroupEntry] = {
    "copy": CommandEntry("Copy images to accounts in other Regions.", "copy:copy"),
    "run": CommandEntry("Make every copy that a plan asks for.", "run:run"),
    "export": CommandEntry("Export images to a bucket and print their manifests' locations.", "export:export"),
    "url": CommandEntry("Print a pre-signed URL of an export's manifest, or of any object.", "url:url"),
    "import": CommandEntry("Import an image from a manifest's pre-signed URL.", "import_:import_image"),
    "inspect": CommandEntry("Show what an export's manifest contains and when it expires.", "inspect:inspect"),
    "resign": CommandEntry("Sign an export's URLs again and print the new manifest's location.", "resign:resign"),
    "cors": CommandEntry("Show a bucket's CORS rules, or let web pages upload to it.", "cors:cors"),
    "status": CommandEntry("Show exports and copies, or how each copy of a plan stands.", "status:status"),
    "cancel": CommandEntry("Cancel exports that omicopy started and that are still queued.", "cancel:cancel"),
    "prune": CommandEntry("Show which old copies and exports to delete; --yes deletes them.", "prune:prune"),
    "doctor": CommandEntry("Check whether a copy will work before you start it.", "doctor:doctor"),
    "sandbox": CommandEntry("Run two simulated OUTSCALE Regions on this machine.", "sandbox:sandbox"),
    "manifest": GroupEntry(
        "Write a manifest for disks that have none.",
        {"build": CommandEntry("Write a manifest and print its location.", "manifest:build")},
    ),
    "help": CommandEntry("Show the documentation of a topic, or the options of a command.", "help_:show_help"),
}
"""In the order in which help shows them."""


class LazyGroup(TyperGroup):
    """Lazy loading, as Click's documentation describes it: importing all commands takes longer than running one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = LazyCommands(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Writes the list of commands without loading one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.commands.entries.items()])


class LazyCommands(Mapping[str, Any]):
    """Commands by name, each loaded once."""

    def __init__(self, entries: Mapping[str, CommandEntry | GroupEntry]) -> None:
        self.entries = entries
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self.entries[name].load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

"""The parts of the documentation that are made from the code, by name."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

import omicopy
from omicopy import api, exit_codes
from omicopy.cli.main import app
from omicopy.doctor.required_rights import RIGHTS, Right, RightScope
from omicopy.errors import ErrorCode, OmicopyError
from omicopy.plans.schema import plan_schema

PACKAGE = Path(omicopy.__file__).parent
_TWIN = re.compile(r"  \[env var: \w+(?:; )?(.*)\]$")
_SHARED_BY = 4
"""An option that so many commands share is described once, before the commands."""


def made_from_code() -> dict[str, str]:
    """Every part that needs no run; each begins and ends with an empty line."""
    made = {
        "commands": commands(),
        "error codes": error_codes(),
        "exit codes": exit_code_table(),
        "decisions": decisions(),
        "functions": functions(),
        "packages": packages(),
        "plan keys": plan_keys(),
        "policy source": policy(RightScope.SOURCE_API),
        "policy target": policy(RightScope.TARGET_API),
        "rights": rights(),
    }
    return {name: f"\n{text}\n\n" for name, text in made.items()}


def table(*rows: tuple[object, ...]) -> str:
    """A Markdown table, its first row the headings."""
    lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


# --- commands


def every_command() -> Iterator[tuple[str, Any]]:
    """Each command that can be run, by the words that call it."""
    for name, command in vars(get_command(app))["commands"].items():
        inner = getattr(command, "commands", None)
        yield from ((f"{name} {word}", each) for word, each in inner.items()) if inner else [(name, command)]


def commands() -> str:
    """The options that many commands share, then each command with those that are its own."""
    found = dict(every_command())
    takers = Counter(line for command in found.values() for line in option_lines(command))
    shared = [line for line, count in takers.items() if count >= _SHARED_BY]
    texts = [_command(name, command, shared) for name, command in found.items()]
    return "\n\n".join(["## Shared options", "\n".join(sorted(shared)), *texts])


def _command(name: str, command: Any, shared: list[str]) -> str:
    usage = " ".join(["omicopy", name, *command.collect_usage_pieces(_context(command))])
    lines = option_lines(command)
    others = ", ".join(line.split("`")[1].split()[0].rstrip(",") for line in lines if line in shared)
    parts = [
        f"## {name}",
        f"`{usage}`",
        "\n\n".join(paragraph.replace("\n", " ") for paragraph in command.help.split("\n\n")),
        "\n".join(line for line in lines if line not in shared),
        f"Shared options: {others}." if others else "",
        f"Exit codes: {', '.join(code for code, _ in exit_codes.rows_of(name))}.",
    ]
    return "\n\n".join(part for part in parts if part)


def option_lines(command: Any) -> list[str]:
    """Each option on a line, without its environment twin, for which there is one rule."""
    context = _context(command)
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    records = [option.get_help_record(context) for option in options]
    return [f"- `{names}`: {_TWIN.sub(_notes, text)}" for names, text in records]


def _context(command: Any) -> Any:
    return command.context_class(command, info_name=command.name)


def _notes(found: re.Match[str]) -> str:
    """What help says in brackets after an option, but the variable."""
    return f"  [{found[1]}]" if found[1] else ""


# --- exit codes and errors


def exit_code_table() -> str:
    rows = [(code, meaning, action) for code, (meaning, action) in exit_codes.MEANINGS.items()]
    return table(("exit", "meaning", "what a script does"), *rows)


def error_codes() -> str:
    rows = [
        (f"`{code.word}`", code.exit_code, "yes" if OmicopyError(code, "").is_retryable else "no") for code in ErrorCode
    ]
    return table(("code", "exit", "retryable"), *rows)


# --- architecture


def decisions() -> str:
    """Every row of the decision table's test."""
    from tests.unit.reconcile.decide.test_image import TABLE

    rows = [row.says.rpartition(": ") for row in TABLE]
    return table(("what is known", "decision"), *((what, decision) for what, _, decision in rows))


def packages() -> str:
    """Every package with the first line of its docstring."""
    found = sorted(PACKAGE.rglob("__init__.py"), key=lambda file: file.parent.relative_to(PACKAGE).parts)
    lines = [(str(file.parent.relative_to(PACKAGE)), ast.get_docstring(ast.parse(file.read_text()))) for file in found]
    return "\n".join(f"- `{name}/`: {(text or '').splitlines()[0]}" for name, text in lines if name != ".")


def functions() -> str:
    """The public functions with the first line of their docstrings."""
    found = {name: getattr(api, name) for name in api.__all__}
    return "\n".join(
        f"- `{name}`: {(inspect.getdoc(value) or '').splitlines()[0]}"
        for name, value in found.items()
        if inspect.isfunction(value)
    )


# --- plans


def plan_keys() -> str:
    """Every key of a plan, by the mapping in which it may stand."""
    schema = plan_schema()
    kinds = schema["$defs"] | {"PlanEntry": schema}
    kinds["JobEntry"]["properties"] = {
        key: value
        for key, value in kinds["JobEntry"]["properties"].items()
        if key not in kinds["DefaultsEntry"]["properties"]
    }
    places = {
        "The plan": "PlanEntry",
        "An entry of `jobs`": "JobEntry",
        "`defaults`, and every job": "DefaultsEntry",
        "An entry of `images`": "SelectorEntry",
        "An entry of `to`": "TargetEntry",
        "`retention`": "RetentionEntry",
    }
    return "\n\n".join(f"### {title}\n\n{_keys(kinds[kind], kinds)}" for title, kind in places.items())


def _keys(kind: dict[str, Any], kinds: dict[str, Any]) -> str:
    lines = []
    for key, value in kind["properties"].items():
        words = kinds.get(value.get("$ref", "").rpartition("/")[2], {}).get("enum", [])
        notes = ["required"] if key in kind.get("required", ()) else []
        notes += [" or ".join(map(str, words))] if words else []
        default = value.get("default")
        notes += [f"default: {str(default).lower()}"] if default not in (None, "", [], {}) or default is False else []
        lines.append(f"- `{key}`: {value.get('description', '')}" + (f" ({'; '.join(notes)})" if notes else ""))
    return "\n".join(lines)


# --- permissions


def rights() -> str:
    """For each command what it needs and where; commands of the same rights share their part."""
    texts: dict[str, list[str]] = {}
    for command, theirs in RIGHTS.items():
        text = "\n".join(_rights_at(place, theirs[place]) for place in RightScope if place in theirs)
        texts.setdefault(text, []).append(f"`{command}`")
    return "\n\n".join(f"### {', '.join(names)}\n\n{text}" for text, names in texts.items())


def _rights_at(place: RightScope, needed: tuple[Right, ...]) -> str:
    always = ", ".join(f"`{right.action}`" for right in needed if right.is_always_needed)
    lines = [f"- {place.value}: {f'always {always}' if always else 'only in these cases'}"]
    for right in needed:
        if right.when or right.without:
            without = f" (if refused: {right.without})" if right.without else ""
            lines.append(f"  - `{right.action}`{f': {right.when}' if right.when else ''}{without}")
    return "\n".join(lines)


def policy(place: RightScope) -> str:
    """An EIM policy that allows all that any command does there."""
    actions = sorted({f"api:{right.action}" for theirs in RIGHTS.values() for right in theirs.get(place, ())})
    statement = {"Effect": "Allow", "Action": actions, "Resource": ["*"]}
    return f"```json\n{json.dumps({'Statement': [statement]}, indent=2)}\n```"

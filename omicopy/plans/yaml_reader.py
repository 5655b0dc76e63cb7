"""The YAML of a plan as plain values, with the line of every one of them, and `${ENV}` filled in.

Only YAML's structure is used: every scalar is the text that stands there, so that `no`, `0123` and `1.10` stay what
they are, and nothing is ever constructed. What is wrong is gathered, to be told together.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scanner import Scanner

from omicopy.errors import ErrorCode, OmicopyError

Path = tuple[str | int, ...]
MAX_PLAN_CHARACTERS = 1024 * 1024
_MAX_DEPTH = 12
_MAX_NODES = 50_000
"""A plan of 10,000 images has 20,000 to 30,000, and to read so many takes a second or two. They are counted as they are
walked through: an alias counts each time, so that a few lines can't stand for a billion."""
_MAX_REPORTED = 5
_CORE = "tag:yaml.org,2002:"
_SCALARS = {"str", "int", "float", "bool", "null", "timestamp", "merge", "value"}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([^}]*)\}?)")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"(SECRET|SECRET_?KEY|ACCESS_?KEY(_?ID)?|PASSWORD|PASSWD|TOKEN)$", re.IGNORECASE)
"""What the name of a variable ends with that holds a secret."""
_TOO_DEEP = f"the plan is nested too deeply: more than {_MAX_DEPTH} levels"
_TOO_LONG = f"the plan is too long, or its aliases stand for too much: more than {_MAX_NODES:,} values"
_YAML_HINT = "A plan is a small file of plain YAML: see the examples, and `omicopy run --schema` for editors."
_KEYS_HINT = "Keys belong in a profile: name it, or env:PREFIX, under `from` and `profile`."
_READER_ERRORS = (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""What the reader is known, or not known enough, to raise for text that is no YAML."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a plan, where, and what would be right."""

    path: Path
    what: str
    hint: str = ""
    line: int | None = None


@dataclass(slots=True)
class PlanDocument:
    """What the file says: dicts, lists and texts."""

    where: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def demand(self, problems: Iterable[Problem] = ()) -> None:
        """Raises USAGE when there are problems, these or earlier ones, and names the first few."""
        found = [*self.problems, *problems]
        if not found:
            return
        found.sort(key=self._line)
        lines = [f"{self.where}, line {self._line(each)}{_format_text(each.path)}: {each.what}" for each in found]
        if len(lines) > _MAX_REPORTED:
            lines[_MAX_REPORTED:] = [f"… and {len(lines) - _MAX_REPORTED} more"]
        hints = list(dict.fromkeys(each.hint for each in found[:_MAX_REPORTED] if each.hint)) or [""]
        raise OmicopyError(ErrorCode.USAGE, lines[0], hints[0], lines[1:], hints[1:])

    def _line(self, problem: Problem) -> int:
        """The line of what is named, or of the nearest thing around it."""
        if problem.line is not None:
            return problem.line
        known = (problem.path[:length] for length in range(len(problem.path), -1, -1))
        return next((self.lines[path] for path in known if path in self.lines), 1)


class _TooMuch(MarkedYAMLError):
    """Told as a refusal of its own: what is nested too deeply may well be YAML."""


class _BoundedScanner(Scanner):
    """Looks at an open bracket again for each one after it: so many brackets are refused before that."""

    def fetch_flow_collection_start(self, *token: Any, **more: Any) -> None:
        if len(self.flow_context) > _MAX_DEPTH:
            raise _TooMuch(problem=_TOO_DEEP, problem_mark=self.reader.get_mark())
        super().fetch_flow_collection_start(*token, **more)


class _BoundedComposer(Composer):
    """Stops as soon as there is too much, instead of at the end of the text."""

    nodes = levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.nodes, self.levels = self.nodes + 1, self.levels + 1
        if self.levels > _MAX_DEPTH + 1 or self.nodes > _MAX_NODES:
            problem = _TOO_DEEP if self.levels > _MAX_DEPTH + 1 else _TOO_LONG
            raise _TooMuch(problem=problem, problem_mark=self.parser.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.levels -= 1
        return node


def read_yaml(text: str, where: str, environ: Mapping[str, str]) -> PlanDocument:
    """The document. Raises OmicopyError(USAGE) for what is no YAML, or not the plain kind that a plan is written in."""
    if len(text) > MAX_PLAN_CHARACTERS:
        raise _refusal(where, f"{len(text)} characters are more than a plan has (at most {MAX_PLAN_CHARACTERS})")
    reader = _Reader(PlanDocument(where), environ)
    reader.document.value = reader.read(_compose(text.removeprefix("\ufeff"), where), ())
    reader.document.demand()
    return reader.document


def _compose(text: str, where: str) -> Node:
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner, yaml.Composer = _BoundedScanner, _BoundedComposer
    try:
        with warnings.catch_warnings(action="ignore"):  # of an anchor's name that is used again
            node: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        if isinstance(error, _TooMuch):
            raise _refusal(f"{where}{place}", error.problem) from None
        raise _refusal(f"{where}{place}", f"not YAML: {error.problem or error.context or 'nobody knows why'}") from None
    except _READER_ERRORS:
        raise _refusal(where, "not YAML that can be read") from None
    if node is None:
        raise _refusal(where, "the file is empty")
    return node


@dataclass
class _Reader:
    document: PlanDocument
    environ: Mapping[str, str]
    nodes: int = 0
    expanded: int = 0
    """Characters that variables stand for so far."""

    def read(self, node: Node, path: Path) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        self.nodes += 1
        if len(path) > _MAX_DEPTH or self.nodes > _MAX_NODES:
            line = f"{self.document.where}, line {node.start_mark.line + 1}"
            raise _refusal(line, _TOO_DEEP if len(path) > _MAX_DEPTH else _TOO_LONG)
        if isinstance(node, MappingNode) and self._is_plain(node, path, {"map"}):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and self._is_plain(node, path, {"seq"}):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and self._is_plain(node, path, _SCALARS):
            return self._scalar(node, path)
        return None

    def _is_plain(self, node: Node, path: Path, kinds: set[str]) -> bool:
        tag = str(node.tag)
        if tag.startswith(_CORE) and tag.removeprefix(_CORE) in kinds:
            return True
        self._note(node, path, "bears a tag (!…), which a plan has not")
        return False

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None or not key.isprintable():
                self._note(key_node, path, "has a key that is no plain text")
                continue
            inner = (*path, key)
            if key in found:
                self._note(key_node, inner, "is given twice")
                continue
            self.document.lines[inner] = key_node.start_mark.line + 1
            found[key] = self.read(value_node, inner)
        return found

    def _scalar(self, node: ScalarNode, path: Path) -> str | None:
        if node.tag == f"{_CORE}null":
            self._note(node, path, "is empty", "Give it a value, or take the key away.")
            return None
        try:
            text = _VARIABLE.sub(self._expand, node.value)
        except OmicopyError as error:
            self._note(node, path, error.message, error.hint)
            return None
        if not text.replace("\n", " ").isprintable():
            self._note(node, path, "holds control characters")
        return text

    def _expand(self, found: re.Match[str]) -> str:
        dollar, name = found.groups()
        if dollar:
            return "$"
        if not found[0].endswith("}") or not _VARIABLE_NAME.fullmatch(name):
            raise OmicopyError(
                ErrorCode.USAGE, "holds ${ without a variable's name and }", "Write ${NAME}, or $$ for $."
            )
        value = self.environ.get(name)
        if value is None:
            raise OmicopyError(ErrorCode.USAGE, f"the environment variable {name} is not set", f"Set {name}.")
        if self._is_secret(name, value):
            raise OmicopyError(ErrorCode.USAGE, f"${{{name}}} is a key; a plan is never for secrets", _KEYS_HINT)
        self.expanded += len(value)
        if self.expanded > MAX_PLAN_CHARACTERS:
            message = f"the plan's variables stand for more than {MAX_PLAN_CHARACTERS} characters"
            raise OmicopyError(ErrorCode.USAGE, message, _YAML_HINT)
        return value

    def _is_secret(self, name: str, value: str) -> bool:
        return _has_secret_name(name) or value in self._keys

    @cached_property
    def _keys(self) -> set[str]:
        """The keys that the environment holds."""
        return {text for name, text in self.environ.items() if _has_secret_name(name) and len(text) >= 6}

    def _note(self, node: Node, path: Path, what: str, hint: str = "") -> None:
        line = node.start_mark.line + 1 if isinstance(node, ScalarNode) and node.value else None
        self.document.problems.append(Problem(path, what, hint, line))


def _has_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _format_text(path: Path) -> str:
    """`, jobs[0].to[0].profile`"""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return f", {steps.removeprefix('.')}" if steps else ""


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w:-]{1,80}", key) else repr(key[:80])


def _refusal(where: str, what: str) -> OmicopyError:
    return OmicopyError(ErrorCode.USAGE, f"{where}: {what}", _YAML_HINT)

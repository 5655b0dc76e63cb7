"""Reads the YAML of a plan into plain values, with line numbers, and expands `${ENV}`.

Only YAML's structure is used. Every scalar stays text, so `no`, `0123` and `1.10` keep their meaning, and no object is
ever constructed. Problems are collected and reported together.
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
"""A plan of 10,000 images has 20,000 to 30,000 nodes, and reading them takes a second or two.

Nodes are counted during the walk, each alias each time: a few lines can't expand to a billion.
"""
_MAX_REPORTED = 5
_CORE = "tag:yaml.org,2002:"
_SCALARS = {"str", "int", "float", "bool", "null", "timestamp", "merge", "value"}
_VARIABLE = re.compile(r"\$(?:(\$)|\{([^}]*)\}?)")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"(SECRET|SECRET_?KEY|ACCESS_?KEY(_?ID)?|PASSWORD|PASSWD|TOKEN)$", re.IGNORECASE)
"""How the name of a variable ends that contains a secret."""
_TOO_DEEP = f"the plan has too many nested levels: more than {_MAX_DEPTH}"
_TOO_LONG = f"the plan is too long, or its aliases expand to too much: more than {_MAX_NODES:,} values"
_YAML_HINT = "A plan is a small file of plain YAML. See the examples; `omicopy run --schema` is for editors."
_KEYS_HINT = "Put access keys into a profile, and name the profile or env:PREFIX in `from` and `profile`."
_READER_ERRORS = (YAMLError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)
"""All that the YAML library may raise for invalid text."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a plan: where it is, and what would be right."""

    path: Path
    what: str
    hint: str = ""
    line: int | None = None


@dataclass(slots=True)
class PlanDocument:
    """The content of the file: dicts, lists and texts."""

    where: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def require_no_problems(self, problems: Iterable[Problem] = ()) -> None:
        """Raises USAGE if there are problems, these or earlier ones, and names the first few."""
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
        """The line of the problem, or of the nearest value around it."""
        if problem.line is not None:
            return problem.line
        known = (problem.path[:length] for length in range(len(problem.path), -1, -1))
        return next((self.lines[path] for path in known if path in self.lines), 1)


class _TooMuch(MarkedYAMLError):
    """Distinguished from syntax errors, because deeply nested text may be valid YAML."""


class _BoundedScanner(Scanner):
    """Refuses too many open brackets early: the scanner revisits each open bracket for every new one."""

    def fetch_flow_collection_start(self, *token: Any, **more: Any) -> None:
        if len(self.flow_context) > _MAX_DEPTH:
            raise _TooMuch(problem=_TOO_DEEP, problem_mark=self.reader.get_mark())
        super().fetch_flow_collection_start(*token, **more)


class _BoundedComposer(Composer):
    """Stops as soon as the limits are exceeded, not only at the end of the text."""

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
    """The document. Raises OmicopyError(USAGE) for invalid YAML, and for YAML features that a plan doesn't use."""
    if len(text) > MAX_PLAN_CHARACTERS:
        raise _refusal(where, f"the plan has {len(text)} characters, and at most {MAX_PLAN_CHARACTERS} are allowed")
    reader = _Reader(PlanDocument(where), environ)
    reader.document.value = reader.read(_compose(text.removeprefix("\ufeff"), where), ())
    reader.document.require_no_problems()
    return reader.document


def _compose(text: str, where: str) -> Node:
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner, yaml.Composer = _BoundedScanner, _BoundedComposer
    try:
        with warnings.catch_warnings(action="ignore"):  # about an anchor that is defined twice
            node: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        if isinstance(error, _TooMuch):
            raise _refusal(f"{where}{place}", error.problem) from None
        raise _refusal(f"{where}{place}", f"not YAML: {error.problem or error.context or 'unknown error'}") from None
    except _READER_ERRORS:
        raise _refusal(where, "not readable YAML") from None
    if node is None:
        raise _refusal(where, "the file is empty")
    return node


@dataclass
class _Reader:
    document: PlanDocument
    environ: Mapping[str, str]
    nodes: int = 0
    expanded: int = 0
    """Characters inserted by variables so far."""

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
        self._note(node, path, "has a YAML tag (!…), which is not allowed")
        return False

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None or not key.isprintable():
                self._note(key_node, path, "contains a key that is not plain text")
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
            self._note(node, path, "is empty", "Give it a value, or remove the key.")
            return None
        try:
            text = _VARIABLE.sub(self._expand, node.value)
        except OmicopyError as error:
            self._note(node, path, error.message, error.hint)
            return None
        if not text.replace("\n", " ").isprintable():
            self._note(node, path, "contains control characters")
        return text

    def _expand(self, found: re.Match[str]) -> str:
        dollar, name = found.groups()
        if dollar:
            return "$"
        if not found[0].endswith("}") or not _VARIABLE_NAME.fullmatch(name):
            hint = "Write ${NAME}, or $$ for $."
            raise OmicopyError(ErrorCode.USAGE, "contains ${ without a variable's name and }", hint)
        value = self.environ.get(name)
        if value is None:
            raise OmicopyError(ErrorCode.USAGE, f"the environment variable {name} is not set", f"Set {name}.")
        if self._is_secret(name, value):
            message = f"${{{name}}} is a secret, and a plan must not contain secrets"
            raise OmicopyError(ErrorCode.USAGE, message, _KEYS_HINT)
        self.expanded += len(value)
        if self.expanded > MAX_PLAN_CHARACTERS:
            message = f"the plan's variables expand to more than {MAX_PLAN_CHARACTERS} characters"
            raise OmicopyError(ErrorCode.USAGE, message, _YAML_HINT)
        return value

    def _is_secret(self, name: str, value: str) -> bool:
        return _has_secret_name(name) or value in self._keys

    @cached_property
    def _keys(self) -> set[str]:
        """The secret values of the environment."""
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

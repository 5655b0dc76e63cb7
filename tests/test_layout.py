"""Where tests lie, what they are called, and how long their files are."""

from __future__ import annotations

import ast
from pathlib import Path

import omicopy

TESTS = Path(__file__).parent
FILES = {path.relative_to(TESTS).as_posix(): path for path in TESTS.rglob("test_*.py")}
KINDS = {"unit", "integration", "cli", "docs", "proofs", "sandbox", "bench", "support"}
ABOUT_THE_TREE = {"test_house.py", "test_layout.py"}
TABLES = {"unit/reconcile/decide/test_image.py"}
"""Files that are one table."""


def test_every_test_lies_with_its_kind() -> None:
    assert {name for name in FILES if name.split("/")[0] not in KINDS} == ABOUT_THE_TREE


def test_a_unit_test_is_named_after_a_module() -> None:
    """`unit/PACKAGE/test_MODULE.py`, or `test_MODULE_SUBJECT.py` where one module has several files."""
    package = Path(omicopy.__file__).parent
    for name in (name.removeprefix("unit/") for name in FILES if name.startswith("unit/")):
        modules = [path.stem for path in (package / name).parent.glob("*.py")]
        assert any(f"{Path(name).stem}_".startswith(f"test_{module}_") for module in modules), name


def test_names_of_tests_are_short() -> None:
    names = [
        node.name
        for path in FILES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [name for name in names if len(name) > 65] == []


def test_no_file_of_tests_is_too_long() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: count for name, count in lines.items() if count > 350 and name not in TABLES} == {}

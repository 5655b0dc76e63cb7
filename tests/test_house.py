"""The house: which way imports go, what is pure, how large a package is, and that one noun names one class."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import omicopy
from tests.support import children

PACKAGE = Path(omicopy.__file__).parent
LAYERS = (
    {"_version", "errors", "exit_codes"},
    {"model"},
    {"state", "cloud"},
    {"manifests", "plans", "monitoring"},
    {"deletion", "status", "doctor"},
    {"reconcile", "prune"},
    {"api"},
    {"cli"},
    {"__main__"},
)
"""Lowest first. A module imports from its own package and from lower layers."""
SANDBOX_LAYERS = ("model", "process", "storage", "api")
"""The sandbox's own layers, lowest first. Its other files are above them."""
PURE = (
    "model",
    "deletion/export_rules",
    "doctor/findings",
    "doctor/required_rights",
    "manifests/cors",
    "manifests/from_disks/disk_header",
    "manifests/from_disks/draft",
    "manifests/from_disks/volume_spec",
    "manifests/handoff",
    "manifests/own_manifest",
    "monitoring/ended_run",
    "monitoring/metrics",
    "plans/build_request",
    "plans/model",
    "plans/schema",
    "plans/shard",
    "plans/values",
    "plans/yaml_reader",
    "prune/entries",
    "prune/decide_exports",
    "prune/decide_images",
    "prune/ownership",
    "prune/retention",
    "reconcile/decide",
    "reconcile/state",
    "status/entries",
    "status/report",
)
"""Files, and packages as a whole, that touch no network, no clock, no chance and no file."""
CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid", "socket", "ssl", "os", "subprocess", "threading", "pathlib"}
SDKS = {"osc_sdk_python", "boto3", "botocore", "requests", "urllib3", "tenacity"}
MOST_FILES = 18
"""Of one package, its `__init__.py` aside."""


@cache
def source(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("omicopy", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()
HOUSE = {name: path for name, path in MODULES.items() if not name.startswith("omicopy.sandbox")}
PURE_MODULES = [
    name
    for name in HOUSE
    if any(f"{name}.".startswith(f"omicopy.{each.replace('/', '.')}.") for each in PURE)
    and name != "omicopy.model.clock"
]
"""`model/clock.py` defines where the time comes from, so it alone may name a clock."""


def imported(tree: ast.AST, at_once: bool = False) -> Iterator[str]:
    """The package's own modules that a module imports; `at_once`: only when it is loaded itself."""
    for node in ast.iter_child_nodes(tree):
        if at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_once and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "omicopy")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if (node.module or "").split(".")[0] == "omicopy":
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    yield whole if whole in MODULES else node.module or ""
        yield from imported(node, at_once)


def package_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def layer(name: str) -> int:
    (number,) = (number for number, packages in enumerate(LAYERS) if package_of(name) in packages)
    return number


# ---- which way imports go


@pytest.mark.parametrize("name", sorted(set(HOUSE) - {"omicopy"}))
def test_imports_go_down_only(name: str) -> None:
    for target in imported(source(HOUSE[name])):
        if target.startswith("omicopy.sandbox"):
            assert name == "omicopy.cli.commands.sandbox", "one command alone knows the sandbox"
        elif package_of(target) != package_of(name):
            assert target != "omicopy", f"{name} imports the public face"
            assert layer(target) < layer(name), f"{name} imports {target}"


def test_the_sandbox_imports_nothing_of_the_code_that_it_tests() -> None:
    sandbox = {name: path for name, path in MODULES.items() if name.startswith("omicopy.sandbox")}
    assert len(sandbox) > 10
    for name, path in sandbox.items():
        foreign = [target for target in imported(source(path)) if not target.startswith("omicopy.sandbox")]
        assert foreign == [], name


@pytest.mark.parametrize("name", sorted(set(MODULES) - set(HOUSE)))
def test_imports_of_the_sandbox_go_down_only(name: str) -> None:
    for target in imported(source(MODULES[name])):
        assert sandbox_layer(target) <= sandbox_layer(name), f"{name} imports {target}"


def sandbox_layer(name: str) -> int:
    package = name.removeprefix("omicopy.sandbox").strip(".").split(".")[0]
    return SANDBOX_LAYERS.index(package) if package in SANDBOX_LAYERS else len(SANDBOX_LAYERS)


def test_no_circle_of_modules() -> None:
    graph = {name: set(imported(source(path), at_once=True)) - {name} for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_module_can_be_loaded_first() -> None:
    code = """
import importlib, json, sys
for name in json.load(sys.stdin):
    for known in [known for known in sys.modules if known.split(".")[0] == "omicopy"]:
        del sys.modules[known]
    importlib.import_module(name)
"""
    names = json.dumps(sorted(HOUSE))
    ran = children.run([sys.executable, "-c", code], input=names)
    assert ran.returncode == 0, ran.stderr


# ---- what is pure


@pytest.mark.parametrize("name", PURE_MODULES)
def test_a_pure_module_knows_no_network_clock_chance_or_file(name: str) -> None:
    tree = source(HOUSE[name])
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {each.split(".")[0] for each in names} & (CLOCKS_AND_CHANCE | SDKS) == set()
    assert not [target for target in imported(tree) if package_of(target) in {"cloud", "state", "cli"}]
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls & {"now", "today", "utcnow", "monotonic", "getenv"} == set()


def test_every_pure_file_is_there() -> None:
    missing = [each for each in PURE if f"omicopy.{each.replace('/', '.')}" not in HOUSE]
    assert missing == []


# ---- sizes and names


def test_no_package_holds_too_many_files() -> None:
    files = Counter(path.parent for path in MODULES.values() if path.name != "__init__.py")
    assert {str(folder): count for folder, count in files.items() if count > MOST_FILES} == {}


def test_one_noun_names_one_class() -> None:
    homes = defaultdict(list)
    for name, path in MODULES.items():
        for node in ast.walk(source(path)):
            if isinstance(node, ast.ClassDef):
                homes[node.name.lstrip("_")].append(name)
    assert {noun: where for noun, where in homes.items() if len(where) > 1} == {}


def test_no_gateway_of_the_sdk_is_ever_made() -> None:
    assert [name for name, path in HOUSE.items() if "Gateway(" in path.read_text(encoding="utf-8")] == []

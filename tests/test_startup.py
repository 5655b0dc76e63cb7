"""The architecture: what a start loads, which way imports go, and that the pure parts are pure."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import omicopy
import omicopy.api
from tests import children

PACKAGE = Path(omicopy.__file__).parent
FLOORS = {"errors": 0, "model": 1, "cloud": 2, "copying": 3, "api": 4, "cli": 5, "__main__": 6}
"""From the ground up; imports go down, or stay on their floor."""
SDKS = {"osc_sdk_python", "boto3", "botocore", "requests", "urllib3", "tenacity"}
STORAGE_CLIENT = {"boto3", "botocore.client", "botocore.session"}
LOOP_AND_PLANS = {
    "omicopy.reconcile.loop",
    "omicopy.reconcile.observe",
    "omicopy.deletion.exports",
    "omicopy.manifests.find",
    "omicopy.plans.model",
    "omicopy.plans.schema",
}
HEAVY = SDKS | {"rich", "ruamel", "omicopy.model.manifest_schema", "omicopy.copying", "omicopy.sandbox"}
COMMANDS = [
    "copy",
    "run",
    "export",
    "url",
    "import",
    "inspect",
    "resign",
    "cors",
    "manifest",
    "manifest build",
    "status",
    "cancel",
    "prune",
    "doctor",
    "sandbox",
    "help",
]
LOADED = """
import sys
sys.argv = ["omicopy", *{args!r}]
try:
    from omicopy.__main__ import main
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


# ---- what a start loads


def loaded(*args: str, code: int = 0, env: Mapping[str, str] | None = None) -> set[str]:
    """The modules that a command has loaded when it ends."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMICOPY_", "OSC_", "AWS_"))}
    keys = {"SRC_ACCESS_KEY": "AK", "SRC_SECRET_KEY": "SK", "SRC_REGION": "eu-west-2"}
    script = [sys.executable, "-c", LOADED.format(args=args)]
    ran = children.run(script, env=env or clean | keys)
    assert ran.returncode == code, ran.stderr[-2000:]
    return set(ran.stderr.splitlines())


def of(packages: set[str], modules: set[str]) -> set[str]:
    return {name for name in modules if any(name == each or name.startswith(f"{each}.") for each in packages)}


@pytest.mark.parametrize(
    "args", [["--help"], ["--version"], *([*command.split(), "--help"] for command in COMMANDS)], ids=" ".join
)
def test_no_help_loads_an_sdk_or_anything_else_that_is_heavy(args: list[str]) -> None:
    assert of(HEAVY, loaded(*args)) == set()


@pytest.mark.parametrize("args", [["--help"], ["--version"]], ids=" ".join)
def test_the_first_words_load_not_even_pydantic_which_typer_does_for_a_command(args: list[str]) -> None:
    assert of({"pydantic_core"}, loaded(*args)) == set()


def test_the_commands_of_this_test_are_all_there_are() -> None:
    from typer.main import get_command

    from omicopy.cli.main import app

    outermost = [command for command in COMMANDS if " " not in command]
    assert sorted(getattr(get_command(app), "commands")) == sorted(outermost)  # noqa: B009


def test_a_mistake_in_typing_loads_no_sdk_and_no_other_command() -> None:
    modules = loaded("copy", "golden", "--form", "source", code=2)
    assert of(SDKS, modules) == set()
    modules_of = {"import": "import_", "help": "help_"}
    others = {f"omicopy.cli.commands.{modules_of.get(name, name)}" for name in COMMANDS}
    others -= {"omicopy.cli.commands.copy"}
    assert (modules & others, "omicopy.cli.commands.copy" in modules) == (set(), True)


def test_signing_a_url_offline_loads_no_client() -> None:
    modules = loaded("url", "s3://omi-exports/key", "--from", "env:SRC", "--no-check")
    assert of({"osc_sdk_python", "requests"} | STORAGE_CLIENT | LOOP_AND_PLANS, modules) == set()


def test_a_url_with_all_its_reads_loads_no_client_of_the_storage_no_loop_and_no_plan(tool) -> None:
    key = tool.exported()
    tool.forget()
    modules = loaded("url", f"s3://omi-exports/{key}", "--from", "source", env=tool.env)
    asked = sorted(request.action for request in tool.sandbox.record.requests())
    assert asked == ["GetObject", "GetObject", "ReadAccessKeys", "ReadImageExportTasks"]
    assert of(STORAGE_CLIENT | LOOP_AND_PLANS | {"rich"}, modules) == set()


def test_a_public_function_loads_what_it_needs_itself_and_each_is_there() -> None:
    code = "import sys; from omicopy import presign; print(*sys.modules)"
    ran = children.run([sys.executable, "-c", code], check=True)
    assert of(STORAGE_CLIENT | LOOP_AND_PLANS, set(ran.stdout.split())) == set()
    assert all(getattr(omicopy, name) for name in omicopy.__all__)
    assert all(getattr(omicopy.api, name) for name in omicopy.api.__all__)


def test_the_public_names_are_listed_for_type_checkers_for_completion_and_where_they_are_loaded_from() -> None:
    api = source(PACKAGE / "api" / "__init__.py")
    (checked,) = (node for node in api.body if isinstance(node, ast.If))
    typed = [alias.asname for node in checked.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(omicopy.api.__all__) == sorted(omicopy.api._MODULES) == sorted(str(name) for name in typed)
    code = "import omicopy, omicopy.api, sys; print(*dir(omicopy)); print(*dir(omicopy.api)); print(*sys.modules)"
    ran = children.run([sys.executable, "-c", code], check=True)
    first, second, loaded = (set(line.split()) for line in ran.stdout.splitlines())
    assert (set(omicopy.__all__) - first, set(omicopy.api.__all__) - second) == (set(), set())
    assert of({"omicopy.copying", "omicopy.model"}, loaded) == set()


# ---- which way imports go


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


def imported(tree: ast.AST, at_once: bool = False) -> Iterator[str]:
    """The package's own modules that a module names in imports; `at_once`: only when it is loaded itself."""
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


def floor(name: str) -> int:
    """`omicopy` itself, which holds the version and only names the public functions, is the ground."""
    return FLOORS[name.split(".")[1]] if "." in name else 0


@pytest.mark.parametrize("name", sorted(set(HOUSE) - {"omicopy"}))
def test_imports_only_go_down_the_floors(name: str) -> None:
    for target in imported(source(HOUSE[name])):
        if target.startswith("omicopy.sandbox"):
            assert name == "omicopy.cli.commands.sandbox", "one command alone knows the sandbox"
        else:
            assert floor(target) <= floor(name), f"{name} imports {target}"


def test_the_sandbox_shares_nothing_with_the_code_that_it_tests() -> None:
    sandbox = {name: path for name, path in MODULES.items() if name.startswith("omicopy.sandbox")}
    assert len(sandbox) > 10
    for name, path in sandbox.items():
        foreign = [target for target in imported(source(path)) if not target.startswith("omicopy.sandbox")]
        assert foreign == [], name


def test_no_module_needs_itself_to_be_loaded_first() -> None:
    graph = {name: set(imported(source(path), at_once=True)) - {name} for name, path in MODULES.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_module_can_be_the_first_that_is_loaded() -> None:
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


# ---- what is nowhere


def test_no_gateway_is_ever_made() -> None:
    assert [name for name, path in HOUSE.items() if "Gateway(" in path.read_text(encoding="utf-8")] == []


PURE = [name for name in HOUSE if name.startswith("omicopy.model")]
PURE += [f"omicopy.copying.{room}" for room in ("decide", "decide_export", "facts", "steps")]
CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid", "socket", "ssl", "os", "subprocess", "threading", "pathlib"}


@pytest.mark.parametrize("name", PURE)
def test_the_pure_parts_know_no_network_no_clock_no_chance_and_no_sdk(name: str) -> None:
    tree = source(HOUSE[name])
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {each.split(".")[0] for each in names} & (CLOCKS_AND_CHANCE | SDKS) == set()
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert calls & {"now", "today", "utcnow", "monotonic", "getenv"} == set()


def test_what_decides_touches_no_client() -> None:
    for room in ("decide", "decide_export", "facts", "steps"):
        targets = set(imported(source(HOUSE[f"omicopy.copying.{room}"])))
        assert not [target for target in targets if target.startswith(("omicopy.cloud", "omicopy.cli"))]

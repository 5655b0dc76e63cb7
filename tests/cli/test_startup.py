"""What a start loads: neither SDK, nor a command that was not asked for."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import omicopy
import omicopy.api
from omicopy.cli.lazy_commands import COMMANDS as COMMAND_TABLE
from tests.support import children

PACKAGE = Path(omicopy.__file__).parent
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
HEAVY = SDKS | {"rich", "ruamel", "prometheus_client", "omicopy.model.manifest_schema", "omicopy.sandbox"}
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
LONGEST_BODY = 40
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
def test_no_help_loads_an_sdk_or_other_heavy_modules(args: list[str]) -> None:
    assert of(HEAVY, loaded(*args)) == set()


@pytest.mark.parametrize("module", ["cloud.profiles.profile", "model.urls.presigned_url"])
def test_a_module_of_every_start_loads_nothing_heavy(module: str) -> None:
    done = children.run([sys.executable, "-c", f"import sys, omicopy.{module}; print(*sys.modules)"], check=True)
    assert of({"pydantic", "requests", "boto3", "yaml", "ruamel", "osc_sdk_python"}, set(done.stdout.split())) == set()


@pytest.mark.parametrize("args", [["--help"], ["--version"]], ids=" ".join)
def test_the_main_help_loads_no_command_and_no_pydantic(args: list[str]) -> None:
    assert of({"pydantic_core", "omicopy.cli.commands", "omicopy.cli.options"}, loaded(*args)) == set()


def test_this_test_covers_every_command() -> None:
    from typer.main import get_command

    from omicopy.cli.main import app

    outermost = [command for command in COMMANDS if " " not in command]
    assert sorted(getattr(get_command(app), "commands")) == sorted(outermost)  # noqa: B009


def test_a_usage_error_loads_no_sdk_and_no_other_command() -> None:
    modules = loaded("copy", "golden", "--form", "source", code=2)
    assert of(SDKS, modules) == set()
    modules_of = {"import": "import_", "help": "help_"}
    others = {f"omicopy.cli.commands.{modules_of.get(name, name)}" for name in COMMANDS}
    others -= {"omicopy.cli.commands.copy"}
    assert (modules & others, "omicopy.cli.commands.copy" in modules) == (set(), True)


def test_signing_a_url_offline_loads_no_client() -> None:
    modules = loaded("url", "s3://omi-exports/key", "--from", "env:SRC", "--no-check")
    assert of({"osc_sdk_python", "requests"} | STORAGE_CLIENT | LOOP_AND_PLANS, modules) == set()


def test_a_checked_url_loads_no_storage_client_loop_or_plan(tool) -> None:
    key = tool.exported()
    tool.forget()
    modules = loaded("url", f"s3://omi-exports/{key}", "--from", "source", env=tool.env)
    asked = sorted(request.action for request in tool.sandbox.request_log.requests())
    assert asked == ["GetObject", "GetObject", "ReadAccessKeys", "ReadImageExportTasks"]
    assert of(STORAGE_CLIENT | LOOP_AND_PLANS | {"rich"}, modules) == set()


def test_a_public_function_loads_only_what_it_needs() -> None:
    code = "import sys; from omicopy import presign; print(*sys.modules)"
    ran = children.run([sys.executable, "-c", code], check=True)
    assert of(STORAGE_CLIENT | LOOP_AND_PLANS, set(ran.stdout.split())) == set()
    assert all(getattr(omicopy, name) for name in omicopy.__all__)
    assert all(getattr(omicopy.api, name) for name in omicopy.api.__all__)


def lazily_offered(file: Path) -> list[tuple[str, str]]:
    """Module and name of each import that only a type checker makes."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in checked.body if isinstance(node, ast.ImportFrom)]
    return [(node.module or "", str(alias.asname)) for node in imports for alias in node.names]


def test_the_public_names_are_the_same_in_all_lists() -> None:
    """For type checkers, for completion and for lazy loading."""
    assert sorted(lazily_offered(PACKAGE / "api" / "__init__.py")) == sorted(
        (module, name) for name, module in omicopy.api._MODULES.items()
    )
    offered = {name for _, name in lazily_offered(PACKAGE / "__init__.py")}
    functions = {name for name, module in omicopy.api._MODULES.items() if module.startswith("omicopy.api.")}
    assert functions - offered == {"ConnectionOptions", "Watch", "connect", "load_plan"}
    assert set(omicopy.__all__) == offered | {"__version__"}
    code = "import omicopy, omicopy.api, sys; print(*dir(omicopy)); print(*dir(omicopy.api)); print(*sys.modules)"
    ran = children.run([sys.executable, "-c", code], check=True)
    first, second, loaded = (set(line.split()) for line in ran.stdout.splitlines())
    assert (set(omicopy.__all__) - first, set(omicopy.api.__all__) - second) == (set(), set())
    assert of({"omicopy.model"}, loaded) == set()


def test_a_package_never_takes_the_place_of_a_function_of_its_name() -> None:
    code = """
import omicopy.doctor.findings, omicopy.prune.entries, omicopy.status.entries
from omicopy import doctor, prune, status
from omicopy.doctor.findings import Check
print(*(callable(each) for each in (doctor, prune, status, omicopy.doctor, omicopy.prune, omicopy.status)))
"""
    assert set(children.run([sys.executable, "-c", code], check=True).stdout.split()) == {"True"}


def test_every_command_has_a_public_function_and_nothing_else() -> None:
    """`manifest build` is `build_manifest`, `import` is `import_image`, `url` is one of two; three have none."""
    renamed = {"import": {"import_image"}, "url": {"presign", "presign_upload"}, "run": {"run_plan"}}
    renamed |= {"manifest": {"build_manifest"}, "sandbox": set(), "help": set()}
    commands = set().union(*(renamed.get(name, {name}) for name in COMMAND_TABLE))
    assert commands == set(omicopy.__all__) - {"__version__"}


@pytest.mark.parametrize("file", sorted((PACKAGE / "cli" / "commands").glob("*.py")), ids=lambda file: file.stem)
def test_a_command_imports_at_the_top_and_is_short(file: Path) -> None:
    """The sandbox alone is imported where it is used: its packages are an extra."""
    functions = [
        node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    inside = [node for each in functions for node in ast.walk(each) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert file.stem == "sandbox" or inside == []
    bodies = {each.name: (each.end_lineno or 0) - (each.body[0].end_lineno or 0) for each in functions}
    assert {name: lines for name, lines in bodies.items() if lines > LONGEST_BODY} == {}

"""README.md tells what is: its generated parts are those of the code, its JSON has the shape of a real run's."""

from __future__ import annotations

import json
import os
import re
import shlex
import sysconfig
from functools import cache
from typing import Any

import pytest

from omicopy.plans.model import parse_plan
from omicopy.sandbox.main import Sandbox
from tests import readme_blocks
from tests.support import children

MADE = cache(readme_blocks.made_from_code)
TEXT = readme_blocks.README.read_text()


@pytest.mark.parametrize("name", ["help", "error codes", "house", "rules", "rights"])
def test_a_generated_part_is_what_the_code_says(name: str) -> None:
    made = MADE()[name]
    assert readme_blocks.block(name, TEXT) == made, "run: python -m tests.readme_blocks"


def test_the_json_examples_have_the_shape_of_a_real_run(sandbox: Sandbox) -> None:
    _sh(sandbox, readme_blocks.PREPARE)
    for name, command in readme_blocks.EXAMPLES.items():
        made = readme_blocks.shortened(name, _run(sandbox, *command.split()))
        assert _shape(made) == _shape(_example(name))
        assert f"`omicopy {command}`" in TEXT


def test_the_plan_is_one() -> None:
    text = readme_blocks.block("plan", TEXT).strip().removeprefix("```yaml").removesuffix("```")
    (job,) = parse_plan(text, "README.md", {}).jobs
    assert [target.profile for target in job.targets] == ["ohio", "tokyo"]
    assert job.retention is not None


def test_every_exit_code_of_an_error_stands_in_the_table() -> None:
    documented = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE) for code in row.split(",")}
    codes = {code.exit_code for code in readme_blocks.ErrorCode}
    assert codes <= documented


def test_every_command_of_the_readme_exists() -> None:
    in_blocks = set(re.findall(r"^omicopy ([a-z]+) [-a-z]", TEXT, re.MULTILINE))
    named = in_blocks | set(re.findall(r"`omicopy ([a-z]+)", TEXT))
    offered = set(re.findall(r"^  ([a-z]+)  ", readme_blocks.help_block(), re.MULTILINE))
    assert named - offered == set()


def _example(name: str) -> Any:
    return json.loads(readme_blocks.block(f"json {name}", TEXT).strip().removeprefix("```json").removesuffix("```"))


def _run(sandbox: Sandbox, *args: str) -> Any:
    return json.loads(_sh(sandbox, shlex.join(["omicopy", *args])))


def _sh(sandbox: Sandbox, command: str) -> str:
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    env = sandbox.env | {"OMICOPY_POLL_MAX": "0.2s", "PATH": path}
    return children.run(["sh", "-c", command], env=env, check=True).stdout


def _shape(value: Any) -> Any:
    """The keys and types of a JSON value, without what differs from run to run."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__


def test_the_benchmarks_table_says_met_of_what_is_within_its_bound_and_of_nothing_else() -> None:
    _, _, *lines = readme_blocks.block("bench", TEXT).strip().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(rows) > 20
    for _, _, _, ratio, bound, verdict in rows:
        kept = bound and float(ratio) <= float(bound.removeprefix("≤ "))
        assert verdict == ("met" if kept else "NOT met" if bound else "")

"""The examples do what they say: each is run in the sandbox, or held against what reads it and against the commands."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from omicopy.model.units import parse_duration
from tests.support import children
from tests.support.example_files import (
    ALL,
    CI,
    EXAMPLES,
    FLEET,
    INDEX,
    SCRIPT,
    SMALL,
    TWO_JOBS,
    as_plan,
    documents,
    parsed,
    shell,
    text,
)
from tests.support.tool import LINUX, Tool

FLEETS_ENVIRONMENT = {"SOURCE": "source", "MAIN_TARGET": "target", "STAGE": "prod"}


def test_every_example_is_named_here_and_in_the_index() -> None:
    found = {str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*") if file.is_file()}
    found = {name for name in found if "__pycache__" not in name}
    assert found == ALL
    linked = re.findall(r"^\| \[(.+)\]\((.+)\) \| .+ \|$", text(INDEX), re.MULTILINE)
    assert {name for name, _ in linked} == {place for _, place in linked} == ALL - {INDEX}


@pytest.mark.parametrize("example", sorted(ALL))
def test_an_example_holds_no_key_and_no_real_address(example: str) -> None:
    message = text(example)
    assert not re.search(r"\b(?=[A-Z0-9]*\d)(?=[A-Z0-9]*[A-Z])[A-Z0-9]{20,}\b", message), "an access key"
    assert not re.search(r"(access_key|secret_key|SECRET_KEY|ACCESS_KEY)\"?[:=] *\"?[A-Za-z0-9/+]{8,}", message)
    hosts = re.findall(r"(?:https?://|@|image: )((?:[a-z0-9-]+\.)+[a-z]{2,})", message)
    assert all(host.endswith("example.com") for host in hosts)


@pytest.mark.parametrize("example", [SMALL, TWO_JOBS, FLEET])
def test_a_plan_is_valid_for_the_tool_and_the_schema(example: str) -> None:
    assert as_plan(text(example), example, **FLEETS_ENVIRONMENT).jobs


def test_the_plans_hold_what_they_explain() -> None:
    two = as_plan(text(TWO_JOBS), TWO_JOBS)
    assert (len(two.jobs), len({target.profile for job in two.jobs for target in job.targets})) == (2, 3)
    assert all(job.cleanup and job.retention for job in two.jobs)
    fleet = as_plan(text(FLEET), FLEET, **FLEETS_ENVIRONMENT)
    assert all(job.retention for job in fleet.jobs)
    selectors = [selector for job in fleet.jobs for selector in job.images]
    assert all(any(getattr(each, key) for each in selectors) for key in ("id", "name_regex", "tags", "latest"))
    targets = [target for job in fleet.jobs for target in job.targets]
    assert any(each.best_effort for each in targets)
    assert any(each.share_with for each in targets)


def test_the_plans_run_in_the_sandbox_as_they_are(tool) -> None:
    def run(example: str, *args: str) -> list[dict[str, Any]]:
        return tool.run("run", str(EXAMPLES / example), "-o", "json", *args, **FLEETS_ENVIRONMENT).json["copies"]

    with ThreadPoolExecutor(2) as threads:
        small, two = threads.map(run, [SMALL, TWO_JOBS])
    assert [each["status"] for each in small] == ["copied"]
    assert [each["status"] for each in two] == ["copied"] * 3
    assert {each["changed"] for each in run(TWO_JOBS)} == {False}
    tool.forget()
    checked = run(FLEET, "--check")
    assert {each["job"] for each in checked} == {"newest", "windows"}
    assert {each["status"] for each in checked} == {"planned", "present"}
    assert tool.writes() == []


def ci_step() -> dict[str, Any]:
    """The step that copies."""
    (workflow,) = documents(CI)
    return next(step for step in workflow["jobs"]["copy"]["steps"] if step.get("id") == "copy")


def test_only_the_workflows_copy_step_gets_keys() -> None:
    (workflow,) = documents(CI)
    job, secrets = workflow["jobs"]["copy"], workflow["on"]["workflow_call"]["secrets"]
    assert workflow["permissions"] == {}
    env = ci_step()["env"]
    assert {name: env[name] for name in secrets} == {name: f"${{{{ secrets.{name} }}}}" for name in secrets}
    assert "env" not in job
    assert not [step for step in job["steps"] if "${{" in step["run"]], "an input's text would become a command"
    assert job["outputs"]["image_id"] == "${{ steps.copy.outputs.image_id }}"
    (line,) = [line for line in ci_step()["run"].splitlines() if line.strip().startswith("omicopy ")]
    asked = parsed(shlex.split(line.removesuffix("\\"))[1:])
    assert (asked["source"], asked["targets"]) == ("env:SRC", ["env:DST"])
    assert parse_duration(asked["deadline"]).total_seconds() < job["timeout-minutes"] * 60 < 6 * 3600


def test_the_workflows_script_is_valid_bash() -> None:
    for step in documents(CI)[0]["jobs"]["copy"]["steps"]:
        children.run(["bash", "-n"], input=step["run"], check=True)


def environment_profiles(tool: Tool) -> dict[str, str]:
    """SRC_… and DST_… for two of the sandbox's accounts."""
    profiles = json.loads(tool.sandbox.profiles.read_text())
    found = {}
    for prefix, name in (("SRC", "source"), ("DST", "target")):
        profile = profiles[name]
        found |= {f"{prefix}_{key.upper()}": profile[key] for key in ("access_key", "secret_key", "region")}
        found |= {f"{prefix}_ENDPOINT_{key.upper()}": url for key, url in profile["endpoints"].items()}
    return found


@pytest.mark.skipif(not shutil.which("jq"), reason="jq is not installed")
def test_the_workflows_script_copies_and_names_the_copy(tool) -> None:
    """It fails as the command does."""
    message = tool.home / "output"
    env = environment_profiles(tool) | {"BUCKET": "omi-exports", "GITHUB_OUTPUT": str(message)}

    def run(image: str) -> subprocess.CompletedProcess[str]:
        folder = tool.home / image
        folder.mkdir()
        command = ["bash", "-c", f"cd {folder}\n{ci_step()['run']}"]
        return shell(tool, command, IMAGE=image, OSC_CONFIG_FILE="/nowhere", **env)

    with ThreadPoolExecutor(2) as threads:
        good, bad = threads.map(run, ["golden-linux", "failed-image"])
    assert good.returncode == 0, good.stderr
    assert message.read_text() == f"image_id={tool.copies()[0].image_id}\n"
    assert bad.returncode == 4
    assert "It failed (exit code 4)" in bad.stdout


def test_the_script_copies_runs_a_plan_and_hands_over(tool) -> None:
    words = [sys.executable, str(EXAMPLES / SCRIPT), LINUX, "--pause", "0.05s", "--plan", str(EXAMPLES / SMALL)]
    ran = shell(tool, words)
    assert (ran.returncode, ran.stderr) == (0, "")
    copied, planned, shared, url = ran.stdout.splitlines()
    (copy,) = tool.copies()
    assert copied == f"golden-linux: copied, {copy.image_id}"
    assert planned == f"golden-linux: present, {copy.image_id}"
    assert shared.startswith("golden-linux, 10 GiB, to be imported before 20")
    assert tool.import_("-", "--name", "handed-over", stdin=url).copy["status"] == "copied"

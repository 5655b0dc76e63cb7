"""The example files, parsed."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.main import get_command

from omicopy.cli.main import app
from omicopy.model.units import parse_duration
from omicopy.plans.model import Plan, parse_plan, plan_schema
from tests.support import children
from tests.support.tool import Tool

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
INDEX = "README.md"
SMALL, TWO_JOBS, FLEET = "plans/small.yaml", "plans/two-jobs.yaml", "plans/fleet.yaml"
CRON, SERVICE, TIMER = "cron/omicopy.cron", "systemd/omicopy.service", "systemd/omicopy.timer"
CRONJOB, INDEXED_JOB = "kubernetes/cronjob.yaml", "kubernetes/indexed-job.yaml"
CONTAINER, CI, SCRIPT = "container/Containerfile", "ci/copy-after-build.yaml", "python/copy_and_tell.py"
ALL = {INDEX, SMALL, TWO_JOBS, FLEET, CRON, SERVICE, TIMER, CRONJOB, INDEXED_JOB, CONTAINER, CI, SCRIPT}
PROGRAM = "/opt/omicopy/bin/omicopy"
SCRIPTS = sysconfig.get_path("scripts")
HOPELESS = [2, 4, 12, 13]


def text(example: str) -> str:
    return (EXAMPLES / example).read_text()


def documents(example: str) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(text(example)))


def parsed(words: list[str]) -> dict[str, Any]:
    """The parameters that the command line makes of `omicopy WORDS`, once the shell and Kubernetes filled them in."""
    filled = {"$(JOB_COMPLETION_INDEX)": "0", "$BUCKET": "omi-exports"}
    for placeholder, value in filled.items():
        words = [word.replace(placeholder, value) for word in words]
    name, *args = words
    parameters = vars(get_command(app))["commands"][name].make_context(name, args).params
    for duration in ("deadline", "lock_wait"):
        parse_duration(parameters.get(duration) or "0s")
    return parameters


def prunes(words: list[str]) -> bool:
    """Whether `omicopy WORDS` deletes what retention lets go, of a plan, unattended."""
    asked = parsed(words)
    return words[0] == "prune" and asked["yes"] and asked["plan"] and asked["log_format"].value == "json"


def as_plan(content: str, where: str, **environ: str) -> Plan:
    Draft202012Validator(plan_schema()).validate(YAML(typ="safe", pure=True).load(content))
    return parse_plan(content, where, environ)


def shell(tool: Tool, command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    """A command that has `omicopy` on its path, in the tool's home."""
    path = f"{SCRIPTS}:{os.environ['PATH']}"
    return children.run(command, env=tool.env | {"PATH": path} | env, cwd=tool.home)


def kubernetes(example: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The plan's ConfigMap, the claim for the state, and the Job or CronJob that runs the plan."""
    config, claim, work, *_ = documents(example)
    assert (config["kind"], claim["kind"]) == ("ConfigMap", "PersistentVolumeClaim")
    return config, claim, work


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """The Jobs that run a plan."""
    yield CRONJOB, kubernetes(CRONJOB)[2]["spec"]["jobTemplate"]["spec"]
    yield INDEXED_JOB, kubernetes(INDEXED_JOB)[2]["spec"]


def pruning() -> dict[str, Any]:
    """The CronJob that prunes."""
    *_, work = documents(CRONJOB)
    return work

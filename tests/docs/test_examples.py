"""The examples do what they say: each is run in the sandbox, or held against what reads it and against the commands."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.main import get_command

from omicopy import __version__
from omicopy.cli.main import app
from omicopy.model.units import parse_duration
from omicopy.plans.model import Plan, parse_plan, plan_schema
from omicopy.plans.shard import parse_shard
from tests.support import children
from tests.support.tool import LINUX, Tool

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
INDEX = "README.md"
SMALL, TWO_JOBS, FLEET = "plans/small.yaml", "plans/two-jobs.yaml", "plans/fleet.yaml"
CRON, SERVICE, TIMER = "cron/omicopy.cron", "systemd/omicopy.service", "systemd/omicopy.timer"
CRONJOB, INDEXED_JOB = "kubernetes/cronjob.yaml", "kubernetes/indexed-job.yaml"
CONTAINER, CI, SCRIPT = "container/Containerfile", "ci/copy-after-build.yaml", "python/copy_and_tell.py"
ALL = {INDEX, SMALL, TWO_JOBS, FLEET, CRON, SERVICE, TIMER, CRONJOB, INDEXED_JOB, CONTAINER, CI, SCRIPT}
FLEETS_ENVIRONMENT = {"SOURCE": "source", "MAIN_TARGET": "target", "STAGE": "prod"}
PROGRAM = "/opt/omicopy/bin/omicopy"
SCRIPTS = sysconfig.get_path("scripts")
HOPELESS = [2, 4, 12, 13]
DISRUPTED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


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


# --- all of them


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


# --- plans


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


# --- cron


def cron_lines() -> list[tuple[list[str], str]]:
    """When, and what `sh` gets: to run the plan, and to prune."""
    lines = [line for line in text(CRON).splitlines() if line and not line.startswith("#")]
    assert [line.partition("=")[0] for line in lines[:2]] == ["SHELL", "MAILTO"]
    entries = [line.split(maxsplit=5) for line in lines[2:]]
    assert not [command for *_, command in entries if "%" in command], "the end of the line, for cron"
    return [(when, command) for *when, command in entries]


def test_the_cron_lines_have_a_time_and_a_command() -> None:
    (to_run, run), (to_prune, prune) = cron_lines()
    highest = (59, 23, 31, 12, 7)
    for when in (to_run, to_prune):
        assert len(when) == 5
        assert all(field == "*" or int(field) <= most for field, most in zip(when, highest, strict=True))
    assert int(to_run[1]) < int(to_prune[1])
    words, pruning = (shlex.split(command.partition(">>")[0]) for command in (run, prune))
    assert words[0] == pruning[0]
    assert words[0].endswith("/omicopy")
    assert parsed(words[1:])["log_format"].value == "json"
    assert prunes(pruning[1:])
    assert parsed(words[1:])["plan"] == parsed(pruning[1:])["plan"]


def test_cron_writes_logs_and_sends_mail_only_on_failure(tool) -> None:
    program = tool.home / ".local" / "bin" / "omicopy"
    program.parent.mkdir(parents=True)
    program.symlink_to(Path(SCRIPTS) / "omicopy")
    folder = tool.home / "omicopy"
    folder.mkdir()
    (_, run), (_, prune) = cron_lines()
    (folder / "plan.yaml").write_text(text(SMALL) + "    retention: {keep_last: 1}\n")
    for command in (run, prune):
        good = shell(tool, ["/bin/sh", "-c", command])
        assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    ran, pruned = (
        [json.loads(line) for line in (folder / log).read_text().splitlines()] for log in ("run.log", "prune.log")
    )
    assert [each["status"] for each in ran[-1]["copies"]] == ["copied"]
    assert {(each["kind"], each["action"]) for each in pruned[-1]["pruned"]} == {("image", "keep"), ("export", "keep")}
    program.unlink()
    for command, code, mail in ((run, 11, ""), (run, 4, "omicopy run ended with exit code 4;"), (prune, 0, "")):
        assert mailed(tool, program, command, code).startswith(mail)
        assert bool(mailed(tool, program, command, code)) == bool(mail)
    assert mailed(tool, program, prune, 12).startswith("omicopy prune ended with exit code 12;")


def mailed(tool: Tool, program: Path, command: str, code: int) -> str:
    """What cron would send when the program ends so."""
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    return shell(tool, ["/bin/sh", "-c", command]).stdout


# --- systemd


def unit(example: str) -> configparser.RawConfigParser:
    """A unit file; of a key that is there several times, the last one."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(text(example).replace("\\\n", " "))
    return parser


def service_script() -> str:
    """What systemd hands to `sh`: its own `$$` is one `$`."""
    shell, option, script = shlex.split(unit(SERVICE)["Service"]["ExecStart"])
    assert (shell, option) == ("/bin/sh", "-c")
    assert not re.search(r"(?<!\$)\$(?!\$)", script.replace("$$", "")), "a variable of systemd"
    return script.replace("$$", "$")


@pytest.mark.parametrize(
    ("run", "prune", "service"),
    [(0, 0, 0), (3, 0, 3), (11, 0, 11), (0, 12, 12), (11, 5, 5), (3, 12, 3), (143, 1, 143)],
)
def test_the_service_prunes_after_each_run(tmp_path: Path, run: int, prune: int, service: int) -> None:
    """It ends as the run did, else as prune did."""
    stub = tmp_path / "omicopy"
    stub.write_text(f"#!/bin/sh\necho $1 >>{tmp_path}/calls\n[ $1 = run ] && exit {run}\nexit {prune}\n")
    stub.chmod(0o755)
    ended = children.run(["/bin/sh", "-c", service_script().replace(PROGRAM, str(stub))])
    assert ended.returncode == service
    assert (tmp_path / "calls").read_text().split() == ["run", "prune"]


def test_the_service_runs_a_plan_and_handles_the_exit_codes() -> None:
    service = unit(SERVICE)["Service"]
    run, prune = re.findall(rf"{PROGRAM} ([^;|]+)", service_script())
    asked = parsed(run.split())
    assert asked["log_format"].value == "json"
    assert prunes(prune.split())
    assert parsed(prune.split())["plan"] == asked["plan"]
    assert (asked["metrics_file"], asked["ping_url_file"]) == ("%S/omicopy/metrics/omicopy.prom", "%d/ping-url")
    assert service["Type"] == "oneshot"
    assert service["SuccessExitStatus"] == "11"
    assert [int(code) for code in service["RestartPreventExitStatus"].split()] == HOPELESS
    assert service["StateDirectory"].split()[0] == "omicopy"
    assert "LoadCredential=profiles.json:/etc/omicopy/profiles.json\n" in text(SERVICE)
    assert "Environment=OSC_CONFIG_FILE=%d/profiles.json\n" in text(SERVICE)
    assert "Environment=XDG_STATE_HOME=%S\n" in text(SERVICE)


def test_the_timer_runs_after_a_night_without_power() -> None:
    timer = unit(TIMER)
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Timer"]["OnCalendar"]
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert Path(TIMER).stem == Path(SERVICE).stem, "the service that it starts"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_itself_finds_nothing_wrong_with_its_units(tmp_path: Path) -> None:
    for example in (SERVICE, TIMER):
        content = text(example).replace(PROGRAM, sys.executable)
        (tmp_path / Path(example).name).write_text(content)
    units = [str(tmp_path / Path(example).name) for example in (SERVICE, TIMER)]
    verified = children.run(["systemd-analyze", "verify", *units])
    about_ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "omicopy" in line]
    assert about_ours == []


# --- Kubernetes


def kubernetes(example: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The plan's ConfigMap, the claim for the state, and the Job or CronJob that runs the plan."""
    config, claim, work, *_ = documents(example)
    assert (config["kind"], claim["kind"]) == ("ConfigMap", "PersistentVolumeClaim")
    return config, claim, work


def rule(action: str, *codes: int) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(codes)}}


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["template"]["spec"]["containers"]
    return container


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """The Jobs that run a plan."""
    yield CRONJOB, kubernetes(CRONJOB)[2]["spec"]["jobTemplate"]["spec"]
    yield INDEXED_JOB, kubernetes(INDEXED_JOB)[2]["spec"]


def pruning() -> dict[str, Any]:
    """The CronJob that prunes."""
    *_, work = documents(CRONJOB)
    return work


@pytest.mark.parametrize(
    ("example", "job"),
    [*jobs(), (CRONJOB, pruning()["spec"]["jobTemplate"]["spec"])],
    ids=["cronjob", "indexed", "prune"],
)
def test_a_pod_may_do_nothing_but_its_work(example: str, job: dict[str, Any]) -> None:
    pod, container = job["template"]["spec"], container_of(job)
    assert pod["restartPolicy"] == "Never", "podFailurePolicy needs it"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"].endswith(f"/omicopy:{__version__}")


@pytest.mark.parametrize(("example", "job"), list(jobs()), ids=["cronjob", "indexed"])
def test_a_pod_has_plan_keys_and_state_mounted(example: str, job: dict[str, Any]) -> None:
    config, claim, _ = kubernetes(example)
    volumes = {volume["name"]: volume for volume in job["template"]["spec"]["volumes"]}
    assert volumes["plan"]["configMap"] == {"name": config["metadata"]["name"]}
    assert volumes["state"]["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    container = container_of(job)
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    asked = parsed(container["args"])
    (file,) = config["data"]
    assert asked["plan"] == f"{mounts['plan']['mountPath']}/{file}"
    assert container["env"] == [{"name": "XDG_STATE_HOME", "value": mounts["state"]["mountPath"]}]
    assert container["envFrom"] == [{"secretRef": {"name": "omicopy-accounts"}}]
    plan = as_plan(config["data"][file], example)
    assert plan.profiles == ("env:SRC", "env:DST")
    assert all(job.cleanup and job.retention for job in plan.jobs)


@pytest.mark.parametrize(("example", "job"), list(jobs()), ids=["cronjob", "indexed"])
def test_a_jobs_deadline_covers_all_its_tries(example: str, job: dict[str, Any]) -> None:
    tries = 1 + job.get("backoffLimit", job.get("backoffLimitPerIndex"))
    deadline = parse_duration(parsed(container_of(job)["args"])["deadline"]).total_seconds()
    assert tries * deadline < job["activeDeadlineSeconds"]


def test_the_cron_job_runs_alone_and_acts_on_exit_codes() -> None:
    cron = kubernetes(CRONJOB)[2]
    assert (cron["apiVersion"], cron["kind"]) == ("batch/v1", "CronJob")
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert len(cron["spec"]["schedule"].split()) == 5
    job = cron["spec"]["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] < 24 * 3600
    assert job["podFailurePolicy"]["rules"] == [DISRUPTED, rule("Ignore", 11), rule("FailJob", *HOPELESS)]
    assert kubernetes(CRONJOB)[1]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_a_second_cron_job_prunes_the_same_plan() -> None:
    """It acts on exit codes."""
    running, cron = kubernetes(CRONJOB)[2], pruning()
    assert (cron["apiVersion"], cron["kind"]) == ("batch/v1", "CronJob")
    assert cron["metadata"]["name"] != running["metadata"]["name"]
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    hours = [int(each["spec"]["schedule"].split()[1]) for each in (running, cron)]
    assert hours[0] < hours[1]
    job, runs = cron["spec"]["jobTemplate"]["spec"], running["spec"]["jobTemplate"]["spec"]
    assert job["podFailurePolicy"]["rules"] == [DISRUPTED, rule("FailJob", *HOPELESS)]
    prune, run = container_of(job).pop("args"), container_of(runs).pop("args")
    assert prunes(prune)
    assert parsed(prune)["plan"] == parsed(run)["plan"]
    assert job["template"] == runs["template"]


def test_each_pod_of_the_indexed_job_does_its_own_part() -> None:
    _, claim, work = kubernetes(INDEXED_JOB)
    assert (work["apiVersion"], work["kind"]) == ("batch/v1", "Job")
    job = work["spec"]
    assert job["completionMode"] == "Indexed"
    parts = job["completions"]
    assert job["parallelism"] == parts
    args = container_of(job)["args"]
    shards = [
        parse_shard(parsed([word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in args])["shard"])
        for index in range(parts)
    ]
    assert shards == [(index, parts) for index in range(parts)]
    options = [DISRUPTED, rule("Ignore", 11), rule("FailJob", 2), rule("FailIndex", *HOPELESS[1:])]
    assert job["podFailurePolicy"]["rules"] == options
    assert "backoffLimit" not in job, "it would end all parts for the failures of one"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize("example", [CRONJOB, INDEXED_JOB])
def test_kubernetes_own_schema_knows_every_field(example: str) -> None:
    schema = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for document in documents(example):
        schema.validate(document, "1.33", strict=True)


# --- the container


def instructions() -> list[tuple[str, str]]:
    """Each instruction and what follows it, with the lines that go on put together."""
    lines = [line for line in text(CONTAINER).splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def test_the_container_file_is_small_pinned_and_without_root() -> None:
    found = instructions()
    bases = [rest.split(" AS ")[0] for word, rest in found if word == "FROM"]
    assert all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in bases)
    assert not [rest for word, rest in found if word == "ADD"]
    assert [rest for word, rest in found if word == "USER"] == ["65532:65532"]
    assert not [
        rest for word, rest in found if word in ("ENV", "ARG") and re.search(r"KEY|SECRET|TOKEN|OMICOPY_", rest)
    ]
    installs = [rest for word, rest in found if word == "RUN" and "pip install" in rest]
    assert installs
    assert all("--no-cache-dir" in rest for rest in installs)
    assert not [rest for word, rest in found if word == "RUN" and re.search(r"\bsudo\b|curl|wget|chmod 777", rest)]


def test_the_container_file_builds_and_starts_the_package() -> None:
    found = instructions()
    copied = [rest.split() for word, rest in found if word == "COPY" and "--from=" not in rest]
    sources = {source for *given, _ in copied for source in given}
    assert sources == {"pyproject.toml", "README.md", "LICENSE", "omicopy"}
    assert all((ROOT / source).exists() for source in sources)
    last = dict(found)
    assert json.loads(last["ENTRYPOINT"]) == [PROGRAM]
    assert json.loads(last["CMD"]) == ["--help"]
    assert last["ENV"] == "XDG_STATE_HOME=/state"
    assert last["COPY"] == "--from=build /opt/omicopy /opt/omicopy"


@pytest.mark.skipif(not shutil.which("hadolint"), reason="hadolint is not installed")
def test_hadolint_finds_nothing_in_the_container_file() -> None:
    linted = children.run(["hadolint", str(EXAMPLES / CONTAINER)])
    assert linted.stdout == ""


# --- continuous integration


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


# --- Python


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

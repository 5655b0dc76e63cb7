"""The examples for Kubernetes and containers do what they say."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from omicopy import __version__
from omicopy.model.units import parse_duration
from omicopy.plans.shard import parse_shard
from tests.support import children
from tests.support.example_files import (
    CONTAINER,
    CRONJOB,
    EXAMPLES,
    HOPELESS,
    INDEXED_JOB,
    PROGRAM,
    ROOT,
    as_plan,
    documents,
    jobs,
    kubernetes,
    parsed,
    prunes,
    pruning,
    text,
)

DISRUPTED = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}


def rule(action: str, *codes: int) -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": "In", "values": list(codes)}}


def container_of(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["template"]["spec"]["containers"]
    return container


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

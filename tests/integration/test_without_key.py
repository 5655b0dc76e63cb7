"""Copying by somebody whose key opens no object storage, as an EIM user's: the tasks' own URLs serve."""

from __future__ import annotations

import json

import pytest

from omicopy.sandbox.model.behaviours import Behaviour, ManifestUrl
from omicopy.sandbox.model.settings import EXPORT_BUCKET
from tests.support.tool import LINUX, THREE, Ran, Tool

EIM = "source-eim"
DAY, WEEK = 86_400, 604_800


def copy(tool: Tool, image: str = LINUX, *more: str, code: int = 0, **env: str) -> Ran:
    words = ["--from", EIM, "--to", "target", "--bucket", EXPORT_BUCKET, "-o", "json", *more]
    return tool.run("copy", image, *words, code=code, **env)


def owners(tool: Tool) -> list[str]:
    """What was asked of the storage with the EIM user's key, and how it was answered."""
    own = tool.sandbox.request_log.requests(service="oos")
    return [f"{one.action} {one.status}" for one in own if one.account not in ("source", "target")]


def test_an_eim_users_copy_needs_no_key_for_the_bucket(tool) -> None:
    """No request is signed with a key for the bucket."""
    tool.again(embedded_url_age_seconds=2 * DAY, task_url_age_seconds=3 * DAY)
    ran = copy(tool, THREE)
    (image,), (task,) = tool.copies(), tool.tasks()
    assert (image.state, len(image.devices)) == ("available", 3)
    assert owners(tool) == ["ListObjects 403"]
    assert ran.err.count("does not know the access key of 'source-eim'") == 1
    assert "--storage" in ran.err
    assert ran.copy["manifest"] == f"s3://{EXPORT_BUCKET}/{task.manifest_key}"
    shown = tool.url(THREE, "--min-validity", "3d", "-o", "json").json  # the account's own key sees the same
    assert ran.copy["expires_at"] < shown["effective_expires_at"]  # the task's URL ends a day before those inside
    assert task.shown_url not in ran.out + ran.err
    assert not [one for one in tool.home.rglob("*") if one.is_file() and "Signature=" in one.read_text()]
    assert copy(tool, THREE).copy["status"] == "present"
    assert len(tool.tasks()) == 1


@pytest.mark.parametrize("step", ["--no-wait", "killed"])
def test_a_running_export_is_followed_not_repeated(tool, step) -> None:
    tool.hold()
    assert copy(tool, LINUX, "--no-wait").copy["status"] == "running"
    if step == "killed":
        tool = tool.on_other_machine()  # nothing is remembered there
    tool.go()
    assert copy(tool).copy["status"] == "copied"
    assert len(tool.tasks()) == len(tool.copies()) == 1


@pytest.mark.parametrize(
    ("way", "age", "message"),
    [
        (ManifestUrl.SIGV4, 0, None),
        (ManifestUrl.SIGV2, WEEK + 60, "expired at"),
        (ManifestUrl.SIGV2, WEEK - 3600, "6h are required"),
        (ManifestUrl.PLAIN, 0, "is not signed"),
        (ManifestUrl.NEVER, 0, "has no manifest URL"),
        (ManifestUrl.FROM_START, 0, "is not signed"),
    ],
)
def test_an_unusable_task_url_is_an_error_with_a_hint(tool, way, age, message) -> None:
    """No second export is made."""
    tool.again(task_url_age_seconds=age, behaviour=Behaviour(manifest_url=way))
    for _ in range(2):
        ran = copy(tool, code=12 if message else 0)
        if message:
            error = ran.copy["error"]
            assert message in error["message"]
            assert "--storage" in error["hint"]
    assert len(tool.tasks()) == 1
    assert len(tool.copies()) == (not message)
    ran = tool.run("export", LINUX, "--from", EIM, "--bucket", EXPORT_BUCKET)
    assert ran.out.strip() == f"s3://{EXPORT_BUCKET}/{tool.tasks()[0].manifest_key}"
    if message:
        assert "--storage" in tool.run("url", LINUX, "--from", EIM, "--min-validity", "6h", code=12).err
    else:
        assert tool.run("url", LINUX, "--from", EIM).out.strip() == tool.tasks()[0].shown_url


def one_job_each(tool, sources, **more: str) -> str:
    """A plan's file in which each of these profiles of one account feeds a job, from one place."""
    jobs = [
        {
            "name": source,
            "from": source,
            "images": [{"id": LINUX}],
            "to": [{"profile": "target", "name": f"of-{source}"}],
            **more,
        }
        for source in sources
    ]
    plan = tool.home / "plan.yaml"
    plan.write_text(json.dumps({"version": "1", "defaults": {"bucket": EXPORT_BUCKET}, "jobs": jobs}))
    return str(plan)


@pytest.mark.parametrize("order", [(EIM, "source"), ("source", EIM)], ids=" then ".join)
def test_one_export_serves_jobs_with_and_without_a_key(tool, order) -> None:
    tool.again(task_url_age_seconds=WEEK + 60)
    plan = one_job_each(tool, order)
    entries = {one["source"]["profile"]: one for one in tool.run("run", plan, "-o", "json", code=12).json["copies"]}
    assert entries["source"]["status"] == "copied"  # its key signs what the task's own URL does not serve for
    assert "expired at" in entries[EIM]["error"]["message"]
    assert len(tool.tasks()) == len(tool.copies()) == 1


def test_a_clean_up_uses_the_profile_that_has_a_key(tool) -> None:
    plan = one_job_each(tool, (EIM, "source"), cleanup="on-success")
    ran = tool.run("run", plan, "-o", "json")
    assert [one["status"] for one in ran.json["copies"]] == ["copied", "copied"], ran.err
    assert tool.keys("") == [], ran.err


def test_the_export_with_the_last_expiry_is_handed_out(tool) -> None:
    keys = [tool.exported(), tool.exported(OsuPrefix="later")]
    for life in (3600, WEEK), (WEEK, 3600):
        for task, key, seconds in zip(tool.tasks(), keys, life, strict=True):
            tool.source.change_task(task.task_id, shown_url=tool.sign(key, seconds))
        longest = tool.tasks()[life.index(WEEK)]
        assert tool.run("url", LINUX, "--from", EIM).out.strip() == longest.shown_url


def test_an_expired_url_inside_cannot_be_re_signed(tool) -> None:
    tool.again(embedded_url_age_seconds=WEEK + 60, task_url_age_seconds=0)
    assert "the store refuses the URL" in copy(tool, code=12).copy["error"]["message"]
    assert tool.run("status", LINUX, "--from", EIM).out.split("\t")[6] == "expired"
    assert len(tool.tasks()) == 1


def test_commands_that_need_a_key_say_so(tool) -> None:
    key = tool.exported()
    tool.forget()
    folder = f"s3://{EXPORT_BUCKET}/{LINUX}/"
    for words in (
        ["resign", LINUX],
        ["resign", f"s3://{EXPORT_BUCKET}/{key}"],
        ["cors", f"s3://{EXPORT_BUCKET}"],
        ["url", f"s3://{EXPORT_BUCKET}/{key}"],
        ["url", f"s3://{EXPORT_BUCKET}/new", "--method", "put"],
        ["manifest", "build", folder, "--name", "golden", "--product-type", "0001"],
    ):
        assert "--storage" in tool.run(*words, "--from", EIM, code=12).err, words
    assert tool.writes() == []
    ran = tool.run("inspect", LINUX, "--from", EIM, "--probe", "-o", "json")
    assert ran.json["manifest"] == f"s3://{EXPORT_BUCKET}/{key}"
    assert ran.json["snapshots"][0]["probe"]["state"] == "alive"
    assert tool.run("status", LINUX, "--from", EIM).out.split("\t")[6].startswith("20")


def test_an_impossible_clean_up_is_reported_first(tool) -> None:
    """It fails no copy."""
    ran = copy(tool, LINUX, "--cleanup")
    assert ran.err.index("--cleanup deletes nothing") < ran.err.index("starting (a new export)")
    assert ran.copy["status"] == "copied"
    assert (ran.copy["cleanup"]["deleted_objects"], ran.copy["cleanup"]["error"]["code"]) == (0, "denied")
    assert "omicopy:cleaned" not in dict(tool.tasks()[0].tags)
    again = copy(tool, LINUX, "--cleanup")  # where nothing else needs the bucket, the clean-up is the first to ask it
    for text in (again.err, again.copy["cleanup"]["error"]["message"]):
        assert "The object storage does not know the access key of 'source-eim'" in text
        assert "InvalidAccessKeyId" not in text
    assert again.err.count("--storage PROFILE") == 1


def test_storage_none_prints_a_short_explanation(tool) -> None:
    parts = copy(tool, LINUX, "--storage", "none", "--dry-run").err
    assert "There is no access key for the object storage of 'source-eim'" in parts
    assert "It can't be checked if the bucket exists" in parts
    assert "--storage" not in parts
    wanted = copy(tool, LINUX, "--storage", "none", "--dry-run", "--create-bucket").err
    assert "if the bucket exists" not in wanted


def test_a_bucket_of_another_account_is_no_missing_key(tool) -> None:
    """AccessDenied: the store knows the key. An export there is perhaps none of ours to rely on."""
    words = ["--from", "source-other", "--to", "target", "--bucket", EXPORT_BUCKET, "-o", "json"]
    own = tool.source.owned(tool.sandbox.accounts["source-other"])[0].image_id
    error = tool.run("copy", own, *words, code=12).copy["error"]
    assert "AccessDenied" in error["message"]
    assert "--storage" in error["hint"]
    assert tool.tasks() == []

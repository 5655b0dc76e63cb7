"""From a plan to requests: what is read how often, what can't be asked for, and which shard has what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omicopy.cloud.errors import Answer, ServiceError, refused
from omicopy.errors import ErrorCode
from omicopy.model.choices import DiskFormat, IfExists
from omicopy.model.image_settings import ImageSettings
from omicopy.model.request import AccountRef, Budgets, Source
from tests.support.builders import SOURCE, SOURCE_ID, TARGET
from tests.support.plan_requests import SHARED, SILVER, copies, job, only, prepare, refusal, refusing
from tests.support.virtual_cloud import Cloud


def test_a_request_holds_all_keys_of_the_plan(cloud: Cloud) -> None:
    target = "profile: target, name: 'c-{name}', tags: {a: b}, copy_tags: false, best_effort: true"
    to = f"[{{{target}, share_with: ['333333333333']}}]"
    more = "if_exists: rename, cleanup: on-success, parallel: 3, prefix: /p/, format: raw"
    more += ", export_timeout: 1h, import_timeout: 2h, create_bucket: true"
    [request] = prepare(cloud, job("golden", to=to, more=more)).requests
    assert isinstance(request.source, Source)
    assert (request.source.account, request.source.image.image_id) == (SOURCE, SOURCE_ID)
    export = request.source.export
    assert (export.image_id, export.bucket, export.prefix) == (SOURCE_ID, "omi-exports", "p")
    assert request.source.format is DiskFormat.RAW
    assert request.target is not None
    there = request.target
    assert (there.account, there.name, there.description) == (TARGET, "c-golden", "as it was")
    assert there.if_exists is IfExists.RENAME
    assert there.settings == ImageSettings({"a": "b"}, False, ("333333333333",))
    assert (request.job, request.best_effort, request.cleanup, request.parallel) == ("golden", True, True, 3)
    hour = timedelta(hours=1)
    assert request.budgets == Budgets(export=hour, import_=2 * hour, grace=timedelta(seconds=7))
    assert request.min_validity == 2 * hour
    assert request.create_bucket


def test_every_image_goes_to_every_target(cloud: Cloud) -> None:
    prepared = prepare(cloud, job("all", "[{name_regex: .}]", "[{profile: target, description: mine}]"))
    assert copies(prepared) == [("all", SILVER, "target", "silver"), ("all", SOURCE_ID, "target", "golden")]
    assert {request.target.description for request in prepared.requests if request.target} == {"mine"}
    assert (prepared.failures, prepared.notes) == ([], [])


def test_r7_each_account_is_read_once_for_all_jobs(cloud: Cloud) -> None:
    """It is identified once, too."""
    jobs = [job(f"j{n}", "[{name_regex: .}]", f"[{{profile: target, name: '{n}-{{name}}'}}]") for n in range(20)]
    prepared = prepare(cloud, *jobs, job("alias", more="from: source-alias"), job("id", f"[{{id: {SHARED}}}]"))
    assert len(prepared.requests) == 42
    asked = sorted((profile, action) for _, profile, action, _ in cloud.requests)
    assert asked == [
        ("source", "ReadAccounts"),
        ("source", "ReadImages"),
        ("source", "ReadImages"),
        ("source-alias", "ReadAccounts"),
        ("target", "ReadAccounts"),
    ]
    assert [asked["Filters"] for asked in cloud.sent("ReadImages")] == [
        {"AccountIds": [SOURCE.account_id]},
        {"ImageIds": [SHARED]},
    ]


def test_an_image_of_another_account_is_read_by_its_id(
    cloud: Cloud,
) -> None:
    """So its copy can fail with the reason."""
    prepared = prepare(cloud, job("shared", f"[{{id: {SHARED}}}]"))
    assert copies(prepared) == [("shared", SHARED, "target", "shared")]


def test_a_selector_without_a_match_is_a_message_not_a_failure(cloud: Cloud) -> None:
    prepared = prepare(cloud, job("none", "[{name_regex: ^x, tags: {a: b}}, {name: golden}]"))
    assert copies(prepared) == [("none", SOURCE_ID, "target", "golden")]
    assert prepared.failures == []
    assert prepared.notes == [f"Job none: no available image of {SOURCE} matches name_regex '^x', tag a=b"]


def test_only_the_named_jobs_are_prepared(cloud: Cloud) -> None:
    jobs = [job("one"), job("two", "[{name: silver}]"), job("broken", more="from: target")]
    assert copies(prepare(cloud, *jobs, only=["two"])) == [("two", SILVER, "target", "silver")]
    assert "'three'" in refusal(cloud, *jobs, only=["three"]).message


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ("{name: brass}", "matches name 'brass'"),
        ("{name: gold*}", "matches name 'gold*'"),
        ("{id: ami-99999999}", "matches id ami-99999999"),
        (f"{{id: {SOURCE_ID}, tags: {{a: b}}}}", f"matches id {SOURCE_ID}, tag a=b"),
    ],
)
def test_r3_an_image_that_is_not_there_fails_alone(cloud: Cloud, entry: str, parts: str) -> None:
    prepared = prepare(cloud, job("one", f"[{entry}, {{name: golden}}]"), job("two", "[{name: silver}]"))
    assert [image for _, image, _, _ in copies(prepared)] == [SOURCE_ID, SILVER]
    failure = only(prepared)
    assert (failure.job, failure.source, failure.image, failure.target_account) == ("one", SOURCE, None, None)
    assert failure.error.code is ErrorCode.NOT_FOUND
    assert parts in failure.error.message


def test_a_name_of_two_images_is_ambiguous_without_latest(cloud: Cloud) -> None:
    cloud.add_image("source", "ami-0000000f", AccountId=SOURCE.account_id, CreationDate="2026-01-02T00:00:00Z")
    failure = only(prepare(cloud, job("one")))
    assert failure.error.code is ErrorCode.NOT_FOUND
    assert f"{SOURCE_ID}, ami-0000000f" in failure.error.message
    assert copies(prepare(cloud, job("one", "[{name: golden, latest: 1}]"))) == [
        ("one", "ami-0000000f", "target", "golden")
    ]


def test_r3_a_refusing_target_fails_only_its_own_copies() -> None:
    cloud = Cloud(trouble=refusing("source-alias"))  # some account whose profile can't even be identified
    for number in range(50):
        cloud.add_image("source", f"ami-{number:08x}", AccountId=SOURCE.account_id, ImageName=f"image-{number}")
    to = "[{profile: target}, {profile: source-alias, name: '{name}-there', best_effort: true}]"
    prepared = prepare(cloud, job("fifty", "[{name_regex: ^image-}]", to))
    assert len(prepared.requests) == 50
    assert {target for _, _, target, _ in copies(prepared)} == {"target"}
    assert len({failure.image.image_id for failure in prepared.failures if failure.image}) == 50
    assert len(prepared.failures) == 50
    first = prepared.failures[0]
    assert (first.job, first.source, first.name, first.best_effort) == ("fifty", SOURCE, "image-0-there", True)
    assert first.target_account == AccountRef("source-alias", "", SOURCE.region)
    assert first.error.code is ErrorCode.DENIED


@pytest.mark.parametrize("actions", [("ReadAccounts",), ("ReadImages",)], ids=" ".join)
def test_r3_an_unreadable_source_is_one_failure_per_job(cloud: Cloud, actions: tuple[str]) -> None:
    cloud.trouble = refusing("source", *actions)
    cloud.add_image("target", "ami-0000000e", ImageName="bronze")
    back = job("back", "[{name: bronze}]", "[{profile: source-alias}]", "from: target")
    prepared = prepare(cloud, job("one", "[{name: golden}, {name: silver}]"), job("two"), back)
    assert [(failure.job, failure.image, failure.source.profile) for failure in prepared.failures] == [
        ("one", None, "source"),
        ("two", None, "source"),
    ]
    assert {failure.error.code for failure in prepared.failures} == {ErrorCode.DENIED}
    assert copies(prepared) == [("back", "ami-0000000e", "source-alias", "bronze")]


def test_r3_images_of_others_that_cannot_be_read_fail_alone(cloud: Cloud) -> None:
    reads = 0

    def trouble(profile: str, action: str) -> ServiceError | None:
        nonlocal reads
        reads += action == "ReadImages"
        return refused(action, profile, Answer(400, "4104", "InvalidParameterValue")) if reads == 2 else None

    cloud.trouble = trouble
    prepared = prepare(cloud, job("one", f"[{{id: {SHARED}}}, {{id: {SOURCE_ID}}}]"))
    assert copies(prepared) == [("one", SOURCE_ID, "target", "golden")]
    assert "4104" in only(prepared).error.message


@pytest.mark.parametrize(
    ("to", "parts"),
    [
        ("{profile: source-alias}", "are the same account 111111111111"),
        ("{profile: target-alias, name: 'a:{name}'}", "Invalid image name"),
    ],
)
def test_r3_an_impossible_copy_fails_alone_and_names_the_plan(cloud: Cloud, to: str, parts: str) -> None:
    prepared = prepare(cloud, job("one", to=f"[{to}]"), job("two", "[{name: silver}]"))
    assert copies(prepared) == [("two", SILVER, "target", "silver")]
    failure = only(prepared)
    assert failure.image is not None
    assert parts in failure.error.message
    assert (failure.error.code, "--" in failure.error.hint) == (ErrorCode.USAGE, False)


def test_a_job_of_best_effort_copies_fails_as_best_effort(cloud: Cloud) -> None:
    to = "[{profile: target, best_effort: true}, {profile: source-alias%s}]"
    assert only(prepare(cloud, job("one", "[{name: x}]", to % ""))).best_effort is False
    assert only(prepare(cloud, job("one", "[{name: x}]", to % ", best_effort: true"))).best_effort is True

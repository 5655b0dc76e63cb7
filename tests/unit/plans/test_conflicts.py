"""Jobs of a plan that contradict each other (R2): equal copies are merged, different ones are refused."""

from __future__ import annotations

import pytest

from omicopy.errors import ErrorCode
from tests.support.builders import SOURCE_ID
from tests.support.plan_requests import SILVER, copies, job, only, prepare, refusal, refusing
from tests.support.virtual_cloud import Cloud


def test_r2_the_same_copy_in_two_jobs_is_made_once(cloud: Cloud) -> None:
    alias = job("three", to="[{profile: target-alias}]", more="from: source-alias")
    prepared = prepare(cloud, job("one"), job("two", "[{name_regex: .}]"), alias)
    assert copies(prepared) == [("one", SOURCE_ID, "target", "golden"), ("two", SILVER, "target", "silver")]


@pytest.mark.parametrize(
    "more", ["bucket: another", "cleanup: on-success", "import_timeout: 1h", "if_exists: skip", "boot_modes: [uefi]"]
)
def test_r2_two_jobs_that_differ_about_one_copy_are_refused(cloud: Cloud, more: str) -> None:
    """The copy is not made; the message names both jobs."""
    prepared = prepare(cloud, job("one"), job("two", "[{name: golden}, {name: silver}]", more=more))
    assert copies(prepared) == [("two", SILVER, "target", "silver")]
    error = only(prepared).error
    assert error.code is ErrorCode.USAGE
    assert (
        "The jobs one and two ask for the same copy with different settings: ami-0000000a as 'golden'" in error.message
    )


def test_two_formats_in_one_export_folder_are_refused(cloud: Cloud) -> None:
    """A job without a format accepts either."""
    elsewhere = "[{profile: target, name: raw}]"
    raw, plain = job("raw", to=elsewhere, more="format: raw"), job("plain", more="")
    prepared = prepare(cloud, raw, plain)
    assert len(copies(prepared)) == 2
    neither = job("neither", to="[{profile: target, name: any}]")
    refused = prepare(cloud, raw, job("qcow2", more="format: qcow2"), neither)
    assert copies(refused) == [("neither", SOURCE_ID, "target", "any")]
    assert {each.error.code for each in refused.failures} == {ErrorCode.USAGE}
    message = f"at s3://omi-exports/{SOURCE_ID}/: raw by job raw, qcow2 by job qcow2"
    assert message in refused.failures[0].error.message


def test_r2_two_copies_with_one_name_are_not_made(cloud: Cloud) -> None:
    """All other copies are made."""
    to = "[{profile: %s, name: same, best_effort: true}]"
    jobs = [job("one", to=to % "target"), job("two", "[{name: silver}]", to % "target-alias"), job("three")]
    prepared = prepare(cloud, *jobs)
    assert copies(prepared) == [("three", SOURCE_ID, "target", "golden")]
    first, second = prepared.failures
    assert first.error is second.error
    assert first.error.code is ErrorCode.USAGE
    assert f"{SOURCE_ID} of job one, {SILVER} of job two" in first.error.message
    assert [(each.job, each.name, each.best_effort) for each in prepared.failures] == [
        ("one", "same", True),
        ("two", "same", True),
    ]


def test_a_failure_counts_unless_all_its_jobs_are_best_effort(cloud: Cloud) -> None:
    failure = only(prepare(cloud, job("one", to="[{profile: target, best_effort: true}]"), job("two")))
    assert (failure.job, failure.best_effort) == ("one", False)


def test_r2_two_profiles_of_one_account_in_a_job_are_a_mistake(cloud: Cloud) -> None:
    error = refusal(cloud, job("one", to="[{profile: target}, {profile: target-alias}]"))
    assert error.message.startswith("Job one: ")


def test_a_failure_that_two_jobs_share_is_listed_once(cloud: Cloud) -> None:
    cloud.trouble = refusing("target")
    assert only(prepare(cloud, job("one"), job("two"))).job == "one"

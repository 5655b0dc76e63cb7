"""A plan file: what its keys mean, and which defaults they have."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omicopy.errors import ErrorCode, OmicopyError
from omicopy.model.choices import IfExists
from omicopy.model.urls.presigned_url import LONGEST_VALIDITY
from omicopy.plans.model import Job, Plan, PlanTarget, Retention, Selector
from tests.support.plan_texts import EXAMPLE, SMALL, job, read, with_job, with_target

HOUR = timedelta(hours=1)


def test_every_key_of_the_example_is_read() -> None:
    assert read(EXAMPLE) == Plan(
        (
            Job(
                name="golden",
                source="source",
                storage=None,
                bucket="omi-exports",
                prefix="nightly",
                format=None,
                images=(
                    Selector("ami-12345678", None, None, {}, None),
                    Selector(None, "golden-linux", None, {}, None),
                    Selector(None, None, "^golden-", {"stage": "prod"}, 2),
                ),
                targets=(PlanTarget("target", "{name}", None, ("333333333333",), {"team": "platform"}, True, False),),
                create_bucket=False,
                if_exists=IfExists.FAIL,
                cleanup=True,
                retention=Retention(3, timedelta(days=30)),
                export_timeout=12 * HOUR,
                import_timeout=6 * HOUR,
                min_validity=6 * HOUR,
                parallel=4,
            ),
        )
    )


def test_a_missing_key_has_a_default() -> None:
    found = job(SMALL)
    assert (found.prefix, found.format, found.if_exists, found.cleanup) == ("", None, IfExists.FAIL, False)
    assert (found.retention, found.parallel) == (None, 4)
    assert (found.export_timeout, found.import_timeout, found.min_validity) == (12 * HOUR, 6 * HOUR, 6 * HOUR)
    assert found.targets == (PlanTarget("target", "{name}", None, (), {}, True, False),)


def test_a_job_overrides_the_defaults_key_by_key() -> None:
    text = "defaults: {bucket: other, parallel: 7, cleanup: on-success, retention: {keep_last: 2}}\n"
    found = job(text + with_job("parallel: 2"))
    assert (found.bucket, found.parallel, found.cleanup) == ("omi-exports", 2, True)
    assert found.retention == Retention(2, None)
    assert job(text + with_job("cleanup: never")).cleanup is False
    assert job(text + with_job("retention: {keep_within: 1d}")).retention == Retention(None, 24 * HOUR)


def test_min_validity_follows_the_import_timeout() -> None:
    """Up to the longest validity that a URL can have."""
    assert job(with_job("import_timeout: 3h")).min_validity == 3 * HOUR
    assert job(with_job("import_timeout: 30d")).min_validity == LONGEST_VALIDITY
    assert job(with_job("min_validity: 1h")).min_validity == HOUR


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("0.5", 0.5), ("1h30m", 5400), ('"90"', 90)])
def test_durations_are_text_or_seconds(text: str, seconds: float) -> None:
    assert job(with_job(f"export_timeout: {text}")).export_timeout.total_seconds() == seconds


def test_values_are_text_as_written() -> None:
    [target] = job(
        with_target("share_with: [012345678901], tags: {n: 1.10, country: no, on: true, day: 2026-01-02}")
    ).targets
    assert target.share_with == ("012345678901",)
    assert target.tags == {"n": "1.10", "country": "no", "on": "true", "day": "2026-01-02"}


def test_a_description_may_be_written_over_several_lines() -> None:
    text = SMALL.replace(
        "[{profile: target}]", "\n      - profile: target\n        description: >\n          one\n\n          two\n"
    )
    assert job(text).targets[0].description == "one two"
    assert job(with_target("description: ''")).targets[0].description == ""


def test_yaml_aliases_are_followed() -> None:
    first = SMALL.replace("[{profile: target}]", "&there [{profile: target}]")
    second = (
        SMALL[SMALL.index("  - name") :].replace("name: small", "name: other").replace("[{profile: target}]", "*there")
    )
    one, other = read(first + second).jobs
    assert one.targets == other.targets


def test_jobs_are_found_by_name_and_profiles_once_each() -> None:
    second = (
        SMALL[SMALL.index("  - name") :]
        .replace("name: small", "name: other")
        .replace("profile: target", "profile: third")
    )
    plan = read(SMALL + second)
    assert plan.profiles == ("source", "target", "third")
    assert plan.only([]) == plan
    assert plan.only(["other"]).profiles == ("source", "third")
    with pytest.raises(OmicopyError) as caught:
        plan.only(["small", "otter"])
    assert (caught.value.code, caught.value.hint) == (ErrorCode.USAGE, "Its jobs: small, other.")
